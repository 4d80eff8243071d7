"""Engines: score and generate with a base model and its adapters, through one interface."""
