"""Immutable, registered versions of trained weights."""
