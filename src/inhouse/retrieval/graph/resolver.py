"""Follow a name from where it is written to what it stands for; a language says how it differs.

    name.of.something   head: bound in the scopes around it, then whatever the language looks at
                        every part after it: a member of what was found so far

Values are sets of possibilities. None: not bound here; UNKNOWN: bound to what cannot be told; []: certainly
outside of the repository.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages import parameters, returned
from inhouse.retrieval.graph.values import (
    DEFINITION,
    FILE,
    FOLDER,
    INSTANCE,
    OUTSIDE,
    PARENT,
    UNKNOWN,
    Here,
    Value,
    Values,
)
from inhouse.retrieval.graph.view import language_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.view import View

__all__ = ["CLASSES", "END", "Resolver", "around", "is_unknown"]

CLASSES = frozenset({"class", "struct", "enum", "union", "interface", "trait", "impl"})

END = 1 << 30
"""The line from which other files look at one: behind all others."""

_PASSED_ON = ", re-exported"
_IMPORTED = frozenset({"imported by name", "star import"})
_MAX_DEPTH = 24  # steps from one name to the next
_MAX_STEPS = 500  # for one reference: attributes that are made of each other multiply
_MAX_CLIMB = 40  # classes above each other
_MAX_PARTS = 16  # of a dotted name
_PARTS = re.compile(r"\.|::|->|\?\.")


class Resolver:
    """The rules that most languages share."""

    own: frozenset[str] = frozenset()  # what a method calls its own object
    own_class: frozenset[str] = frozenset()
    parent: frozenset[str] = frozenset()
    scopes_of_classes = True  # does a method see the names of its class without a prefix?

    def __init__(self, view: View) -> None:
        self.view = view
        self._depth = self._steps = self._climbed = 0
        self._ancestors: dict[tuple[str, str], tuple[list[tuple[str, str]], bool]] = {}

    # ------------------------------------------------------------ what a reference stands for

    def begin(self) -> None:
        """Begin with a reference: none may cost more, or be told less, for what was asked before."""
        self._depth = self._steps = 0

    def _is_lost(self) -> bool:
        """Count a step, and tell whether it leads too deep or too far."""
        self._steps += 1
        return self._depth > _MAX_DEPTH or self._steps > _MAX_STEPS

    def resolve(self, reference: Reference) -> Values | None:
        """Return what a call, a base or a type refers to."""
        here = Here(reference.path, reference.scope, reference.line)
        if reference.kind == "inherit":
            here = here._replace(scope=reference.scope.rpartition(".")[0])
        values = self.evaluate(here, reference.name)
        return values if values is None or is_unknown(values) else self.called_for(values)

    def called_for(self, values: Values) -> Values:
        """Return what is called where values are called; of an instance whatever the language says."""
        return [value for value in values if value.kind in (DEFINITION, FILE)]

    def likely(self, reference: Reference) -> Values:  # noqa: ARG002
        """Return what a reference may mean where the rules lead nowhere."""
        return []

    def imported(self, reference: Reference) -> Iterator[Values]:
        """Yield what each name of an import refers to."""
        for _, there in reference.bound or (("", ""),):
            module = self.module(reference.path, reference.name)
            if there in ("", "*"):
                yield module
                continue
            found = [value for each in module for value in self.exported(each, there) or ()]
            yield [value for value in found if value.kind in (DEFINITION, FILE)] or module

    def evaluate(self, here: Here, name: str) -> Values | None:
        """Return what a dotted name stands for."""
        parts = [part for part in _PARTS.split(name) if part]
        if not parts or len(parts) > _MAX_PARTS or self._is_lost():
            return UNKNOWN
        if name.startswith("."):  # of a call before that is not plain
            return UNKNOWN
        self._depth += 1
        try:
            return self._follow(here, parts)
        finally:
            self._depth -= 1

    def _follow(self, here: Here, parts: Sequence[str]) -> Values | None:
        values, rest = self.first(here, parts)
        for part in rest:
            if values is None or not values or is_unknown(values):
                return values
            values = self.step(values, part)
        return values

    def step(self, values: Values, part: str) -> Values | None:
        """Return what a part of a name is of the values before it."""
        found = self.members(values, part.removesuffix("()"))
        return self.given(found) if part.endswith("()") and found else found

    def first(self, here: Here, parts: Sequence[str]) -> tuple[Values | None, Sequence[str]]:
        """Return what the head of a name stands for, and the parts after it."""
        name = parts[0].removesuffix("()")
        values = self.head(here, name)
        if parts[0] != name and values:
            values = self.given(values)
        return values, parts[1:]

    def names_for(self, path: str, qualified_name: str) -> set[str]:
        """Return the simple names under which others may refer to a definition, or to a file."""
        if not qualified_name:
            return self.names_of_module(path)
        names = {qualified_name.rpartition(".")[2]}
        if self.is_class(Value(DEFINITION, path, qualified_name, "")):
            names |= self.own_class | self.parent
        return names

    def names_of_module(self, path: str) -> set[str]:
        """Return the last words by which others import a file."""
        name = path.rpartition("/")[2]
        return {name.partition(".")[0], name}

    # ------------------------------------------------------------ heads

    def head(self, here: Here, name: str) -> Values | None:
        """Return what a plain name stands for."""
        if name in self.own or name in self.own_class:
            owner = self.owner(here)
            kind = INSTANCE if name in self.own else DEFINITION
            return [Value(kind, here.path, owner, "own class")] if owner else UNKNOWN
        if name in self.parent:
            owner = self.owner(here)
            return [Value(PARENT, here.path, owner, "base class, by super")] if owner else UNKNOWN
        for scope in around(here.scope):
            values = self.bound_in(here, scope, name)
            if values is not None:
                return values
        return self.outer(here, name)

    def bound_in(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what a name is in one scope around it, None when it is not bound there."""
        file = self.view.file(here.path)
        symbol = file.symbols.get(scope)
        if scope and symbol is not None and symbol.kind in CLASSES and scope != here.scope:
            if not self.scopes_of_classes:
                return None
            found = self.members([Value(DEFINITION, here.path, scope, "own class")], name)
            return None if found is None or is_unknown(found) or not found else found
        if scope or (scope, name) in file.variables:
            values = self.variable(here, scope, name)
            if values is not None:
                return values
        defined = file.symbols.get(f"{scope}.{name}" if scope else name)
        if defined is not None and self.is_visible(here, defined):
            rule = "same scope" if scope else "same file"
            return [Value(DEFINITION, here.path, defined.qualified_name, rule)]
        imported = self.bound_by_import(here, scope, name)
        if imported is not None:
            return imported
        return self.parameter(here, symbol, name) if symbol is not None and scope else None

    def is_visible(self, here: Here, symbol: Symbol) -> bool:  # noqa: ARG002
        """Tell whether the name of a definition around a place means it there without a prefix."""
        return True

    def variable(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what a variable is by the last statement before that gave it a value or a type."""
        told = self.told(here, scope, name)
        if not told:
            return None
        before = [
            one for one in told if one.line < here.line or (one.line == here.line and one.kind == "type")
        ]
        before = before or [one for one in told if one.line > here.line]
        if not before:
            return UNKNOWN
        values = self.told_by(before[-1])
        if values is None or is_unknown(values):
            return UNKNOWN
        return [value._replace(rule="class of a variable") for value in values]

    def told(self, here: Here, scope: str, name: str) -> list[Reference]:
        """Return the statements that tell what a variable is."""
        return self.view.file(here.path).variables.get((scope, name), [])

    def told_by(self, reference: Reference) -> Values | None:
        """Return the value that a statement gives to its variable."""
        if self._is_lost():
            return UNKNOWN
        self._depth += 1
        try:
            return self._told_by(reference)
        finally:
            self._depth -= 1

    def _told_by(self, reference: Reference) -> Values | None:
        here = Here(reference.path, reference.scope, reference.line)
        if reference.kind == "call":
            values = self.evaluate(here, reference.name)
            return self.given(values) if values else values
        if reference.kind == "bind":
            return self.evaluate(here, reference.name)
        return self.typed(here, reference.name)

    def parameter(self, here: Here, symbol: Symbol, name: str) -> Values | None:
        """Return what a parameter is by its declared type."""
        declared = parameters(symbol.signature, language_of(symbol.path)).get(name)
        if declared is None:
            return None
        inside = Here(here.path, symbol.qualified_name.rpartition(".")[0], symbol.start_line)
        values = self.typed(inside, declared) if declared else UNKNOWN
        return (
            UNKNOWN if values is None else [value._replace(rule="class of a parameter") for value in values]
        )

    def typed(self, here: Here, name: str) -> Values | None:
        """Return an instance of a type."""
        if name in ("Self", "self"):
            owner = self.owner(here)
            return [Value(INSTANCE, here.path, owner, "own class")] if owner else UNKNOWN
        return instances(self.evaluate(here, name))

    def bound_by_import(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what an import binds to a name in a scope."""
        bound = self.view.file(here.path).imports.get(name, ())
        visible = [(there, one) for there, one in bound if one.scope == scope]
        if not visible:
            return None
        found = [value for there, one in visible for value in self.taken(one, there)]
        return found or OUTSIDE

    def taken(self, reference: Reference, there: str) -> Values:
        """Return what an import takes out of its module."""
        modules = self.module(reference.path, reference.name)
        if there == "":
            return [value._replace(rule="imported by name") for value in modules]
        found: Values = []
        for module in modules:
            exported = self.exported(module, there)
            if exported is None or is_unknown(exported):
                return UNKNOWN
            found += exported
        return found

    def outer(self, here: Here, name: str) -> Values | None:  # noqa: ARG002
        """Return what a name is that no scope of its file binds."""
        return None

    def owner(self, here: Here) -> str:
        """Return the class around a scope, "" for none."""
        symbols = self.view.file(here.path).symbols
        for scope in around(here.scope):
            symbol = symbols.get(scope)
            if symbol is not None and symbol.kind in CLASSES:
                return scope
        return ""

    # ------------------------------------------------------------ members

    def members(self, values: Values, name: str) -> Values | None:
        """Return a member of any of the values."""
        found: Values = []
        told = False
        for value in values:
            inner = self.member(value, name)
            told = told or inner is not None
            if inner is None or is_unknown(inner):
                continue
            found += inner
        if found:
            return list(dict.fromkeys(found))
        return OUTSIDE if told and not self._any_unknown(values, name) else UNKNOWN

    def _any_unknown(self, values: Values, name: str) -> bool:
        inner = (self.member(value, name) for value in values)
        return any(one is None or is_unknown(one) for one in inner)

    def member(self, value: Value, name: str) -> Values | None:
        """Return a member of a file, a folder, a class, an instance or the value of a property."""
        if value.kind in (FILE, FOLDER):
            found = self.exported(value, name)
            return found and [_through(one, "attribute of an imported module") for one in found]
        if value.kind == DEFINITION and not self.is_class(value):
            values = self.given([value]) if self.owner_of(value) else UNKNOWN
            return UNKNOWN if not values or is_unknown(values) else self.members(values, name)
        return self.inherited(value, name)

    def inherited(self, value: Value, name: str) -> Values | None:
        """Return a member of a class, its own or a base's, by the order in which it is looked for."""
        ancestors, complete = self.ancestors(value.path, value.name)
        for place, (path, cls) in enumerate(ancestors[1:] if value.kind == PARENT else ancestors):
            rule = f"{value.rule}, inherited" if place and value.kind != PARENT else value.rule
            symbols = self.symbols_in(path, cls, name)
            if symbols:
                return [Value(DEFINITION, one.path, one.qualified_name, rule) for one in symbols]
            attribute = self.attribute(path, cls, name)
            if attribute is not None:
                return attribute
        return UNKNOWN if complete else OUTSIDE

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return the definitions of a member of a class."""
        symbol = self.view.file(path).symbols.get(f"{cls}.{name}")
        return [symbol] if symbol is not None else []

    def attribute(self, path: str, cls: str, name: str) -> Values | None:
        """Return what an attribute of an instance is, None when no statement of the class tells."""
        file = self.view.file(path)
        told = [
            one
            for own in sorted(self.own)
            for one in file.attributes.get(f"{own}.{name}", ())
            if one.scope == cls or one.scope.startswith(f"{cls}.")
        ]
        told += file.variables.get((cls, name), [])
        for one in told:
            values = self.told_by(one)
            if values and not is_unknown(values):
                return [value._replace(rule="class of an attribute") for value in values]
            if values == OUTSIDE:
                return OUTSIDE
        return UNKNOWN if told else None

    def ancestors(self, path: str, cls: str) -> tuple[list[tuple[str, str]], bool]:
        """Return a class and its bases in the order of looking members up, and whether all are known.

        The order is C3 (Barrett et al. 1996, "A monotonic superclass linearization for Dylan"), as Python has
        it; where C3 has none, depth first.
        """
        key = path, cls
        if key not in self._ancestors:
            if self._climbed > _MAX_CLIMB:
                return [key], False
            self._ancestors[key] = ([key], False)  # of a class that inherits from itself
            before = self._depth, self._steps
            self._depth = self._steps = 0  # what is kept must not hang on who asked
            self._climbed += 1
            self._ancestors[key] = self._climb(key)
            self._climbed -= 1
            self._depth, self._steps = before
        return self._ancestors[key]

    def _climb(self, key: tuple[str, str]) -> tuple[list[tuple[str, str]], bool]:
        bases, complete = self.bases(*key)
        lines = [self.ancestors(*base) for base in bases]
        merged = _merged([line for line, _ in lines], bases)
        known = complete and all(known for _, known in lines)
        return list(dict.fromkeys([key, *merged])), known

    def bases(self, path: str, cls: str) -> tuple[list[tuple[str, str]], bool]:
        """Return the bases of a class, and whether all of them are in the repository."""
        found, complete = [], True
        for reference in self.view.file(path).bases.get(cls, ()):
            values = self.resolve(reference) or []
            classes = [value for value in values if value.kind == DEFINITION and self.is_class(value)]
            complete = complete and (bool(classes) or reference.name in self.roots)
            found += [(value.path, value.name) for value in classes[:1]]
        return list(dict.fromkeys(found)), complete

    roots: frozenset[str] = frozenset()  # bases without members that anybody calls

    def is_class(self, value: Value) -> bool:
        """Tell whether a value is a class."""
        symbol = self.view.file(value.path).symbols.get(value.name)
        return symbol is not None and symbol.kind in CLASSES

    def owner_of(self, value: Value) -> str:
        """Return the class that a definition is a member of, "" for none."""
        return self.owner(Here(value.path, value.name.rpartition(".")[0], 0))

    # ------------------------------------------------------------ values of calls

    def given(self, values: Values) -> Values:
        """Return what calls of these give: a class an instance of itself, a function what it declares."""
        found: Values = []
        for value in values:
            if value.kind == DEFINITION and self.is_class(value):
                found.append(value._replace(kind=INSTANCE, rule="class of what the call before gives"))
            elif value.kind == DEFINITION:
                inner = self.declared_value(value)
                if inner is None or is_unknown(inner):
                    return UNKNOWN
                found += inner
            else:
                return UNKNOWN
        return found

    def declared_value(self, value: Value) -> Values | None:
        """Return what a function gives by its signature."""
        symbol = self.view.file(value.path).symbols.get(value.name)
        declared = returned(symbol.signature, language_of(value.path)) if symbol is not None else ""
        if not declared:
            return self.returned_value(value, "return")
        here = Here(value.path, value.name.rpartition(".")[0], symbol.start_line if symbol else 0)
        values = self.typed(here, declared)
        return values and [one._replace(rule="class of what the call before gives") for one in values]

    def returned_value(self, value: Value, word: str) -> Values:
        """Return what the `return` statements of a function give, where that is a plain call."""
        found: Values = []
        for one in self.view.file(value.path).variables.get((value.name, word), ()):
            values = self.told_by(one)
            found += values if values and not is_unknown(values) else []
        rule = "class of what the call before gives"
        return list(dict.fromkeys(one._replace(rule=rule) for one in found)) or UNKNOWN

    # ------------------------------------------------------------ modules: what languages say

    def module(self, path: str, name: str) -> Values:
        """Return the file or folder that a module's name means in a file, [] for one from elsewhere."""
        raise NotImplementedError

    def exported(self, module: Value, name: str) -> Values | None:
        """Return what a module gives under a name, None or UNKNOWN for what it does not say."""
        if module.kind != FILE:
            return UNKNOWN
        values = self.bound_in(Here(module.path, "", END), "", name)
        if values is None:
            return UNKNOWN
        again = f"imported by name{_PASSED_ON}"
        return [
            value._replace(rule=again) if value.rule in _IMPORTED else _through(value, "imported by name")
            for value in values
        ]


def around(scope: str) -> Iterator[str]:
    """Yield ``a.b``, ``a`` and "" for ``a.b``."""
    while scope:
        yield scope
        scope = scope.rpartition(".")[0]
    yield ""


def is_unknown(values: Values | None) -> bool:
    """Tell whether nobody knows what the values are."""
    return bool(values) and values is not None and values[0].kind == "unknown"


def instances(values: Values | None) -> Values | None:
    """Return instances of classes."""
    if values is None or is_unknown(values):
        return UNKNOWN
    return [value._replace(kind=INSTANCE) for value in values if value.kind == DEFINITION]


def _through(value: Value, rule: str) -> Value:
    """Return a value with the rule by which another file found it."""
    if value.kind == "unknown":
        return value
    passed_on = value.rule.endswith(_PASSED_ON) or value.rule == "star import"
    return value._replace(rule=rule + _PASSED_ON if passed_on else rule)


def _merged(lines: Sequence[list[tuple[str, str]]], bases: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Merge the orders of the bases so that each keeps its own (C3); depth first where that cannot be."""
    todo = [list(line) for line in (*lines, bases) if line]
    merged: list[tuple[str, str]] = []
    while todo:
        tails = {each for line in todo for each in line[1:]}
        head = next((line[0] for line in todo if line[0] not in tails), None)
        if head is None:
            return list(dict.fromkeys(each for line in lines for each in line))
        merged.append(head)
        todo = [rest for line in todo if (rest := [each for each in line if each != head])]
    return merged
