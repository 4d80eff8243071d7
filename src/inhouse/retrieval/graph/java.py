"""Java: imports by name, the file's own package, members of the class and of those around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.retrieval.graph.resolver import CLASSES, Resolver, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, FOLDER, OUTSIDE, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of, nearest

if TYPE_CHECKING:
    from inhouse.records import Symbol
    from inhouse.retrieval.graph.values import Values

__all__ = ["Java"]

_SOURCES = re.compile(r"(?:^|.*?/)(?:java|kotlin)/(?=[a-z])")


class Java(Resolver):
    """Rules of Java."""

    own = frozenset({"this"})
    parent = frozenset({"super"})
    roots = frozenset({"Object", "Serializable", "Cloneable", "AutoCloseable", "Closeable"})

    def module(self, path: str, name: str) -> Values:
        """Return the class that a dotted name means, a member of one, or a package's folder."""
        parts = name.split(".")
        for size in range(len(parts), 0, -1):
            ending = "/".join(parts[:size]) + ".java"
            files = [
                one
                for one in self.view.paths_called(f"{parts[size - 1]}.java")
                if f"/{one}".endswith(f"/{ending}")
            ]
            for file in nearest(path, sorted(files))[:1]:
                values: Values | None = [Value(DEFINITION, file, parts[size - 1], "imported by name")]
                for part in parts[size:]:
                    values = self.members(values, part) if values else values
                return [] if values is None or is_unknown(values) else values
        return [Value(FOLDER, "/".join(parts), "", "imported package")]

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return the definitions of a member; a constructor is called by the name of its class."""
        return [] if name == cls.rpartition(".")[2] else super().symbols_in(path, cls, name)

    def outer(self, here: Here, name: str) -> Values | None:
        """Return what the package, or an import of everything, binds; other classes are Java's own."""
        package = _package(here.path)
        found = self._in_package(here, package, name, "same package")
        for _, reference in self.view.file(here.path).imports.get("*", ()):
            for value in () if found else self.module(here.path, reference.name):
                if value.kind == FOLDER:
                    found = self._in_package(here, value.path, name, "star import")
                elif value.kind == DEFINITION:
                    members = self.members([value], name)
                    found = [] if members is None or is_unknown(members) else members
        return found or (OUTSIDE if name[:1].isupper() else None)

    def _in_package(self, here: Here, package: str, name: str, rule: str) -> Values:
        if not name[:1].isupper():
            return []
        found = [
            one.path
            for one in self.view.named(name, here.path)
            if one.qualified_name == name and one.kind in CLASSES and _package(one.path) == package
        ]
        return [Value(DEFINITION, one, name, rule) for one in nearest(here.path, sorted(set(found)))[:1]]

    def exported(self, module: Value, name: str) -> Values | None:
        """Return a class of a package, or a member of a class."""
        if module.kind == FOLDER:
            return (
                self._in_package(Here(module.path, "", 0), module.path, name, "imported by name") or UNKNOWN
            )
        return self.members([module], name)

    def names_of_module(self, path: str) -> set[str]:
        """Return the name of the class that a file is named after."""
        return {path.rpartition("/")[2].removesuffix(".java")}


def _package(path: str) -> str:
    """Return the package of a file as a path, as far as its folder tells."""
    return _SOURCES.sub("", folder_of(path), count=1)
