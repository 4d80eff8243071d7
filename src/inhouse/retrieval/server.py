"""A schema of a PostgreSQL database that is ours: opened, checked, and every mishap said in one sentence.

One schema per index, so that workspaces share a server; its comment says whose it is and which tables it has.
Readers hold a snapshot and wait for nobody. Writers take an advisory lock, which the server lets go of when
their process dies. A connection that broke while nothing was under way is made anew.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.errors import UserMistake
from inhouse.retrieval.store import no_index

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from pg8000.native import Connection

    from inhouse.retrieval.places import Address

__all__ = ["Server", "drop", "identity", "rename"]

_LOCKS = 0x696E6878  # "inhx": our advisory locks among those of other programs
_SILENCE_SECONDS = 60  # after which a server is taken for gone
_PAGE = 2_000  # rows of a stream that are fetched at once
_COPIED = 65_536  # characters that are sent at once
_COMMENT = "inhouse index, schema {}"
_OURS = re.compile(r"inhouse index, schema (\d+)")
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]")
_MARK = re.compile(r"\?")
_SESSION = (
    "SET search_path = {schema}; SET jit = off; SET bytea_output = hex; SET extra_float_digits = 1;"
    # a new index has no statistics yet: without them the server would rather read whole tables
    " SET enable_seqscan = off; SET max_parallel_workers_per_gather = 0"
)
_GIVEN_UP = {  # classes of errors of the server: the rule, and what to do
    "28": ("the user of the database must be known to it", "mend the user in the address or PGPASSWORD"),
    "3D": ("the database of an index must exist", "create it, with ENCODING 'UTF8'"),
    "53": ("the server of an index needs room", "free memory, disk or connections there and run again"),
    "57": ("the database of an index must answer", "run again when it is up"),
    "58": ("the database of an index must work", "look at its log"),
}
_COMMENT_OF = (
    "SELECT coalesce(obj_description(oid, 'pg_namespace'), ''),"
    " EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid), CAST(oid AS BIGINT)"
    " FROM pg_namespace WHERE nspname = ?"
)


class Server:
    """A connection to the schema of an index. One thread at a time."""

    def __init__(
        self, address: Address, version: int, tables: str, wait: float, *, read_only: bool = False
    ) -> None:
        """Connect, making the schema when absent; one of an older version is emptied. `read_only`: neither.

        `tables` is SQL; `wait` is for how many seconds another writer is waited for. Raises UserMistake for a
        schema that is not ours or newer, and for a server that cannot be used.
        """
        self.name = str(address)
        self.anew = f"drop the schema {address.schema} and run `inhouse index`"
        self._address = address
        self._wait = wait
        self._read_only = read_only
        self._inside = False
        self._streams = 0
        self._connection: Connection | None = None
        try:
            self._prepare(version, tables)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection; a transaction that is open ends without effect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it may be broken
                connection.close()

    def identity(self) -> Hashable:
        """Return the number of a table."""
        return int(self.rows("SELECT 'file'::regclass::oid")[0][0])

    # ------------------------------------------------------------ statements

    def rows(self, question: str, *values: Any) -> list[Any]:
        """Return what a question answers."""
        return list(self._run(question, values).rows or ())

    def stream(self, question: str) -> Iterator[Any]:
        """Yield what a question answers, which may be more than the memory holds."""
        with self.reading():
            self._streams += 1
            cursor = f"stream_{self._streams}"
            self._run(f"DECLARE {cursor} NO SCROLL CURSOR FOR {question}")
            while page := self.rows(f"FETCH {_PAGE} FROM {cursor}"):
                yield from page
            self._run(f"CLOSE {cursor}")

    def execute(self, statement: str, *values: Any) -> int:
        """Run a statement and return how many rows it changed."""
        return int(self._run(statement, values).row_count)

    def insert(self, into: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows with COPY; `into` is a table and its columns, such as ``file (id, path)``."""
        lines = ["\t".join(map(_copied, row)) + "\n" for row in rows]
        if lines:
            self._run(f"COPY {into} FROM STDIN", stream=list(_joined(lines)))

    def _run(self, statement: str, values: Sequence[Any] = (), stream: list[str] | None = None) -> _Answer:
        """Run a statement; between transactions on a new connection, if the old one broke meanwhile."""
        with _spoken(self._address, self._wait):
            idle = self._connection is not None and not self._inside
            try:
                return self._run_once(statement, values, stream)
            except _broken():
                if not idle:
                    raise
            return self._run_once(statement, values, stream)

    def _run_once(self, statement: str, values: Sequence[Any], stream: list[str] | None) -> _Answer:
        if self._connection is None:
            if self._inside:
                raise ConnectionError("the connection is lost")
            self._connection = _connect(self._address)
        try:
            return _ask(self._connection, statement, values, stream)
        except _refused():
            raise
        except BaseException:  # in the middle of an answer: what comes next on this connection is not known
            self.close()
            raise

    # ------------------------------------------------------------ transactions

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold one state of the database for several questions."""
        if self._inside:
            yield
            return
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write all of a block or nothing, alone."""
        if self._read_only:
            raise UserMistake("an index that was opened for reading is not written", self.name)
        with self._transaction("BEGIN"):
            self._run(f"SET LOCAL lock_timeout = {max(1, round(1000 * self._wait))}")
            self.rows("SELECT pg_advisory_xact_lock(?, hashtext(?))", _LOCKS, self._address.schema)
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._run(begin)
        self._inside = True
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._inside = False

    def _roll_back(self) -> None:
        if self._connection is not None:
            try:
                self._connection.run("ROLLBACK")
            except Exception:  # the server does it when the connection ends
                self.close()

    # ------------------------------------------------------------ opening

    def _prepare(self, version: int, tables: str) -> None:
        """Make the tables where there are none or older ones; leave a schema that is not ours as it is."""
        found = self._version(version)
        if found == version:
            return
        if self._read_only:
            if not found:
                raise no_index(self.name)
            raise UserMistake("an index of an older version is built anew", self.name, "run `inhouse index`")
        schema = self._address.schema
        with self.writing():
            found = self._version(version)
            if found == version:  # another process was faster
                return
            if found:
                self._run(f"DROP SCHEMA {schema} CASCADE")
            self._run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self._run(tables)
            self._run(f"COMMENT ON SCHEMA {schema} IS '{_COMMENT.format(version)}'")

    def _version(self, version: int) -> int:
        """Return the version of our schema, 0 for an absent or empty one."""
        for comment, used, _ in self.rows(_COMMENT_OF, self._address.schema):
            ours = _OURS.fullmatch(comment)
            if ours is None and used:
                given = f"{self._address.schema} of {self._address.server}"
                raise UserMistake(
                    "an index is a schema that inhouse made", given, "choose another ?index=NAME"
                )
            if ours is not None and int(ours[1]) > version:
                given = f"{self.name} has schema {ours[1]}, this inhouse reads up to {version}"
                raise UserMistake("an index of a newer version cannot be read", given, "upgrade inhouse")
            return int(ours[1]) if ours is not None else 0
        return 0


def identity(address: Address) -> int | None:
    """Return the number of the schema at an address, None when there is none of ours."""
    with _single(address) as connection:
        found = _ask(connection, _COMMENT_OF, [address.schema]).rows or ()
        return next((number for comment, _, number in found if _OURS.fullmatch(comment)), None)


def drop(address: Address) -> None:
    """Drop a schema of ours, if it is there."""
    if identity(address) is not None:
        with _single(address) as connection:
            connection.run(f"DROP SCHEMA IF EXISTS {address.schema} CASCADE")


def rename(address: Address, to: Address) -> None:
    """Give a schema of ours another name, in one step."""
    with _single(address) as connection:
        connection.run(f"ALTER SCHEMA {address.schema} RENAME TO {to.schema}")


# ------------------------------------------------------------------ the driver


class _Answer(NamedTuple):
    rows: list[Any] | None
    row_count: int


def _ask(
    connection: Connection, statement: str, values: Sequence[Any], stream: list[str] | None = None
) -> _Answer:
    numbers = count()
    named = _MARK.sub(lambda _: f":v{next(numbers)}", statement) if values else statement
    rows = connection.run(named, stream=stream, **{f"v{place}": value for place, value in enumerate(values)})
    return _Answer(rows, connection.row_count)


@contextmanager
def _single(address: Address) -> Iterator[Connection]:
    """Connect for a statement or two."""
    with _spoken(address, 0.0):
        connection = _connect(address)
        try:
            yield connection
        finally:
            with suppress(Exception):
                connection.close()


def _connect(address: Address) -> Connection:
    native = _driver()
    if address.host.startswith("/"):
        where = {"unix_sock": f"{address.host}/.s.PGSQL.{address.port}", "ssl_context": False}
    else:
        where = {"host": address.host, "port": address.port, "ssl_context": _ssl(address.ssl)}
    connection = native.Connection(
        address.user,
        database=address.database,
        password=os.environ.get("PGPASSWORD", ""),  # the driver fails without any
        timeout=_SILENCE_SECONDS,
        application_name="inhouse",
        **where,
    )
    try:
        connection.run(_SESSION.format(schema=address.schema))
        encoding = connection.parameter_statuses.get("server_encoding")
        if encoding != "UTF8":
            given = f"{address.server} has {encoding}"
            raise UserMistake("an index needs a database in UTF8", given, "create one with ENCODING 'UTF8'")
    except BaseException:
        connection.close()
        raise
    return connection


def _ssl(mode: str) -> Any:
    """Return what the driver calls an sslmode: False, None (if offered), True, or how to check."""
    import ssl

    named = {"disable": False, "prefer": None, "require": True}
    return named[mode] if mode in named else ssl.create_default_context()


def _driver() -> Any:
    try:
        from pg8000 import native
    except ImportError:
        raise UserMistake(
            "an index on PostgreSQL needs pg8000", "it is not installed", "pip install 'inhouse[postgres]'"
        ) from None
    return native


def _broken() -> tuple[type[Exception], ...]:
    """Return the errors after which a connection is of no use."""
    return (OSError, _driver().InterfaceError)


def _refused() -> type[Exception]:
    """Return the error of a statement that the server answered with no."""
    return _driver().DatabaseError  # type: ignore[no-any-return]


@contextmanager
def _spoken(address: Address, wait: float) -> Iterator[None]:
    """Say in one sentence what keeps an index from being used."""
    try:
        yield
    except (*_broken(), _refused()) as error:
        refusal = _refusal(error)
        if refusal is None:
            raise _unreachable(address, str(error.__cause__ or error)) from None
        said = _sentence(address, refusal.get("C", ""), refusal.get("M", ""), wait)
        if said is None:
            raise
        raise said from None


def _refusal(error: BaseException | None) -> dict[str, str] | None:
    """Return the words of the server; the driver may have met a closed connection while it handled them."""
    while error is not None:
        if isinstance(error, _refused()):
            return dict(error.args[0])
        error = error.__context__
    return None


def _unreachable(address: Address, reason: str) -> UserMistake:
    rule, given = "the database of an index must answer", f"{address.server} does not ({reason})"
    return UserMistake(rule, given, "start it, or mend the address in retrieval.store")


def _sentence(address: Address, code: str, message: str, wait: float) -> UserMistake | None:
    """Return the sentence for an error of the server, by its code; None for one that would be our fault."""
    if code == "55P03":
        given = f"another one has been writing {address} for {wait:g} seconds"
        return UserMistake("one process at a time writes an index", given, "run again when it is done")
    if code in {"42P01", "42703", "3F000"}:  # no such table, column, schema
        rule = "an index stays where it is while it is used"
        return UserMistake(rule, f"{address} was deleted or replaced", "run the same command again")
    if code == "28P01" and not os.environ.get("PGPASSWORD"):
        return UserMistake("the database of the index wants a password", address.server, "set PGPASSWORD")
    if code == "25006":
        rule = "an index is written where its server allows it"
        return UserMistake(rule, f"{address} is read-only", "name the primary server in retrieval.store")
    if code in {"58P01", "0A000"} and "vector" in message:
        given = f"{address.server} ({message})"
        return UserMistake("vectors on PostgreSQL need pgvector", given, "install it on the server")
    if code[:2] in _GIVEN_UP:
        rule, next_step = _GIVEN_UP[code[:2]]
        return UserMistake(rule, f"{address.server} ({message})", next_step)
    if code == "42501":
        rule = "the user of the database must be allowed to do this"
        return UserMistake(rule, f"{address.server} ({message})", "ask who runs it for the right")
    return None


# ------------------------------------------------------------------ COPY


def _copied(value: Any) -> str:
    """Return a value in the text format of COPY."""
    if isinstance(value, str):
        return value.translate(_ESCAPED) if _SPECIAL.search(value) else value
    return "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)


def _joined(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines in pieces that are worth sending."""
    start = size = 0
    for place, line in enumerate(lines, 1):
        size += len(line)
        if size >= _COPIED or place == len(lines):
            yield "".join(lines[start:place])
            start, size = place, 0
