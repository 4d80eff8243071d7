"""Serving: the base model and every registered adapter behind an OpenAI-compatible HTTP interface."""
