"""`python -m inhouse` is `inhouse`."""

from __future__ import annotations

import sys

from inhouse.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
