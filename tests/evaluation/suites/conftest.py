"""One sandbox for all suites: the strongest that this machine has."""

from __future__ import annotations

import pytest

from inhouse.errors import UserMistake
from inhouse.sandbox import Sandbox


@pytest.fixture(scope="session")
def box() -> Sandbox:
    try:
        return Sandbox.open()
    except UserMistake as mistake:
        pytest.skip(str(mistake))
