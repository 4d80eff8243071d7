"""Python: modules from the roots of the search path, packages that pass names on, star imports."""

from __future__ import annotations

import builtins
import sys
from typing import TYPE_CHECKING

from inhouse.languages import parameters
from inhouse.retrieval.graph.resolver import Resolver, around, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, FILE, FOLDER, INSTANCE, OUTSIDE, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Symbol
    from inhouse.retrieval.graph.values import Values
    from inhouse.retrieval.graph.view import View

__all__ = ["Python"]

_BUILTINS = frozenset(dir(builtins))
_PACKAGE = "__init__.py"
_ENDINGS = (".py", ".pyi")
_MAX_PASSED_ON = 30  # modules that pass a name on to each other


class Python(Resolver):
    """Rules of Python."""

    own = frozenset({"self"})
    own_class = frozenset({"cls"})
    parent = frozenset({"super"})
    scopes_of_classes = False
    roots = frozenset({"object", "Generic", "t.Generic", "typing.Generic", "ABC", "abc.ABC", "Protocol"})

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._modules: dict[tuple[str, str], Values] = {}
        self._exporting: set[tuple[str, str]] = set()

    def first(self, here: Here, parts: Sequence[str]) -> tuple[Values | None, Sequence[str]]:
        """Return what the head stands for; `import a.b` makes `a.b` a head."""
        if parts[0] == "super()":
            return self.head(here, "super"), parts[1:]
        imports = self.view.file(here.path).imports
        for size in range(len(parts) - 1, 1, -1):
            if ".".join(parts[:size]) in imports:
                return self.bound_by_import(here, "", ".".join(parts[:size])), parts[size:]
        values, rest = super().first(here, parts)
        if values is None and any(name.startswith(f"{parts[0]}.") for name in imports):
            values = self.module(here.path, parts[0])
        return values, rest

    def member(self, value: Value, name: str) -> Values | None:
        """Return a member; a function with a decorator is what that gives, such as a command of it."""
        if value.kind == DEFINITION and not self.is_class(value) and not self.owner_of(value):
            decorated = self._decorated(value)
            return UNKNOWN if not decorated or is_unknown(decorated) else self.members(decorated, name)
        return super().member(value, name)

    def _decorated(self, value: Value) -> Values:
        """Return what the outermost decorator of a function gives."""
        file = self.view.file(value.path)
        symbol = file.symbols.get(value.name)
        for one in file.references if symbol is not None else ():
            if (
                symbol is not None
                and one.kind == "call"
                and one.start == symbol.start + 1
                and one.line < symbol.end_line
            ):
                values = self.told_by(one)
                return (
                    []
                    if values is None
                    else [
                        each
                        if each.kind == "unknown"
                        else each._replace(rule="class of what a decorator gives")
                        for each in values
                        if each.kind in (INSTANCE, "unknown")
                    ]
                )
        return []

    def parameter(self, here: Here, symbol: Symbol, name: str) -> Values | None:
        """Return what a parameter is by its type; in a test it may be what a fixture of its name gives."""
        values = super().parameter(here, symbol, name)
        if not is_unknown(values) or not self.view.file(here.path).is_test:
            return values
        folder = folder_of(here.path)
        places = [here.path, *("/".join((one, "conftest.py")).lstrip("/") for one in _folders(folder))]
        for path in places:
            given = self._fixture(path, name)
            if given:
                return given
        return values

    def _fixture(self, path: str, name: str) -> Values:
        """Return what a fixture at the level of a file gives."""
        if not self.view.exists(path) or name not in self.view.file(path).symbols:
            return []
        fixture = Value(DEFINITION, path, name, "")
        values = self.given([fixture])
        values = self.returned_value(fixture, "yield") if is_unknown(values) else values
        return [] if is_unknown(values) else [value._replace(rule="class of a fixture") for value in values]

    def head(self, here: Here, name: str) -> Values | None:
        """Return what a plain name stands for; `cls` is the class only where it is a parameter."""
        if name in self.own_class and not self._is_parameter(here, name):
            return UNKNOWN
        return super().head(here, name)

    def _is_parameter(self, here: Here, name: str) -> bool:
        symbols = self.view.file(here.path).symbols
        around_here = (symbols[scope] for scope in around(here.scope) if scope in symbols)
        return any(name in parameters(symbol.signature, "python") for symbol in around_here)

    def outer(self, here: Here, name: str) -> Values | None:
        """Return what a star import or the language itself binds."""
        for _, reference in self.view.file(here.path).imports.get("*", ()):
            for module in self.module(here.path, reference.name):
                values = self.exported(module, name)
                if values and not is_unknown(values):
                    return [value._replace(rule="star import") for value in values]
        return OUTSIDE if name in _BUILTINS else None

    # ------------------------------------------------------------ modules

    def names_of_module(self, path: str) -> set[str]:
        """Return the last words by which others import a file; a package also by dots alone."""
        folder, _, name = path.rpartition("/")
        if not name.startswith("__init__."):
            return {name.partition(".")[0]}
        return {folder.rpartition("/")[2], ".", "..", "..."}

    def module(self, path: str, name: str) -> Values:
        """Return the file or the folder of a module."""
        key = (folder_of(path), name)
        if key not in self._modules:
            found = self._relative(path, name) if name.startswith(".") else self._absolute(path, name)
            self._modules[key] = found
        return self._modules[key]

    def _relative(self, path: str, name: str) -> Values:
        parts = name.lstrip(".")
        folder = folder_of(path)
        for _ in range(len(name) - len(parts) - 1):
            folder = folder_of(folder)
        return self._below(folder, parts.replace(".", "/") if parts else "")

    def _below(self, folder: str, place: str) -> Values:
        stem = "/".join(part for part in (folder, place) if part)
        files = [f"{stem}{ending}" for ending in _ENDINGS] if place else []
        packages = [f"{stem}/{_PACKAGE}" if stem else _PACKAGE, f"{stem}/{_PACKAGE}i"]
        for candidate in (*packages, *files):
            if self.view.exists(candidate):
                return [Value(FILE, candidate, "", "imported module")]
        return [] if place else [Value(FOLDER, folder, "", "imported module")]

    def _absolute(self, path: str, name: str) -> Values:
        """Return the module below the nearest root of the search path that has it."""
        place = name.replace(".", "/")
        last = place.rpartition("/")[2]
        stems = {
            candidate.removesuffix(ending)
            for ending in (f"/{_PACKAGE}", *_ENDINGS)
            for candidate in self.view.paths_called(_PACKAGE if ending == f"/{_PACKAGE}" else last + ending)
            if candidate.endswith(ending)
        }
        roots = {stem[: -len(place)].rstrip("/") for stem in stems if f"/{stem}".endswith(f"/{place}")}
        own = self._root(path)
        standard = name.partition(".")[0] in sys.stdlib_module_names
        fitting = [root for root in roots if (root == own or not standard) and not self._is_package(root)]
        for root in nearest(path, [f"{root}/x" if root else "x" for root in fitting]):
            return self._below(folder_of(root), place)
        return self._folder(path, place) if not standard else []

    def _folder(self, path: str, place: str) -> Values:
        """Return a package without an `__init__.py` beside the file's own packages."""
        own = self._root(path)
        folder = f"{own}/{place}" if own else place
        if path.startswith(f"{folder}/"):
            return [Value(FOLDER, folder, "", "imported module")]
        return []

    def _root(self, path: str) -> str:
        """Return the folder that a file's outermost package lies in."""
        folder = folder_of(path)
        while folder and self._is_package(folder):
            folder = folder_of(folder)
        return folder

    def _is_package(self, folder: str) -> bool:
        return bool(folder) and (
            self.view.exists(f"{folder}/{_PACKAGE}") or self.view.exists(f"{folder}/{_PACKAGE}i")
        )

    def exported(self, module: Value, name: str) -> Values | None:
        """Return what a module has under a name: its own, what it imports, a module below it."""
        if (module.path, name) in self._exporting or len(self._exporting) > _MAX_PASSED_ON:
            return UNKNOWN
        self._exporting.add((module.path, name))
        try:
            return self._exported(module, name)
        finally:
            self._exporting.discard((module.path, name))

    def _exported(self, module: Value, name: str) -> Values | None:
        if module.kind == FILE:
            values = super().exported(module, name)
            if not is_unknown(values):
                return values
            for below in self._submodules(module.path, name):
                return [below]
            starred = self.outer(Here(module.path, "", 0), name)
            if starred:
                return [value._replace(rule="imported by name, re-exported") for value in starred]
            return UNKNOWN
        return self._below(module.path, name) or UNKNOWN

    def _submodules(self, path: str, name: str) -> Iterator[Value]:
        if path.rpartition("/")[2].startswith("__init__."):
            yield from self._below(folder_of(path), name)


def _folders(folder: str) -> Iterator[str]:
    """Yield ``a/b``, ``a`` and "" for ``a/b``."""
    while folder:
        yield folder
        folder = folder_of(folder)
    yield ""
