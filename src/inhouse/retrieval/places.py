"""Where an index lies: a file, or a schema of a PostgreSQL database.

    .inhouse/index/tip.db
    postgresql://USER@HOST:PORT/DATABASE?index=NAME          the password is in PGPASSWORD

Nothing here opens a connection, and no address with a password in it is ever kept or shown.
"""

from __future__ import annotations

import getpass
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from inhouse.retrieval.store import Store

__all__ = ["Address", "address", "index_at", "open_store", "place_of", "redacted", "tip"]

_SCHEMES = ("postgresql://", "postgres://")
_FORM = "postgresql://USER@HOST/DATABASE?index=NAME"
_PORT = 5432
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OPTIONS = frozenset({"index", "sslmode", "host"})
_SSL = ("disable", "prefer", "require", "verify-full")
_CREDENTIALS = re.compile(r"(?<=//).*@|(?<=password=)[^&#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An index on a PostgreSQL server."""

    user: str
    host: str  # a name, or the folder of a Unix socket
    port: int
    database: str
    index: str
    ssl: str  # one of PostgreSQL's sslmode: disable, prefer, require, verify-full

    @property
    def schema(self) -> str:
        """The schema that holds the tables."""
        return f"inhouse_{self.index}"

    @property
    def server(self) -> str:
        """The server and its database, for people."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    def identity(self) -> int | None:
        """Return what identifies the index there, None when there is none: one built anew is another."""
        from inhouse.retrieval.server import identity

        return identity(self)

    def exists(self) -> bool:
        """Return whether there is an index. Raises UserMistake when the server cannot be asked."""
        return self.identity() is not None

    def __str__(self) -> str:
        if self.host.startswith("/"):
            return (
                f"postgresql://{self.user}@:{self.port}/{self.database}?host={self.host}&index={self.index}"
            )
        return f"postgresql://{self.server}?index={self.index}"


def tip(folder: Path, setting: str) -> Path | Address:
    """Return where the index for search and serving lies: where the setting says, or in the state folder."""
    return address(setting) if setting else folder / "index" / "tip.db"


def index_at(folder: Path, name: str, setting: str) -> Path | Address:
    """Return where an index of a state folder lies: that at the tip, which others use too, as `tip` says."""
    return tip(folder, setting) if name == "tip" else folder / "index" / f"{name}.db"


def place_of(text: str) -> Path | Address:
    """Return the place that a user wrote: a file, or an address."""
    return address(text) if text.startswith(_SCHEMES) else Path(text)


def open_store(place: Path | Address, *, read_only: bool = False) -> Store:
    """Open an index, making it when absent. Raises UserMistake for one that cannot be used.

    With `read_only` it is never written: an absent one is not made, an older one not emptied.
    """
    if isinstance(place, Path):
        from inhouse.retrieval.sqlite import SqliteStore

        return SqliteStore(place, read_only=read_only)
    from inhouse.retrieval.postgres import PostgresStore

    return PostgresStore(place, read_only=read_only)


def address(url: str) -> Address:
    """Return the address that a URL means.

    Raises UserMistake for a wrong one, and for one with a password: it would stand in the settings file, in
    the list of processes and in the history of the shell.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True))
    except ValueError:
        raise _wrong(url) from None
    if parts.password is not None or "password" in options:
        raise UserMistake(
            "the address of an index has no password in it", redacted(url), "put it in PGPASSWORD"
        )
    unknown = sorted(options.keys() - _OPTIONS)
    host = options.get("host") or parts.hostname or ""
    database = unquote(parts.path.removeprefix("/"))
    complete = url.startswith(_SCHEMES) and host and database and "/" not in database
    if not complete or unknown or parts.fragment:
        raise _wrong(url)
    ssl = options.get("sslmode", "prefer")
    if ssl not in _SSL:
        raise UserMistake(f"sslmode is one of {', '.join(_SSL)}", ssl, "leave it out for prefer")
    return Address(_user(parts), host, port, database, _index(options.get("index", ""), url), ssl)


def redacted(url: str) -> str:
    """Return an address without what may be a password."""
    return _CREDENTIALS.sub(lambda found: "***@" if found[0].endswith("@") else "***", url)


def _user(parts: SplitResult) -> str:
    return unquote(parts.username or "") or os.environ.get("PGUSER") or getpass.getuser()


def _index(name: str, url: str) -> str:
    if not name:
        raise UserMistake("an index on a server has a name of its own", redacted(url), "add ?index=NAME")
    if not _NAME.fullmatch(name):
        rule = "the name of an index is small letters, digits and _, 40 at most, and begins with a letter"
        raise UserMistake(rule, name, "choose such a name")
    return name


def _wrong(url: str) -> UserMistake:
    return UserMistake("the address of an index has a form of its own", redacted(url), f"write {_FORM}")
