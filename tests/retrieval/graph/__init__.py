"""Edges, against planted truths and outside references."""
