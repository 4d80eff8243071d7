"""What a store says, each question asked once: the view of one walk over the graph."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from inhouse.languages import detect, is_test
from inhouse.retrieval.chunking import own_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.store import Store

__all__ = ["KEY", "FileView", "View", "folder_of", "language_of", "nearest", "shared"]

KEY = "key"
"""The kind of symbols that are keys of a configuration file, and no code."""

_CALLABLE = frozenset({"function", "method", "macro"})
_BEYOND_C = frozenset({"class", "method", "module"})
_C_FAMILY = frozenset({"c", "cpp"})
_MAX_NAMES = 20_000
_MAX_PATHS = 50_000  # whose language is remembered
_MAX_FILES = 100  # that are kept in memory
_SCRIPTS = frozenset({"javascript", "typescript"})


class View:
    """Readings of a store, kept as long as this object within bounds: it must not outlive an update."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files: dict[str, FileView] = {}
        self._named: dict[str, list[Symbol]] = {}
        self._called: dict[str, frozenset[str]] = {}

    @classmethod
    def of(cls, source: Store | View) -> View:
        """Return a view of a store; a view is its own."""
        return source if isinstance(source, View) else cls(source)

    def file(self, path: str) -> FileView:
        """Return what is known of a file; of one that is not there nothing is."""
        if path not in self._files:
            if len(self._files) == _MAX_FILES:
                self._files.clear()
            self._files[path] = FileView(self._store, path)
        return self._files[path]

    def named(self, name: str, path: str) -> list[Symbol]:
        """Return the definitions of a simple name in the languages that may refer to those of `path`."""
        family = family_of(path)
        return [symbol for symbol in self.all_named(name) if family_of(symbol.path) == family]

    def all_named(self, name: str) -> list[Symbol]:
        """Return the definitions of a simple name in any language, configuration keys included."""
        if name not in self._named:
            if len(self._named) == _MAX_NAMES:
                self._named.clear()
            self._named[name] = [
                symbol for symbol in self._store.symbols_named([name]) if symbol.name == name
            ]
        return self._named[name]

    def paths_called(self, name: str) -> frozenset[str]:
        """Return the paths whose last part is `name`."""
        if name not in self._called:
            self._called[name] = frozenset(self._store.paths_ending([name]))
        return self._called[name]

    def exists(self, path: str) -> bool:
        """Tell whether the repository has this file."""
        return path in self.paths_called(path.rpartition("/")[2])

    def text(self, path: str) -> str:
        """Return the text of a file as far as chunks hold it."""
        return "".join(own_text(list(self._store.chunks_of(path).values())))

    def references_to(self, names: Sequence[str]) -> list[Reference]:
        """Return the references by any of some simple names, by path and place."""
        return self._store.references_to(names)


class FileView:
    """The definitions and references of one file."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self.path = path

    @cached_property
    def _symbols(self) -> list[Symbol]:
        return self._store.symbols_of(self.path)

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """Return the definitions by qualified name; of several the first that has a body."""
        found: dict[str, Symbol] = {}
        for symbol in self._symbols:
            known = found.get(symbol.qualified_name)
            if known is None or (known.kind in _CALLABLE and known.body >= known.end > 0):
                found[symbol.qualified_name] = symbol
        return found

    @cached_property
    def overloads(self) -> dict[str, list[Symbol]]:
        """Return all the definitions of each qualified name that has several."""
        found = defaultdict(list)
        for symbol in self._symbols:
            found[symbol.qualified_name].append(symbol)
        return {name: symbols for name, symbols in found.items() if len(symbols) > 1}

    @cached_property
    def language(self) -> str:
        """Return the language; that of a header shows in what it defines."""
        language = language_of(self.path)
        is_cpp = language == "c" and any(one.kind in _BEYOND_C for one in self.symbols.values())
        return "cpp" if is_cpp else language

    @cached_property
    def references(self) -> list[Reference]:
        """Return what the file uses, by place."""
        return self._store.references_of(self.path)

    @cached_property
    def imports(self) -> dict[str, list[tuple[str, Reference]]]:
        """Return (name there, import) by the name here; "*" holds what is imported whole."""
        found = defaultdict(list)
        for reference in self.references:
            if reference.kind == "import":
                for here, there in reference.bound:
                    found["*" if there == "*" else here].append((there, reference))
        return dict(found)

    @cached_property
    def variables(self) -> dict[tuple[str, str], list[Reference]]:
        """Return what tells the value or the type of a variable, by (scope, variable)."""
        found = defaultdict(list)
        for reference in self.references:
            if reference.kind in ("call", "type", "bind"):
                for variable, _ in reference.bound:
                    found[reference.scope, variable].append(reference)
        return dict(found)

    @cached_property
    def attributes(self) -> dict[str, list[Reference]]:
        """Return what tells the value or the type of an attribute such as "self.name", in any scope."""
        found = defaultdict(list)
        for (_, variable), references in self.variables.items():
            if "." in variable:
                found[variable].extend(references)
        return dict(found)

    @cached_property
    def bases(self) -> dict[str, list[Reference]]:
        """Return the names of the bases by class."""
        found = defaultdict(list)
        for reference in self.references:
            if reference.kind == "inherit":
                found[reference.scope].append(reference)
        return dict(found)

    @cached_property
    def exports(self) -> dict[str, str]:
        """Return the name in this file by the name for others, where the file says so."""
        return {
            there: here
            for reference in self.references
            if reference.kind == "export"
            for there, here in reference.bound
        }

    @cached_property
    def is_test(self) -> bool:
        """Tell whether the file is a test."""
        return is_test(self.path, language_of(self.path))


@lru_cache(maxsize=_MAX_PATHS)
def language_of(path: str) -> str:
    """Return the language of a path."""
    return detect(path)


@lru_cache(maxsize=_MAX_PATHS)
def family_of(path: str) -> str:
    """Return the language, one name for those that refer to each other."""
    language = language_of(path)
    if language in _C_FAMILY:
        return "c"
    return "javascript" if language in _SCRIPTS else language


def folder_of(path: str) -> str:
    """Return the folder of a path, "" for none."""
    return path.rpartition("/")[0]


def shared(one: str, other: str) -> int:
    """Return how many folders two paths have in common from the root on."""
    count = 0
    for left, right in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if left != right:
            break
        count += 1
    return count


def nearest(path: str, others: Sequence[str]) -> list[str]:
    """Return paths, those first that share most folders with `path`, then short ones."""
    return sorted(others, key=lambda other: (-shared(path, other), other.count("/"), len(other), other))
