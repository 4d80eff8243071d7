"""What every test shares."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The machines that run this are shared: how long an example took says nothing about the code.
settings.register_profile("inhouse", deadline=None)
settings.load_profile("inhouse")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, and all end-to-end tests: they share what is dear to make."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)  # the longest group starts first
    for item in items:
        path = Path(item.path)
        group = "end_to_end" if "end_to_end" in path.parts else path.stem
        item.add_marker(pytest.mark.xdist_group(group))
