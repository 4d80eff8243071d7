"""C++: like C, with namespaces and classes; a definition may stand in any file, below its qualified name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.graph.c import C, is_defined
from inhouse.retrieval.graph.resolver import CLASSES, Resolver, around
from inhouse.retrieval.graph.values import DEFINITION, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.values import Values

__all__ = ["Cpp"]

_SPACES = CLASSES | {"module"}


class Cpp(C):
    """Rules of C++."""

    own = frozenset({"this"})

    def resolve(self, reference: Reference) -> Values | None:
        """Return what a call, a base or a type refers to."""
        return Resolver.resolve(self, reference)

    def head(self, here: Here, name: str) -> Values | None:
        """Return what a name is in the scopes around it, whatever file they are written in."""
        if name in self.own:
            return Resolver.head(self, here, name)
        for scope in around(here.scope):
            local = self._local(here, scope, name)
            if local is not None:
                return local
            found = self.below(here.path, scope, name)
            if found:
                rule = "own class or namespace" if scope else "the same name"
                own = any(one.path == here.path for one in found)
                return _values(here.path, found, "same file" if own and not scope else rule)
            if scope:
                inherited = self._inherited_in(here, scope, name)
                if inherited:
                    return inherited
        return None

    def _local(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what a local variable or a parameter is."""
        symbol = self.view.file(here.path).symbols.get(scope)
        values = self.variable(here, scope, name) if scope else None
        if values is None and symbol is not None and symbol.kind in ("function", "method"):
            values = self.parameter(here, symbol, name)
        return values

    def _inherited_in(self, here: Here, scope: str, name: str) -> Values:
        for value in self.classes(here.path, scope):
            values = self.inherited(value, name)
            if values and values is not UNKNOWN and values[0].kind != "unknown":
                return [one._replace(rule="own class, inherited") for one in values]
        return []

    def classes(self, path: str, name: str) -> Values:
        """Return the classes of a qualified name, the nearest first."""
        found = [one for one in self.view.named(name.rpartition(".")[2], path) if one.qualified_name == name]
        return _values(path, [one for one in found if one.kind in CLASSES], "own class")[:1]

    def owner(self, here: Here) -> str:
        """Return the class around a scope, also of a method that is defined outside of it."""
        for scope in around(here.scope):
            if scope and self.classes(here.path, scope):
                return scope
        return ""

    def below(self, path: str, scope: str, name: str) -> list[Symbol]:
        """Return the definitions of a name in a scope, of any file; declarations if there are none."""
        wanted = f"{scope}.{name}" if scope else name
        found = [one for one in self.view.named(name, path) if one.qualified_name == wanted]
        return [one for one in found if is_defined(one)] or found

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return the definitions of a member."""
        found = self.below(path, cls, name)
        best = nearest(path, sorted({one.path for one in found}))[:1]
        return [one for one in found if one.path in best]

    def attribute(self, path: str, cls: str, name: str) -> Values | None:
        """Return the type of a field."""
        for one in self.view.file(path).variables.get((cls, name), ()):
            values = self.told_by(one)
            return (
                UNKNOWN
                if values is None
                else [
                    value if value.kind == "unknown" else value._replace(rule="class of an attribute")
                    for value in values
                ]
            )
        return None

    def ancestors(self, path: str, cls: str) -> tuple[list[tuple[str, str]], bool]:
        """Return a class and its bases, from the file that holds the class."""
        classes = self.classes(path, cls)
        return super().ancestors(classes[0].path if classes else path, cls)

    def is_class(self, value: Value) -> bool:
        """Tell whether a value has members: a class or a namespace."""
        symbols = self.view.named(value.name.rpartition(".")[2], value.path)
        return any(one.qualified_name == value.name and one.kind in _SPACES for one in symbols)


def _values(path: str, symbols: Sequence[Symbol], rule: str) -> Values:
    """Return the definitions of the nearest file that has any."""
    best = nearest(path, sorted({one.path for one in symbols}))[:1]
    return list(
        dict.fromkeys(
            Value(DEFINITION, one.path, one.qualified_name, rule) for one in symbols if one.path in best
        )
    )
