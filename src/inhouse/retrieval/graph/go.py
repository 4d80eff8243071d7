"""Go: a package is a folder, and its import path begins with that of the module in go.mod."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from inhouse.retrieval.graph.resolver import CLASSES, END, Resolver, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, FILE, FOLDER, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.values import Values

__all__ = ["Go"]

_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.M)
_FUNCTIONS = frozenset({"function", "method"})
_TYPES = CLASSES | {"type"}


class Go(Resolver):
    """Rules of Go."""

    scopes_of_classes = False

    @cached_property
    def _modules(self) -> dict[str, str]:
        """The folder of each module by its path, the longest path first."""
        found = {}
        for path in self.view.paths_called("go.mod"):
            named = _MODULE.search(self.view.text(path))
            if named:
                found[named[1]] = folder_of(path)
        return dict(sorted(found.items(), key=lambda one: (-len(one[0]), one)))

    def module(self, path: str, name: str) -> Values:  # noqa: ARG002
        """Return the folder of a package."""
        for module, folder in self._modules.items():
            if name == module or name.startswith(f"{module}/"):
                rest = name[len(module) :].strip("/")
                place = "/".join(part for part in (folder, rest) if part)
                return [Value(FOLDER, place, "", "imported by name")]
        return []

    def imported(self, reference: Reference) -> Iterator[Values]:
        """Yield the file that stands for an imported package: named after it, or `doc.go`."""
        for value in self.module(reference.path, reference.name):
            name = reference.name.rpartition("/")[2]
            files = (f"{value.path}/{one}.go".lstrip("/") for one in (name, "doc"))
            yield [Value(FILE, one, "", "imported package") for one in files if self.view.exists(one)][:1]

    def bound_in(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what a function or a file binds; the type that a method is named after binds nothing."""
        symbol = self.view.file(here.path).symbols.get(scope)
        is_seen = not scope or (symbol is not None and symbol.kind in _FUNCTIONS)
        return super().bound_in(here, scope, name) if is_seen else None

    def outer(self, here: Here, name: str) -> Values | None:
        """Return what another file of the package defines."""
        found = self._in_folder(folder_of(here.path), name, here.path, "same package")
        for _, reference in self.view.file(here.path).imports.get("*", ()):
            for value in () if found else self.module(here.path, reference.name):
                found = self._in_folder(value.path, name, here.path, "star import")
        return found or None

    def _in_folder(self, folder: str, name: str, path: str, rule: str) -> Values:
        from_test = path.endswith("_test.go") and folder_of(path) == folder
        found = [
            Value(DEFINITION, one.path, one.qualified_name, rule)
            for one in self.view.named(name, "x.go")
            if one.qualified_name == name
            and folder_of(one.path) == folder
            and (from_test or not one.path.endswith("_test.go"))
        ]
        return list(dict.fromkeys(found))

    def exported(self, module: Value, name: str) -> Values | None:
        """Return a definition of a package."""
        return self._in_folder(module.path, name, "", "imported by name") or UNKNOWN

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return the method of a type; it may stand in any file of the package."""
        return [
            one
            for one in self.view.named(name, path)
            if one.qualified_name == f"{cls}.{name}" and folder_of(one.path) == folder_of(path)
        ]

    def member(self, value: Value, name: str) -> Values | None:
        """Return a member; of a variable of a package that of its type."""
        if value.kind != DEFINITION or not self._is_variable(value):
            return super().member(value, name)
        values = self.variable(Here(value.path, "", END), "", value.name)
        return UNKNOWN if values is None or is_unknown(values) else self.members(values, name)

    def called_for(self, values: Values) -> Values:
        """Return what is called; a variable that holds a function tells nobody which."""
        return [value for value in super().called_for(values) if not self._is_variable(value)]

    def _is_variable(self, value: Value) -> bool:
        symbol = self.view.file(value.path).symbols.get(value.name)
        return symbol is not None and symbol.kind == "constant"

    def is_class(self, value: Value) -> bool:
        """Tell whether a value is a type."""
        symbol = self.view.file(value.path).symbols.get(value.name)
        return symbol is not None and symbol.kind in _TYPES

    def bases(self, path: str, cls: str) -> tuple[list[tuple[str, str]], bool]:
        """Return the embedded types; what is embedded from elsewhere may have any method."""
        found, complete = [], True
        for reference in self.view.file(path).bases.get(cls, ()):
            values = self.resolve(reference)
            known = (
                [] if values is None or is_unknown(values) else [one for one in values if self.is_class(one)]
            )
            complete = complete and bool(known)
            found += [(one.path, one.name) for one in known[:1]]
        return list(dict.fromkeys(found)), complete

    def names_of_module(self, path: str) -> set[str]:
        """Return the last part of the import path of a file's package."""
        folder = folder_of(path)
        inside = {module.rpartition("/")[2] for module, place in self._modules.items() if place == folder}
        return {folder.rpartition("/")[2], *inside} - {""}
