"""JavaScript and TypeScript: relative paths with any ending, both kinds of modules, what they pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.graph.c import joined
from inhouse.retrieval.graph.resolver import Resolver, around, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, FILE, INSTANCE, OUTSIDE, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.retrieval.graph.values import Values
    from inhouse.retrieval.graph.view import View

__all__ = ["JavaScript"]

_ENDINGS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts")
_INDEX = "index"
_MAX_PASSED_ON = 30  # modules that pass a name on to each other
# fmt: off
_GLOBAL = frozenset({
    "Array", "Boolean", "Buffer", "Date", "Error", "JSON", "Map", "Math", "Number", "Object", "Promise",
    "Proxy", "Reflect", "RegExp", "Set", "String", "Symbol", "WeakMap", "console", "document",
    "globalThis", "process", "require", "setInterval", "setTimeout", "window",
})
# fmt: on


class JavaScript(Resolver):
    """Rules of JavaScript and TypeScript."""

    own = frozenset({"this"})
    parent = frozenset({"super"})
    scopes_of_classes = False

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._exporting: set[tuple[str, str]] = set()

    def first(self, here: Here, parts: Sequence[str]) -> tuple[Values | None, Sequence[str]]:
        """Return what the head stands for; functions that are assigned to members stand under their names."""
        symbols = self.view.file(here.path).symbols
        whole = ".".join(parts)
        if len(parts) > 1 and whole in symbols and parts[0] not in symbols:
            return [Value(DEFINITION, here.path, whole, "same file")], ()
        return super().first(here, parts)

    def head(self, here: Here, name: str) -> Values | None:
        """Return what a plain name stands for; `this` of `app.use = function` is `app`."""
        if name in self.own and not self.owner(here):
            symbols = self.view.file(here.path).symbols
            for scope in around(here.scope):
                if "." in scope and symbols[scope].kind == "function" if scope in symbols else False:
                    return [Value(INSTANCE, here.path, scope.rpartition(".")[0], "own object")]
            return UNKNOWN
        return super().head(here, name)

    def called_for(self, values: Values) -> Values:
        """Return what is called; of a module what it exports as a whole."""
        found: Values = []
        for value in values:
            if value.kind == FILE:
                whole = self.exported(value, "default")
                found += [value] if not whole or is_unknown(whole) else whole
            elif value.kind == DEFINITION:
                found.append(value)
        return found

    def member(self, value: Value, name: str) -> Values | None:
        """Return a member; of a module whose export is one object a member of that."""
        values = super().member(value, name)
        if value.kind == FILE and (values is None or is_unknown(values)):
            whole = self.exported(value, "default")
            if whole and not is_unknown(whole):
                return self.members([one for one in whole if one.kind != FILE], name)
        return values

    def module(self, path: str, name: str) -> Values:
        """Return the file of a relative path; packages are outside."""
        if not name.startswith("."):
            return []
        place = joined(folder_of(path), name)
        stem = place.removesuffix(".js").removesuffix(".mjs").removesuffix(".jsx")
        folder = f"{place}/{_INDEX}" if place else _INDEX
        candidates = [place, *(stem + one for one in _ENDINGS), *(place + one for one in _ENDINGS)]
        for candidate in (*candidates, *(folder + one for one in _ENDINGS)):
            if candidate and self.view.exists(candidate):
                return [Value(FILE, candidate, "", "imported module")]
        return []

    def exported(self, module: Value, name: str) -> Values | None:
        """Return what a module exports under a name."""
        key = module.path, name
        if module.kind != FILE or key in self._exporting or len(self._exporting) > _MAX_PASSED_ON:
            return UNKNOWN
        self._exporting.add(key)
        try:
            return self._exported(module, name)
        finally:
            self._exporting.discard(key)

    def _exported(self, module: Value, name: str) -> Values | None:
        file = self.view.file(module.path)
        values = super().exported(module, file.exports.get(name, name))
        if not is_unknown(values):
            return values
        for there, reference in file.imports.get("*", ()):
            for below in self.module(module.path, reference.name) if there == "*" else ():
                inner = self.exported(below, name)
                if inner and not is_unknown(inner):
                    return [value._replace(rule="imported by name, re-exported") for value in inner]
        return UNKNOWN

    def outer(self, here: Here, name: str) -> Values | None:  # noqa: ARG002
        """Return that objects of the platform are outside."""
        return OUTSIDE if name in _GLOBAL else None

    def names_for(self, path: str, qualified_name: str) -> set[str]:
        """Return the simple names for a definition; what a module exports as a whole has the module's too."""
        names = super().names_for(path, qualified_name)
        if qualified_name and self.view.file(path).exports.get("default") == qualified_name:
            names |= self.names_of_module(path)
        return names | {here for here, there in self._other_names(path) if there == qualified_name}

    def _other_names(self, path: str) -> list[tuple[str, str]]:
        return list(self.view.file(path).exports.items())

    def names_of_module(self, path: str) -> set[str]:
        """Return the last words by which others import a file."""
        folder, _, name = path.rpartition("/")
        stem = name.partition(".")[0]
        names = {stem, name, *(stem + ending for ending in _ENDINGS)}
        return names | ({folder.rpartition("/")[2], ".", ".."} if stem == _INDEX else set())
