"""An index on a server: whose schema it is, what is said when the server is away, no password anywhere."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pg8000 import native

from inhouse.errors import UserMistake
from inhouse.retrieval.places import Address, address, open_store, place_of, redacted, tip
from inhouse.retrieval.postgres import PostgresStore
from inhouse.retrieval.tables import SCHEMA
from tests.postgres_server import PostgresServer
from tests.retrieval.test_store import _facts

_SECRET = "hunter2"


def _admin(server: PostgresServer, database: str = "postgres") -> native.Connection:
    socket = f"{server.folder}/.s.PGSQL.{server.port}"
    return native.Connection(server.user, unix_sock=socket, database=database, ssl_context=False)


# ------------------------------------------------------------------ addresses


def test_an_address_is_read_and_written_back() -> None:
    found = address("postgresql://ada@db.example:5433/code?index=shop&sslmode=require")
    assert found == Address("ada", "db.example", 5433, "code", "shop", "require")
    assert address(str(found)) == Address("ada", "db.example", 5433, "code", "shop", "prefer")
    socket = address("postgres://ada@/code?host=/run/pg&index=shop")
    assert (socket.host, socket.port, address(str(socket))) == ("/run/pg", 5432, socket)
    assert place_of("/a/b.db") == Path("/a/b.db")
    assert tip(Path("/w"), "") == Path("/w/index/tip.db")
    assert tip(Path("/w"), str(found)) == address(str(found))


def test_the_user_comes_from_the_environment_when_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "grace")
    assert address("postgresql://h/d?index=i").user == "grace"


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("postgresql://u@h/d", "has a name of its own"),
        ("postgresql://u@h/d?index=", "has a name of its own"),
        ("postgresql://u@h/d?index=Shop", "small letters"),
        ("postgresql://u@h/d?index=a;drop", "small letters"),
        ("postgresql://u@h/d?index=" + "a" * 41, "small letters"),
        ("postgresql://u@h?index=a", "a form of its own"),
        ("postgresql:///d?index=a", "a form of its own"),
        ("postgresql://u@h:port/d?index=a", "a form of its own"),
        ("postgresql://u@h/d/e?index=a", "a form of its own"),
        ("postgresql://u@h/d?index=a&pool=3", "a form of its own"),
        ("postgresql://u@h/d?index=a&sslmode=maybe", "sslmode is one of"),
        ("mysql://u@h/d?index=a", "a form of its own"),
        ("postgresql://u@h/d?index=a#b", "a form of its own"),
    ],
)
def test_a_wrong_address_is_one_sentence(url: str, rule: str) -> None:
    with pytest.raises(UserMistake, match=rule):
        address(url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{_SECRET}@h/d?index=a",
        f"postgresql://u:{_SECRET}@h:port/d?index=a",
        f"postgresql://u:a@b/{_SECRET}@h/d?index=a",
        f"postgresql://u:/{_SECRET}@h/d?index=a",
        f"postgresql://u@h/d?password={_SECRET}&index=a",
        f"postgresql://u@h/d?index=a&Password={_SECRET}",
    ],
)
def test_a_password_in_an_address_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(UserMistake) as refused:
        address(url)
    assert _SECRET not in str(refused.value)
    assert _SECRET not in redacted(url)


# ------------------------------------------------------------------ the password


def test_the_password_comes_from_the_environment_and_stays_there(
    server: PostgresServer, place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_tcp = address(server.url(place.index, over_tcp=True))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with pytest.raises(UserMistake, match=r"wants a password.*set PGPASSWORD"):
        PostgresStore(over_tcp)
    monkeypatch.setenv("PGPASSWORD", _SECRET)
    with pytest.raises(UserMistake, match="must be known") as refused:
        PostgresStore(over_tcp)
    assert _SECRET not in str(refused.value)
    monkeypatch.setenv("PGPASSWORD", server.password)
    with PostgresStore(over_tcp) as store:
        store.replace([_facts("a.py", "x")])
        kept = [
            *store.rows(),
            *store.kept().items(),
            *store.versions().items(),
            store._database.name,
            repr(place),
        ]
    assert server.password not in str(kept)


# ------------------------------------------------------------------ whose schema it is


def test_a_schema_of_another_program_is_left_as_it_is(server: PostgresServer, place: Address) -> None:
    connection = _admin(server)
    connection.run(f"CREATE SCHEMA {place.schema}; CREATE TABLE {place.schema}.file (path TEXT)")
    for _ in range(2):
        with pytest.raises(UserMistake, match="an index is a schema that inhouse made"):
            PostgresStore(place)
    assert not place.exists()
    rows = connection.run("SELECT tablename FROM pg_tables WHERE schemaname = :name", name=place.schema)
    assert rows == [["file"]]


def test_an_empty_schema_that_an_administrator_made_is_used(server: PostgresServer, place: Address) -> None:
    _admin(server).run(f"CREATE SCHEMA {place.schema}")
    with PostgresStore(place) as store:
        assert store.counts()["files"] == 0
    assert place.exists()


def test_a_newer_index_is_refused_and_an_older_one_built_anew(server: PostgresServer, place: Address) -> None:
    with PostgresStore(place) as store:
        store.replace([_facts("a.py", "x")])
    connection = _admin(server)
    connection.run(f"COMMENT ON SCHEMA {place.schema} IS 'inhouse index, schema {SCHEMA + 1}'")
    with pytest.raises(UserMistake, match="newer version"):
        PostgresStore(place)
    connection.run(f"COMMENT ON SCHEMA {place.schema} IS 'inhouse index, schema {SCHEMA - 1}'")
    with PostgresStore(place) as store:
        assert set(store.counts().values()) == {0}


def test_what_is_opened_for_reading_is_neither_made_nor_emptied(
    server: PostgresServer, place: Address
) -> None:
    with pytest.raises(UserMistake, match="there is no index yet"):
        open_store(place, read_only=True)
    assert not place.exists()
    with PostgresStore(place) as store:
        store.replace([_facts("a.py", "x")])
    with open_store(place, read_only=True) as store:
        assert store.counts()["files"] == 1
        with pytest.raises(UserMistake, match="opened for reading"):
            store.remove(["a.py"])
    _admin(server).run(f"COMMENT ON SCHEMA {place.schema} IS 'inhouse index, schema {SCHEMA - 1}'")
    with pytest.raises(UserMistake, match="older version"):
        open_store(place, read_only=True)
    assert _admin(server).run(f"SELECT count(*) FROM {place.schema}.file") == [[1]]


def test_indexes_of_one_server_know_nothing_of_each_other(server: PostgresServer, place: Address) -> None:
    """Dropping one must not take the type of the other's vectors along."""
    other = address(server.url(place.index + "_b"))
    with PostgresStore(place) as one, PostgresStore(other) as two:
        one.replace([_facts("a.py", "alpha")])
        two.replace([_facts("b.py", "beta", "beta")])
        for store, dimension in ((one, 3), (two, 2)):
            store.put_vectors("m", dict.fromkeys(store.without_vector(9), np.ones(dimension)))
        assert (one.frequencies(["alpha", "beta"]), two.counts()["chunks"]) == ({"alpha": 1}, 2)
        _admin(server).run(f"DROP SCHEMA {place.schema} CASCADE")
        assert [score for _, score in two.nearest(np.ones(2), 5)] == [1.0, 1.0]
        with pytest.raises(UserMistake, match="was deleted or replaced"):
            one.frequencies(["alpha"])
        with pytest.raises(UserMistake, match="was deleted or replaced"):
            one.replace([_facts("a.py", "alpha")])


def test_a_database_that_cannot_hold_source_is_refused(server: PostgresServer, place: Address) -> None:
    connection = _admin(server)
    connection.run("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(UserMistake, match=r"needs a database in UTF8.*LATIN1"):
        PostgresStore(address(server.url(place.index, database="narrow")))
    with pytest.raises(UserMistake, match="the database of an index must exist"):
        PostgresStore(address(server.url(place.index, database="absent")))


def test_a_user_without_rights_is_told_so(server: PostgresServer, place: Address) -> None:
    connection = _admin(server)
    for statement in ("CREATE ROLE visitor LOGIN", "CREATE DATABASE guarded"):
        connection.run(statement)
    connection.run("REVOKE ALL ON DATABASE guarded FROM public")
    connection.run("GRANT CONNECT ON DATABASE guarded TO visitor")
    url = server.url(place.index, database="guarded").replace(f"{server.user}@", "visitor@")
    with pytest.raises(UserMistake, match=r"must be allowed to do this.*permission denied"):
        PostgresStore(address(url))
    connection.run(
        "ALTER ROLE visitor SET default_transaction_read_only = on; GRANT ALL ON DATABASE guarded TO visitor"
    )
    with pytest.raises(UserMistake, match="written where its server allows it"):
        PostgresStore(address(url))


# ------------------------------------------------------------------ when the server is not there


@pytest.fixture
def own(server: PostgresServer) -> Any:
    """A server that this test may stop."""
    server = PostgresServer()
    yield server
    server.remove()


def test_a_server_that_is_down_or_goes_away_is_one_sentence_and_used_again_when_it_is_back(
    own: PostgresServer,
) -> None:
    place = address(own.url("a"))
    with PostgresStore(place) as store:
        store.replace([_facts("a.py", "x")])
        own.stop()
        for ask in (
            store.counts,
            lambda: list(store.rows()),
            lambda: store.set("a", 1),
            lambda: PostgresStore(place),
        ):
            with pytest.raises(UserMistake, match="the database of an index must answer") as gone:
                ask()
            assert "\n" not in str(gone.value)
        own.start()
        assert store.counts()["files"] == 1
        own.stop()
        own.start()
        store.replace([_facts("b.py", "y")])  # nobody noticed
        with pytest.raises(UserMistake, match="must answer"), store.reading():
            own.stop()
            store.counts()
        own.start()
        assert store.counts()["files"] == 2


def test_a_port_where_nothing_listens_is_one_sentence() -> None:
    with pytest.raises(UserMistake, match=r"must answer: u@127\.0\.0\.1:1/d does not .*refused"):
        PostgresStore(address("postgresql://u@127.0.0.1:1/d?index=a"))


def test_a_driver_that_is_not_installed_is_named(place: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(UserMistake, match=r"pip install 'inhouse\[postgres\]'"):
        PostgresStore(place)


# ------------------------------------------------------------------ several at once

_HANG = """
import sys, time
from inhouse.retrieval.places import address
from inhouse.retrieval.postgres import PostgresStore
store = PostgresStore(address(sys.argv[1]))
with store._database.writing():
    store._delete(["a.py"])
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_writer_that_is_killed_leaves_no_lock_and_no_half_of_its_work(place: Address) -> None:
    with PostgresStore(place, wait=0.3) as store:
        store.replace([_facts("a.py", "x")])
        command = [sys.executable, "-c", _HANG, str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
            with pytest.raises(UserMistake, match="one process at a time"):
                store.replace([_facts("b.py", "y")])
            assert store.counts()["files"] == 1
            writer.send_signal(signal.SIGKILL)
        _until_free(store)
        assert [file.path for file in store.files()] == ["a.py", "b.py"]


def _until_free(store: PostgresStore) -> None:
    for _ in range(50):
        try:
            return store.replace([_facts("b.py", "y")])
        except UserMistake:
            time.sleep(0.1)
    raise AssertionError("the lock stays")


def test_an_interrupt_in_the_middle_of_an_answer_does_not_mix_answers_up(place: Address) -> None:
    with PostgresStore(place) as store:
        store.replace([_facts("a.py", "x"), _facts("b.py", "y")])

        def interrupted(*_: object, **__: object) -> None:
            connection.execute_simple("SELECT 1")  # an answer that nobody takes
            raise KeyboardInterrupt

        connection: Any = store._database._connection
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection, "run", interrupted)
            with pytest.raises(KeyboardInterrupt):
                store.counts()
        assert store.counts()["files"] == 2
        files = store.files()
        assert next(files).path == "a.py"
        files.close()  # type: ignore[attr-defined]
        store.remove(["a.py"])
        assert store.counts()["files"] == 1
