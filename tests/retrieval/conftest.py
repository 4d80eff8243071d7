"""A PostgreSQL server for the tests that ask for one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from inhouse.retrieval.places import Address, address
from tests.postgres_server import PostgresServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """One per process of the test run; each test has indexes of its own in it."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture
def place(server: PostgresServer) -> Address:
    """An index on the server that nobody has used yet."""
    return address(server.url(f"test_{next(_numbers)}"))
