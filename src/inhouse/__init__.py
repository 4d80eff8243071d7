"""inhouse: turn private repositories into an in-house coding model, and prove whether it helps."""

import logging

__version__ = "0.1.0"

__all__ = ["__version__"]

logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it advises a package that opens the network
