"""C++: like C, with namespaces and classes; a definition may stand in any file, below its qualified name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages import plain_type
from inhouse.retrieval.graph.c import HEADERS, C, is_defined, is_linked
from inhouse.retrieval.graph.resolver import CLASSES, Resolver, around, instances, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, OUTSIDE, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import nearest, shared

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
        """Return what a call, a base or a type refers to; a type that is only used may be an alias."""
        values = Resolver.resolve(self, reference)
        return values if reference.kind == "type" else self._behind(values)

    def likely(self, reference: Reference) -> Values:
        """Return what a name may mean whose namespace nothing defines: a macro may open it."""
        head, _, rest = reference.name.partition("::")
        values = self.evaluate(Here(reference.path, "", reference.line), rest) if head and rest else None
        return [] if values is None or is_unknown(values) else self.called_for(self._behind(values) or [])

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
        return self._used_in(here, name) or (OUTSIDE if name == "std" else None)

    def _used_in(self, here: Here, name: str) -> Values:
        """Return what a name is in the namespaces that `using namespace` opens around it."""
        variables = self.view.file(here.path).variables
        spaces = [one.name for scope in around(here.scope) for one in variables.get((scope, "*"), ())]
        found = (self.below(here.path, space.strip(":").replace("::", "."), name) for space in spaces)
        return next((_values(here.path, symbols, "using namespace") for symbols in found if symbols), [])

    def variable(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what a variable is, or what `using` takes out of a namespace where that is known."""
        values = super().variable(here, scope, name)
        if {one.kind for one in self.view.file(here.path).variables.get((scope, name), ())} != {"bind"}:
            return values
        is_known = values is not None and not is_unknown(values)
        return [one._replace(rule="using declaration") for one in values or ()] if is_known else None

    def _local(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what a local variable or a parameter is."""
        symbol = self.view.file(here.path).symbols.get(scope)
        values = self.variable(here, scope, name)
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
        found = [
            one
            for one in self.view.named(name.rpartition(".")[2], path)
            if one.qualified_name == name and one.kind in CLASSES
        ]
        seen = self._seen(path, found) or found
        paths = {one.path for one in seen}
        best = [path] if path in paths else nearest(path, sorted(paths))[:1]
        return _values(path, [one for one in seen if one.path in best], "own class")[:1]

    def owner(self, here: Here) -> str:
        """Return the class around a scope, also of a method that is defined outside of it."""
        for scope in around(here.scope):
            if scope and self.classes(here.path, scope):
                return scope
        return ""

    def below(self, path: str, scope: str, name: str) -> list[Symbol]:
        """Return the definitions of a name in a scope, of any file; declarations if there are none."""
        if scope.rpartition(".")[2] == name:  # a constructor is called by the name of its class
            return []
        wanted = f"{scope}.{name}" if scope else name
        found = [
            one
            for one in self.view.named(name, path)
            if one.qualified_name == wanted or (one.kind == "macro" and not scope)  # macros know no scopes
        ]
        return self._seen(path, found)

    def _seen(self, path: str, found: Sequence[Symbol]) -> list[Symbol]:
        """Return what a file sees: its own, what it includes, the definitions of what is declared there."""
        if not found:
            return []
        included = self.included(path)
        seen = [one for one in found if one.path == path] or [one for one in found if one.path in included]
        if not seen:  # a class may have been declared ahead, which leaves no trace
            return [one for one in found if one.kind in CLASSES and one.path.endswith(HEADERS)]
        defined = [one for one in seen if is_defined(one)]
        if defined:
            return defined
        return [one for one in found if is_defined(one) and is_linked(one)] or seen

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return the definitions of a member."""
        return _nearest(path, self.below(path, cls, name))

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

    # ------------------------------------------------------------ aliases

    def typed(self, here: Here, name: str) -> Values | None:
        """Return an instance of a type, or of what it is an alias of."""
        return instances(self._behind(self.evaluate(here, name)))

    def given(self, values: Values) -> Values:
        """Return what calls of these give."""
        return super().given(self._behind(values) or [])

    def member(self, value: Value, name: str) -> Values | None:
        """Return a member of a class, an instance or a namespace."""
        behind = self._behind([value])
        return super().member(value, name) if behind == [value] or not behind else self.members(behind, name)

    def _behind(self, values: Values | None) -> Values | None:
        """Return values with the classes that aliases stand for in their place."""
        if values is None or is_unknown(values):
            return values
        return list(dict.fromkeys(each for value in values for each in self._aliased(value) or [value]))

    def _aliased(self, value: Value) -> Values:
        symbol = self.view.file(value.path).symbols.get(value.name) if value.kind == DEFINITION else None
        if symbol is None or symbol.kind != "type" or self._is_lost():
            return []
        written = _ALIAS.fullmatch(symbol.signature)
        name = plain_type(written[1] or written[2]) if written else ""
        here = Here(value.path, value.name.rpartition(".")[0], symbol.start_line)
        found = self._behind(self.evaluate(here, name)) if name else None
        return [] if found is None or is_unknown(found) or value in found else found


_ALIAS = re.compile(r"using \w+ = (.+)|typedef (.+?)[ *&]+\w+", re.S)


def _values(path: str, symbols: Sequence[Symbol], rule: str) -> Values:
    """Return the definitions of the nearest files that have any."""
    return list(
        dict.fromkeys(
            Value(DEFINITION, one.path, one.qualified_name, rule) for one in _nearest(path, symbols)
        )
    )


def _nearest(path: str, symbols: Sequence[Symbol]) -> list[Symbol]:
    """Return those of the file, else those that share most folders with it: platforms have own files."""
    own = [one for one in symbols if one.path == path]
    most = max((shared(path, one.path) for one in symbols), default=0)
    return own or [one for one in symbols if shared(path, one.path) == most]
