"""inhouse: turn private repositories into an in-house coding model, and prove whether it helps."""

__version__ = "0.1.0"

__all__ = ["__version__"]
