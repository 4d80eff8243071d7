"""Java: imports by name, the file's own package, members of the class and of those around it.

Methods have names of their own: `name()` is a method (or a class, whose constructor it calls), `name` never.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.retrieval.graph.resolver import CLASSES, Resolver, instances, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, FOLDER, INSTANCE, OUTSIDE, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.values import Values

__all__ = ["Java"]

_METHODS = frozenset({"function", "method"})
_SOURCES = re.compile(r"(?:^|.*?/)(?:java|kotlin)/(?=[a-z])")


class Java(Resolver):
    """Rules of Java."""

    own = frozenset({"this"})
    own_class = frozenset({"this"})  # of `this(...)`
    parent = frozenset({"super"})
    roots = frozenset({"Object", "Serializable", "Cloneable", "AutoCloseable", "Closeable"})

    def resolve(self, reference: Reference) -> Values | None:
        """Return what a reference means; a call means a method or a class, `super(...)` the base class."""
        before, _, last = reference.name.rpartition(".")
        if reference.kind != "call" or not last.isidentifier() or reference.name.startswith("."):
            return super().resolve(reference)
        here = Here(reference.path, reference.scope, reference.line)
        if before:
            values = self.evaluate(here, before)
            found = self.members(values, f"{last}()") if values and not is_unknown(values) else values
        else:
            found = self._constructors(here, last) or self.head(here, f"{last}()")
        return found if found is None or is_unknown(found) else self.called_for(found)

    def _constructors(self, here: Here, name: str) -> Values:
        """Return the class whose constructor `this(...)` or `super(...)` calls."""
        owner = self.owner(here) if name in ("this", "super") else ""
        if name == "super" and owner:
            bases, _ = self.bases(here.path, owner)
            found = [Value(DEFINITION, path, base, "base class, by super") for path, base in bases[:1]]
            return [one for one in found if self.view.file(one.path).symbols[one.name].kind == "class"]
        return [Value(DEFINITION, here.path, owner, "own class")] if owner else []

    def first(self, here: Here, parts: Sequence[str]) -> tuple[Values | None, Sequence[str]]:
        """Return what the head of a name stands for, `Outer.this` included, and the parts after it."""
        values = self.head(here, parts[0])
        if parts[1:2] == ["this"]:
            return instances(values), parts[2:]
        return self.given(values) if parts[0].endswith("()") and values else values, parts[1:]

    def step(self, values: Values, part: str) -> Values | None:
        """Return a member: the value of a method where it is called, else of a field, or a class."""
        found = self.members(values, part)
        return self.given(found) if part.endswith("()") and found else found

    def bound_in(self, here: Here, scope: str, name: str) -> Values | None:
        """Return a member of a class, or a variable, parameter or local class of a method, or an import."""
        file = self.view.file(here.path)
        symbol = file.symbols.get(scope)
        if symbol is not None and symbol.kind in CLASSES:
            return self._seen_in_class(here.path, scope, name)
        plain = name.removesuffix("()")
        defined = file.symbols.get(f"{scope}.{plain}" if scope else plain)
        if defined is not None and defined.kind in _METHODS:  # of an anonymous class
            is_seen = plain != name and here.scope.startswith(f"{scope}.")
            return [Value(DEFINITION, here.path, defined.qualified_name, "same scope")] if is_seen else None
        if plain != name and defined is None:
            return self.bound_by_import(here, scope, plain)
        return super().bound_in(here, scope, plain)

    def _seen_in_class(self, path: str, cls: str, name: str) -> Values | None:
        """Return a member of a class around; what its absent bases may have hides nothing further out."""
        found = self.members([Value(DEFINITION, path, cls, "own class")], name)
        if found == OUTSIDE:
            above, _ = self.ancestors(path, cls)
            is_field = any((one, name) in self.view.file(place).variables for place, one in above)
            return OUTSIDE if is_field else None
        return None if found is None or is_unknown(found) else found

    def told(self, here: Here, scope: str, name: str) -> list[Reference]:
        """Return what tells of a variable, of several methods of one name only in that around `here`."""
        told = super().told(here, scope, name)
        within = self._overload(here, scope)
        if within is None:
            return told
        return [one for one in told if within.start_line <= one.line <= within.end_line]

    def parameter(self, here: Here, symbol: Symbol, name: str) -> Values | None:
        """Return what a parameter is by its declared type."""
        return super().parameter(here, self._overload(here, symbol.qualified_name) or symbol, name)

    def _overload(self, here: Here, scope: str) -> Symbol | None:
        """Return that of several methods of one name which is around a place, None for a lone one."""
        several = self.view.file(here.path).overloads.get(scope, ())
        return next((one for one in several if one.start_line <= here.line <= one.end_line), None)

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
                    values = self._static(values, part) if values else values
                return [] if values is None or is_unknown(values) else values
        is_class = any(part[:1].isupper() for part in parts)
        return [] if is_class else [Value(FOLDER, "/".join(parts), "", "imported package")]

    def _static(self, values: Values, name: str) -> Values | None:
        """Return a member that is imported: a method, else a class or a field."""
        found = self.members(values, f"{name}()")
        return found if found and not is_unknown(found) else self.members(values, name)

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return a method or class by `name()`, a class or constant by `name`; no constructor by its own."""
        plain = name.removesuffix("()")
        symbols = [] if plain == cls.rpartition(".")[2] else super().symbols_in(path, cls, plain)
        wanted = _METHODS if plain != name else {"constant"}
        return [one for one in symbols if one.kind in wanted or one.kind in CLASSES]

    def attribute(self, path: str, cls: str, name: str) -> Values | None:
        """Return what a field is by its type."""
        return None if name.endswith("()") else super().attribute(path, cls, name)

    def declared_value(self, value: Value) -> Values | None:
        """Return what a method gives, and what a constant is."""
        symbol = self.view.file(value.path).symbols.get(value.name)
        if symbol is None or symbol.kind != "constant":
            return super().declared_value(value)
        owner = self.owner_of(value)
        above = self.view.file(value.path).symbols.get(owner)
        declared = self.attribute(value.path, owner, symbol.name)
        if declared is None and above is not None and above.kind == "enum":
            return [Value(INSTANCE, value.path, owner, "class of an attribute")]
        return declared

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
        name = name.removesuffix("()")
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
