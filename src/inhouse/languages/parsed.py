"""What a parse gives besides `inhouse.records.Symbol`: imports, calls and comments, and the whole of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inhouse.records import Symbol

__all__ = ["Call", "Comment", "Import", "Parsed"]


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module. A statement that imports several gives several, with the same `text`."""

    text: str  # the statement, on one line
    module: str  # as written: "os.path", "uv/unix.h", "./util.js"
    names: tuple[str, ...]  # the names that it binds in this file; "*" for all of them, none for a C include
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call, arguments included. A call of what has no name (a subscript, a literal function) is none."""

    name: str  # as written, such as "self.close"; of a chain only what follows the call before
    scope: str  # qualified name of the enclosing definition, "" at the file's own level
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment, with its markers."""

    text: str
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file as its grammar sees it. Everything is in source order."""

    language: str
    symbols: tuple[Symbol, ...] = ()
    imports: tuple[Import, ...] = ()
    calls: tuple[Call, ...] = ()
    comments: tuple[Comment, ...] = ()
    errors: int = 0  # syntax error nodes of the whole file, before any recovery
