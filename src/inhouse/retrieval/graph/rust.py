"""Rust: paths through crates and modules, `use`, and the impl blocks of a type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.retrieval.graph.resolver import CLASSES, Resolver, around, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, FILE, OUTSIDE, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.values import Values
    from inhouse.retrieval.graph.view import View

__all__ = ["Rust"]

_ROOTS = ("lib.rs", "main.rs")
_OWNERS = frozenset({"lib.rs", "main.rs", "mod.rs"})  # files whose modules lie beside them
_MAX_PASSED_ON = 30  # modules that use each other
_MACRO = "macro"
_MODULE_WORDS = frozenset({"crate", "self", "super"})
_SPACES = CLASSES | {"module"}
_IN_A_CRATE = re.compile(r"[a-z_]\w*::")  # one of another repository, where nothing here binds the name


class Rust(Resolver):
    """Rules of Rust."""

    own = frozenset({"self"})
    own_class = frozenset({"Self"})
    scopes_of_classes = False

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._walking: set[tuple[str, str]] = set()

    def resolve(self, reference: Reference) -> Values | None:
        """Return what a call, a base or a type refers to; `name!` is a macro, and nothing else is one."""
        if reference.name.endswith("!"):
            return self._macro(reference)
        values = super().resolve(reference)
        if values is None or is_unknown(values):
            return values
        return [value for value in values if not self._is_macro(value)]

    def _macro(self, reference: Reference) -> Values:
        """Return a macro by its path, else the only one of its name: `macro_use` needs no path."""
        name = reference.name.removesuffix("!")
        values = super().resolve(reference._replace(name=name)) or ()
        found = [value for value in values if self._is_macro(value)]
        named = [one for one in self.view.named(name, reference.path) if one.kind == _MACRO]
        if not found and len(named) == 1:
            found = [Value(DEFINITION, named[0].path, named[0].qualified_name, "the only macro of that name")]
        return found

    def _is_macro(self, value: Value) -> bool:
        symbol = self.view.file(value.path).symbols.get(value.name)
        return symbol is not None and symbol.kind == _MACRO

    def evaluate(self, here: Here, name: str) -> Values | None:
        """Return what a path or a chain of fields stands for."""
        path, dot, fields = name.partition(".")
        if "::" in path and path.partition("::")[0] in _MODULE_WORDS:
            values: Values | None = self.module(here.path, path) or UNKNOWN
            for part in fields.split(".") if dot and values else ():
                values = self.members(values, part) if values else values
            return values
        values = super().evaluate(here, name)
        return OUTSIDE if values is None and _IN_A_CRATE.match(path) else values

    def outer(self, here: Here, name: str) -> Values | None:
        """Return a module below this one, or what `use ...::*` binds."""
        below = self._child(here.path, name)
        if below:
            return below
        for _, reference in self.view.file(here.path).imports.get("*", ()):
            for value in self.module(here.path, reference.name):
                values = self.exported(value, name)
                if values and not is_unknown(values):
                    return [one._replace(rule="star import") for one in values]
        return self._crate(here.path, name) or None

    def module(self, path: str, name: str) -> Values:
        """Return the module or the item that a path means."""
        if (path, name) in self._walking or len(self._walking) > _MAX_PASSED_ON:
            return []
        self._walking.add((path, name))
        try:
            return self._walk(path, [part for part in name.split("::") if part])
        finally:
            self._walking.discard((path, name))

    def _walk(self, path: str, parts: Sequence[str]) -> Values:
        values, rest = self._begin(path, parts)
        for part in rest:
            found = self.members(values, part) if values else []
            values = [] if found is None or is_unknown(found) else found
        return values

    def _begin(self, path: str, parts: Sequence[str]) -> tuple[Values, Sequence[str]]:
        """Return where a path begins, and the rest of it."""
        if not parts:
            return [], ()
        if parts[0] == "crate":
            return self._root(path), parts[1:]
        place = path
        while parts and parts[0] in ("self", "super"):
            place = self._above(place) if parts[0] == "super" else place
            parts = parts[1:]
        if place != path or not parts:
            return [Value(FILE, place, "", "imported module")], parts
        own = [Value(FILE, path, "", "imported module")]
        symbols = self.view.file(path).symbols
        if parts[0] in symbols or parts[0] in self.view.file(path).imports:
            return own, parts
        return (own, parts) if self._child(path, parts[0]) else (self._crate(path, parts[0]), parts[1:])

    def _root(self, path: str) -> Values:
        """Return the crate's root file."""
        folder = folder_of(path)
        while True:
            for name in _ROOTS:
                candidate = f"{folder}/{name}".lstrip("/")
                if self.view.exists(candidate):
                    return [Value(FILE, candidate, "", "imported module")]
            if not folder:
                return []
            folder = folder_of(folder)

    def _crate(self, path: str, name: str) -> Values:
        """Return the root of another crate of the repository, by the name of its folder."""
        roots = [
            one
            for one in self.view.paths_called("lib.rs")
            if folder_of(one).removesuffix("/src").rpartition("/")[2].replace("-", "_") == name
        ]
        return [Value(FILE, one, "", "imported crate") for one in nearest(path, sorted(roots))[:1]]

    def _child(self, path: str, name: str) -> Values:
        folder, _, file = path.rpartition("/")
        base = folder if file in _OWNERS else path.removesuffix(".rs")
        stem = f"{base}/{name}".lstrip("/")
        for candidate in (f"{stem}.rs", f"{stem}/mod.rs"):
            if self.view.exists(candidate):
                return [Value(FILE, candidate, "", "imported module")]
        return []

    def _above(self, path: str) -> str:
        folder, _, file = path.rpartition("/")
        place = folder_of(folder) if file == "mod.rs" else folder
        for name in ("mod.rs", *_ROOTS):
            if self.view.exists(f"{place}/{name}".lstrip("/")):
                return f"{place}/{name}".lstrip("/")
        return f"{place}.rs"

    def exported(self, module: Value, name: str) -> Values | None:
        """Return an item of a module: its own, one that it uses, a module below it."""
        if module.kind != FILE:
            return self.members([module], name)
        values = super().exported(module, name)
        return values if not is_unknown(values) else self._child(module.path, name) or values

    def taken(self, reference: Reference, there: str) -> Values:  # noqa: ARG002
        """Return what `use` binds."""
        return [one._replace(rule="imported by name") for one in self.module(reference.path, reference.name)]

    def owner(self, here: Here) -> str:
        """Return the type whose impl block, or whose definition, is around a scope."""
        symbols = self.view.file(here.path).symbols
        for scope in around(here.scope):
            if scope in symbols and symbols[scope].kind in CLASSES:
                return scope
        return ""

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return a member of a type, from whichever file has the impl block."""
        wanted = f"{cls}.{name}"
        own = self.view.file(path).symbols.get(wanted)
        if own is not None:
            return [own]
        last = f"{cls.rpartition('.')[2]}.{name}"
        found = [one for one in self.view.named(name, path) if f".{one.qualified_name}".endswith(f".{last}")]
        best = nearest(path, sorted({one.path for one in found}))[:1]
        return [one for one in found if one.path in best]

    def is_class(self, value: Value) -> bool:
        """Tell whether a value has members: a type or a module."""
        symbol = self.view.file(value.path).symbols.get(value.name)
        return symbol is not None and symbol.kind in _SPACES

    def names_of_module(self, path: str) -> set[str]:
        """Return the name of a module."""
        folder, _, file = path.rpartition("/")
        return {
            folder.removesuffix("/src").rpartition("/")[2] if file in _OWNERS else file.removesuffix(".rs")
        }
