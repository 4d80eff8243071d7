"""C: what a file defines itself, what the headers that it includes define or declare, then what is linked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.graph.resolver import Resolver
from inhouse.retrieval.graph.values import DEFINITION, FILE, OUTSIDE, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of, nearest, shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.values import Values
    from inhouse.retrieval.graph.view import View

__all__ = ["HEADERS", "C", "is_defined", "is_linked", "joined"]

HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++", ".inc", ".inl", ".ipp", ".tpp")
_MAX_INCLUDED = 400  # files that one file includes, directly or not
# fmt: off
_STANDARD = frozenset({
    "assert.h", "complex.h", "ctype.h", "dirent.h", "errno.h", "fcntl.h", "fenv.h", "float.h", "inttypes.h",
    "iso646.h", "limits.h", "locale.h", "math.h", "poll.h", "pthread.h", "sched.h", "semaphore.h", "setjmp.h",
    "signal.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h",
    "stdlib.h", "stdnoreturn.h", "string.h", "strings.h", "syslog.h", "termios.h", "threads.h", "time.h",
    "unistd.h", "wchar.h", "wctype.h", "windows.h", "winsock2.h",
})
# fmt: on


class C(Resolver):
    """Rules of C."""

    scopes_of_classes = False

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._direct: dict[str, list[str]] = {}
        self._included: dict[str, dict[str, None]] = {}

    def resolve(self, reference: Reference) -> Values | None:
        """Return what a function or a macro of this name is; what a pointer calls is not known."""
        if not reference.name.isidentifier():
            return UNKNOWN
        return self.head(Here(reference.path, reference.scope, reference.line), reference.name)

    def head(self, here: Here, name: str) -> Values | None:
        """Return the definitions that the linker or the preprocessor may choose."""
        found = [symbol for symbol in self.view.named(name, here.path) if symbol.name == name]
        own = [symbol for symbol in found if symbol.path == here.path and is_defined(symbol)]
        if own:
            return [_value(own[0], "same file")]
        included = self.included(here.path)
        defined = [one for one in found if is_defined(one) and (is_linked(one) or one.path in included)]
        direct = [one for one in defined if one.path in included]
        if direct:
            return _values(direct, "defined in an included header")
        if not defined:
            declared = [one for one in found if one.path in included and not is_defined(one)]
            return _values(declared[:1], "declared in an included header") if declared else OUTSIDE
        is_declared = any(one.path in included or one.path == here.path for one in found)
        return self._chosen(here, defined, is_declared=is_declared)

    def _chosen(self, here: Here, defined: Sequence[Symbol], *, is_declared: bool) -> Values:
        """Return the one definition, or those of the nearest folder: platforms have folders of their own."""
        rule = "declared in an included header" if is_declared else "defined in one other file"
        paths = {one.path for one in defined}
        if len(paths) == 1:
            return _values(defined[:1], rule)
        beside = [one for one in defined if folder_of(one.path) == folder_of(here.path)]
        most = max(shared(here.path, one.path) for one in defined)
        near = beside or [one for one in defined if shared(here.path, one.path) == most]
        return _values(near, f"{rule}, nearest folder")

    # ------------------------------------------------------------ includes

    def module(self, path: str, name: str) -> Values:
        """Return the file that an include means: beside the file, else the nearest that ends in its path."""
        beside = joined(folder_of(path), name)
        if self.view.exists(beside):
            return [Value(FILE, beside, "", "included, beside the file")]
        tail = name.lstrip("./")
        ending = [
            one for one in self.view.paths_called(tail.rpartition("/")[2]) if f"/{one}".endswith(f"/{tail}")
        ]
        best = nearest(path, sorted(ending))
        return [Value(FILE, one, "", "included") for one in best[:1]]

    def imported(self, reference: Reference) -> Iterator[Values]:
        """Yield the included file; a standard header in angle brackets is the system's."""
        written = reference.bound[0][0] if reference.bound else ""
        if written.startswith("<") and reference.name in _STANDARD:
            yield OUTSIDE
        else:
            yield self.module(reference.path, reference.name)

    def included(self, path: str) -> dict[str, None]:
        """Return the files that a file includes, directly or not, nearest first."""
        if path not in self._included:
            found: dict[str, None] = {}
            todo = [path]
            while todo and len(found) < _MAX_INCLUDED:
                for one in self._directly(todo.pop(0)):
                    if one not in found and one != path:
                        found[one] = None
                        todo.append(one)
            self._included[path] = found
        return self._included[path]

    def _directly(self, path: str) -> list[str]:
        if path not in self._direct:
            references = self.view.file(path).references
            self._direct[path] = [value.path for one in references for value in self._values_of(one)]
        return self._direct[path]

    def _values_of(self, reference: Reference) -> Values:
        if reference.kind != "import":
            return []
        return [value for values in self.imported(reference) for value in values]

    def names_of_module(self, path: str) -> set[str]:
        """Return the name by which others include a file."""
        return {path.rpartition("/")[2]}


def is_defined(symbol: Symbol) -> bool:
    """Tell a definition from a declaration."""
    return symbol.kind not in ("function", "method") or symbol.body < symbol.end


def is_linked(symbol: Symbol) -> bool:
    """Tell whether other files can refer to a definition without including its file."""
    if symbol.kind not in ("function", "method"):
        return False
    words = symbol.signature.split("(", 1)[0].split()
    return "static" not in words and not symbol.path.endswith(HEADERS)


def _value(symbol: Symbol, rule: str) -> Value:
    return Value(DEFINITION, symbol.path, symbol.qualified_name, rule)


def _values(symbols: Sequence[Symbol], rule: str) -> Values:
    return list(dict.fromkeys(_value(symbol, rule) for symbol in symbols))


def joined(folder: str, relative: str) -> str:
    """Return a relative path from a folder."""
    parts = folder.split("/") if folder else []
    for part in relative.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
