"""What a parse gives besides `inhouse.records.Symbol`: imports, calls, mentions, comments, and the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from inhouse.records import Symbol

__all__ = ["Call", "Comment", "Import", "Mention", "Parsed"]


class Import(NamedTuple):
    """One imported module. A statement that imports several gives several, with the same `text`."""

    text: str  # the statement, on one line
    module: str  # as written: "os.path", "uv/unix.h", "./util.js"
    names: tuple[str, ...]  # the names that it binds in this file; "*" for all of them, none for a C include
    line: int
    start: int
    end: int
    bound: tuple[tuple[str, str], ...] = ()
    """(name here, name in the module); there "" is the module itself, "*" everything. A C include gives
    itself as it is written. A re-export stands here too, though it binds nothing in this file."""
    scope: str = ""  # qualified name of the enclosing definition


class Call(NamedTuple):
    """One call, arguments included. A call of what has no name (a subscript, a literal function) is none."""

    name: str  # as written, such as "self.close" or "println!"; of a chain what follows the call before
    scope: str  # qualified name of the enclosing definition, "" at the file's own level
    line: int
    start: int
    end: int
    bound: str = ""  # the variable that is given the value of this very call
    on: str | None = None  # what the call before gives: `Box()` where that is plain, else ""; None: no chain


class Mention(NamedTuple):
    """A name that is used otherwise than by an import or a call with parentheses.

    call      a decorator, an annotation, a component: called without parentheses
    inherit   a base; the scope is the class
    type      a declared type, of the variable in `bound` where there is one
    bind      a variable that is given to an attribute, which is in `bound`
    export    a name that others may import, in `bound` as (name there, name here)
    read      a key of the configuration
    """

    kind: str
    name: str
    bound: tuple[tuple[str, str], ...]
    scope: str
    line: int
    start: int
    end: int


class Comment(NamedTuple):
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
    mentions: tuple[Mention, ...] = ()
