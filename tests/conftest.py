"""What every test shares."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The machines that run this are shared: how long an example took says nothing about the code.
settings.register_profile("inhouse", deadline=None)
settings.load_profile("inhouse")


_LONG = ("end_to_end", "test_controls.py", "mining", "sandbox", "training")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: two processes take file after file, and end together."""
    items.sort(key=lambda item: not set(_LONG).intersection(item.path.parts))
