"""JavaScript and TypeScript: relative paths with any ending, both kinds of modules, what they pass on."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from inhouse.retrieval.graph.c import joined
from inhouse.retrieval.graph.resolver import END, Resolver, around, is_unknown
from inhouse.retrieval.graph.values import DEFINITION, FILE, INSTANCE, OUTSIDE, PARENT, UNKNOWN, Here, Value
from inhouse.retrieval.graph.view import folder_of
from inhouse.retrieval.store import simple_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Symbol
    from inhouse.retrieval.graph.values import Values
    from inhouse.retrieval.graph.view import View

__all__ = ["JavaScript"]

_ENDINGS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts")
_INDEX = "index"
_MAX_OBJECTS = 1_000  # files whose objects are remembered
_MAX_PASSED_ON = 30  # modules that pass a name on to each other
# fmt: off
_ASSIGNED = re.compile(r"[\w$]+\s*\.")  # to a member
_TEXT = re.compile(r'"[^"]*"\s*:\s*"([^"]*)"')
_PACKAGE = "package.json"
_FUNCTIONS = frozenset({"function", "method"})
_SOURCES = ("src/index", "src", "index")  # what a package is by itself, where `main` may be built from it
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
        self._objects: dict[str, Objects] = {}

    def first(self, here: Here, parts: Sequence[str]) -> tuple[Values | None, Sequence[str]]:
        """Return what the head stands for; functions that are assigned to members stand under their names."""
        symbols = self.view.file(here.path).symbols
        whole = ".".join(parts)
        if len(parts) > 1 and whole in symbols and parts[0] not in symbols and parts[0] not in _GLOBAL:
            return [Value(DEFINITION, here.path, whole, "same file")], ()
        return super().first(here, parts)

    def head(self, here: Here, name: str) -> Values | None:
        """Return what a plain name stands for; `this` of `app.use = function` is `app`."""
        if name not in self.own or self.owner(here):
            return super().head(here, name)
        symbols, objects = self.view.file(here.path).symbols, self.objects(here.path)
        for scope in around(here.scope):
            if scope in symbols and symbols[scope].kind in _FUNCTIONS:
                for holder in (scope, scope.rpartition(".")[0]):
                    if holder in objects.constructors or (holder != scope and holder in objects.plain):
                        return [Value(INSTANCE, here.path, holder, "own object")]
        return UNKNOWN

    def is_visible(self, here: Here, symbol: Symbol) -> bool:
        """Tell a name of the scope from a member of an object, which only other files may import."""
        return here.line == END or not (symbol.kind == "method" or _ASSIGNED.match(symbol.signature))

    def bound_in(self, here: Here, scope: str, name: str) -> Values | None:
        """Return what a name is in one scope; an object is what has functions under its name."""
        values = super().bound_in(here, scope, name)
        whole = f"{scope}.{name}" if scope else name
        if (values is None or is_unknown(values)) and whole in self.objects(here.path).plain:
            return [Value(INSTANCE, here.path, whole, "same file")]
        return values

    def called_for(self, values: Values) -> Values:
        """Return what is called: of a module what it exports as a whole, of `super` the base class."""
        found: Values = []
        for value in values:
            if value.kind == FILE:
                found += [one for one in self._callable(value) if one.kind in (DEFINITION, FILE)]
            elif value.kind == PARENT:
                bases, _ = self.bases(value.path, value.name)
                found += [Value(DEFINITION, *base, value.rule) for base in bases[:1]]
            elif value.kind == DEFINITION:
                found.append(value)
        return found

    def whole(self, module: Value) -> tuple[list[Value], Values]:
        """Return a module and those that it passes on as a whole, and what the last exports so, if known."""
        files = [module]
        while len(files) <= _MAX_PASSED_ON:
            found = self.exported(files[-1], "default")
            if not found or is_unknown(found):
                break
            if found[0].kind != FILE:
                return files, found
            if any(one.path == found[0].path for one in files):  # an object of what it defines, or a circle
                break
            files.append(found[0])
        return files, []

    def member(self, value: Value, name: str) -> Values | None:
        """Return a member; of a module whose export is one object a member of that."""
        values = super().member(value, name)
        if value.kind != FILE or not (values is None or is_unknown(values)):
            return values
        files, whole = self.whole(value)
        for file in files[1:]:
            found = super().member(file, name)
            if found and not is_unknown(found):
                return found
        return self.members(whole, name) if whole else values

    # ------------------------------------------------------------ objects, and functions that are classes

    def objects(self, path: str) -> Objects:
        """Return what has members in a file without being written as a class."""
        if path not in self._objects:
            if len(self._objects) == _MAX_OBJECTS:
                self._objects.clear()
            self._objects[path] = _objects(self.view.file(path).symbols)
        return self._objects[path]

    def is_class(self, value: Value) -> bool:
        """Tell whether a value has members: a class, or a function that is given some."""
        return super().is_class(value) or value.name in self.objects(value.path).constructors

    def symbols_in(self, path: str, cls: str, name: str) -> list[Symbol]:
        """Return a member; a constructor may assign it."""
        found = super().symbols_in(path, cls, name)
        return found or [
            one
            for one in super().symbols_in(path, f"{cls}.constructor", name)
            if one.signature.startswith("this.")
        ]

    def attribute(self, path: str, cls: str, name: str) -> Values | None:
        """Return what an attribute is; it may hold an object."""
        values = super().attribute(path, cls, name)
        if values is None or is_unknown(values):
            for whole in (f"{cls}.{name}", f"{cls}.constructor.{name}"):
                if whole in self.objects(path).plain:
                    return [Value(INSTANCE, path, whole, "class of an attribute")]
        return values

    def given(self, values: Values) -> Values:
        """Return what calls give; a module is called as what it exports as a whole."""
        return super().given([one for value in values for one in self._callable(value)])

    def _callable(self, value: Value) -> Values:
        if value.kind != FILE:
            return [value]
        files, whole = self.whole(value)
        return whole or files[-1:]

    def typed(self, here: Here, name: str) -> Values | None:
        """Return an instance of a type; `this` is the own class."""
        return self.head(here, name) if name in self.own else super().typed(here, name)

    # ------------------------------------------------------------ modules

    def module(self, path: str, name: str) -> Values:
        """Return the file of a relative path, or of a package that lies in the repository."""
        if name.startswith("."):
            return self._file(joined(folder_of(path), name))
        package = next((one for one in _heads(name) if one in self._packages), "")
        if not package:
            return []
        folder, main = self._packages[package]
        below = name[len(package) + 1 :]
        for place in (below, f"src/{below}") if below else (*_SOURCES[:2], main, _SOURCES[2]):
            found = self._file(joined(folder, place))
            if found:
                return found
        return []

    def _file(self, place: str) -> Values:
        stem = place.removesuffix(".js").removesuffix(".mjs").removesuffix(".jsx")
        folder = f"{place}/{_INDEX}" if place else _INDEX
        candidates = [place, *(stem + one for one in _ENDINGS), *(place + one for one in _ENDINGS)]
        for candidate in (*candidates, *(folder + one for one in _ENDINGS)):
            if candidate and self.view.exists(candidate):
                return [Value(FILE, candidate, "", "imported module")]
        return []

    @cached_property
    def _packages(self) -> dict[str, tuple[str, str]]:
        """Return (folder, `main`) of the packages of the repository; of two with one name the upper one."""
        found: dict[str, tuple[str, str]] = {}
        for path in sorted(self.view.paths_called(_PACKAGE), key=lambda one: (one.count("/"), one)):
            keys = self.view.file(path).symbols
            name, main = (_written(keys[key].signature) if key in keys else "" for key in ("name", "main"))
            if name:
                found.setdefault(name, (folder_of(path), main))
        return found

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
        if is_unknown(values) and ("", f"exports.{name}") in file.variables:
            values = self.variable(Here(module.path, "", END), "", f"exports.{name}")
        if values and not is_unknown(values):
            return values
        if name == "default" and file.exports.get(name) == name:  # an object of what the file defines
            return [module]
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
        names = {name.removeprefix("#") for name in super().names_for(path, qualified_name)}
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
        if stem == _INDEX:
            names |= {folder.rpartition("/")[2], ".", ".."}
        return names | self._packages_by_file.get(path, set())

    @cached_property
    def _packages_by_file(self) -> dict[str, set[str]]:
        """Return the last words of the packages that a file is by itself."""
        found: dict[str, set[str]] = {}
        for package in self._packages:
            for value in self.module("", package):
                found.setdefault(value.path, set()).add(simple_name(package))
        return found


class Objects(NamedTuple):
    """Names of a file that have members without being classes by their syntax."""

    plain: frozenset[str]  # `app` of `app.use = function`, `tools` of `tools = {cut() {}}`
    constructors: frozenset[str]  # functions whose members are assigned: Shop of `Shop.prototype.open =`


def _objects(symbols: dict[str, Symbol]) -> Objects:
    plain, constructors = set(), set()
    for symbol in symbols.values():
        holder = symbol.qualified_name.rpartition(".")[0]
        above = symbols.get(holder)
        if above is None and holder and holder not in _GLOBAL:
            plain.add(holder)
        elif above is not None and above.kind in _FUNCTIONS and _is_given(symbol, above):
            constructors.add(holder)
    return Objects(frozenset(plain), frozenset(constructors))


def _is_given(symbol: Symbol, holder: Symbol) -> bool:
    """Tell a function that is assigned to another one from one that is written inside of it."""
    return symbol.start >= holder.end or symbol.signature.startswith("this.")


def _heads(name: str) -> Iterator[str]:
    """Yield ``@a/b/c``, ``@a/b`` and ``@a`` for ``@a/b/c``."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _written(signature: str) -> str:
    """Return the text that a key of JSON has: x of `"main": "x",`."""
    found = _TEXT.match(signature)
    return found[1] if found else ""
