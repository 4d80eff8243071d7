"""An SQLite file that is ours: opened, checked, and every mishap said in one sentence.

Write-ahead logging: readers go on while one process writes, each with the state that it began with. A file
that was replaced (deleted, built anew) is opened again when the next reading begins; one that was deleted is
read to the end, and never written.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import sqlite_vec

from inhouse.errors import UserMistake
from inhouse.retrieval.store import no_index

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator
    from pathlib import Path

__all__ = ["Database", "Layout"]

_CACHE_KIBIBYTES = 16_384
_ANEW = "delete it and run `inhouse index`"


class Layout(NamedTuple):
    """The tables of a kind of file, and how it is told from files of other programs."""

    application: int  # SQLite's application_id
    version: int  # rises when the tables change
    tables: str  # in SQL
    old: frozenset[str]  # tables of version 1, which had no application_id


class Database:
    """An open file. One thread at a time."""

    def __init__(self, path: Path, layout: Layout, wait: float, *, read_only: bool = False) -> None:
        """Open a file, making it when absent; an older version is emptied. `read_only` refuses both.

        `wait` is for how many seconds another writer is waited for. Raises UserMistake for a file that
        belongs to another program, is damaged, or newer than this program.
        """
        self.path = path
        self.name = str(path)
        self.anew = _ANEW
        self._layout = layout
        self._wait = wait
        self._read_only = read_only
        self._inside = False
        self._connection = self._open()
        self._identity = self._on_disk()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def identity(self) -> Hashable:
        """Return the number of the file."""
        return self._identity

    # ------------------------------------------------------------ statements

    def rows(self, question: str, *values: Any) -> list[Any]:
        """Return what a question answers."""
        with self._spoken():
            return list(self._connection.execute(question, values))

    def stream(self, question: str) -> Iterator[Any]:
        """Yield what a question answers."""
        with self._spoken():
            yield from self._connection.execute(question)

    def number(self, question: str) -> int:
        """Return the one number that a question answers."""
        return int(self.rows(question)[0][0])

    def execute(self, statement: str, *values: Any) -> int:
        """Run a statement and return how many rows it changed."""
        self._connection.execute(statement, values)
        return int(self._connection.changes())  # without those that a virtual table makes in its own tables

    def insert(self, into: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows; `into` is a table and its columns, such as ``file (id, path)``."""
        marks = ", ".join("?" * (into.count(",") + 1))
        self._connection.executemany(f"INSERT INTO {into} VALUES ({marks})", rows)  # noqa: S608 - our names

    # ------------------------------------------------------------ transactions

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold one state of the file for several questions."""
        if self._inside:
            yield
            return
        if self._on_disk() not in {None, self._identity}:
            self._connection.close()
            self._connection, self._identity = self._open(), self._on_disk()
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write all of a block or nothing."""
        if self._on_disk() != self._identity:
            rule = "an index stays where it is while it is written"
            raise UserMistake(rule, f"{self.path} was deleted or replaced", "run the same command again")
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with self._spoken():
            self._connection.execute(begin)
            self._inside = True
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                self._inside = False
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _on_disk(self) -> tuple[int, int] | None:
        """Return what identifies the file under the path, None when there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    # ------------------------------------------------------------ opening

    def _open(self) -> apsw.Connection:
        if self._read_only and not self.path.exists():
            raise no_index(self.name)
        with self._spoken():
            connection = self._connect()
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def _connect(self) -> apsw.Connection:
        """Open the file; one on a disk that allows no writing as it is, without the files beside it."""
        connection = apsw.Connection(str(self.path))
        try:
            connection.set_busy_timeout(round(1000 * self._wait))
            list(connection.execute("SELECT count(*) FROM sqlite_master"))
        except apsw.CantOpenError:
            connection.close()
            log = self.path.with_name(self.path.name + "-wal")
            if not self.path.is_file() or (log.exists() and log.stat().st_size):
                raise
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            connection = apsw.Connection(self.path.resolve().as_uri() + "?immutable=1", flags=flags)
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        connection.enable_load_extension(False)
        list(connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}"))
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the last batches, no more
        if self._read_only:
            list(connection.execute("PRAGMA query_only = 1"))
        return connection

    def _prepare(self, connection: apsw.Connection) -> None:
        """Make the tables where there are none or older ones; write nothing into a file that is not ours."""
        if self._version(connection) == self._layout.version:
            return
        if self._read_only:
            raise UserMistake("an index of an older version is built anew", self.name, "run `inhouse index`")
        list(connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute("BEGIN IMMEDIATE")
        try:
            if self._version(connection) != self._layout.version:  # else another process was faster
                _drop_all(connection)
                connection.execute(self._layout.tables)
                connection.execute(f"PRAGMA application_id = {self._layout.application}")
                connection.execute(f"PRAGMA user_version = {self._layout.version}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _version(self, connection: apsw.Connection) -> int:
        """Return the version of a file of ours, 0 for an empty one."""
        application, version = (
            int(next(connection.execute(f"PRAGMA {name}"))[0]) for name in ("application_id", "user_version")
        )
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables and (application, version) == (0, 0):
            return 0
        layout = self._layout
        if application != layout.application and not (
            (application, version) == (0, 1) and tables >= layout.old
        ):
            raise UserMistake(
                "an index is a file that inhouse made", str(self.path), "give the index another place"
            )
        if version > layout.version:
            given = f"{self.path} has schema {version}, this inhouse reads up to {layout.version}"
            raise UserMistake("an index of a newer version cannot be read", given, "upgrade inhouse")
        return version

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Say in one sentence what keeps a file from being used."""
        try:
            yield
        except (apsw.NotADBError, apsw.CorruptError, apsw.IOError) as error:
            rule = "an index that is damaged, or no SQLite file, cannot be used"
            raise UserMistake(rule, f"{self.path} ({error})", _ANEW) from None
        except (apsw.BusyError, apsw.LockedError):
            rule = "one process at a time writes an index"
            given = f"another one has been writing {self.path} for {self._wait:g} seconds"
            raise UserMistake(rule, given, "run again when it is done") from None
        except apsw.ReadOnlyError:
            rule = "an index is written where its disk allows it"
            raise UserMistake(rule, f"{self.path} is read-only", "index into another workspace") from None
        except apsw.ExtensionLoadingError as error:
            rule = "an index needs the extension sqlite-vec"
            raise UserMistake(rule, str(error), "install inhouse again, with sqlite-vec") from None
        except apsw.CantOpenError as error:
            rule = "an index is a file that can be opened"
            given = f"{self.path} ({error})"
            raise UserMistake(rule, given, "look at the path and its permissions") from None


def _drop_all(connection: apsw.Connection) -> None:
    """Drop all tables; virtual ones first, which take their own along."""
    for kind in ("CREATE VIRTUAL TABLE%", "%"):
        question = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE ? ORDER BY rowid DESC"
        for (name,) in list(connection.execute(question, (kind,))):
            connection.execute(f'DROP TABLE IF EXISTS "{name}"')
