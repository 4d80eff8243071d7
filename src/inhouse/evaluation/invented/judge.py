"""Whether what an answer uses exists."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.evaluation.invented.c import LIBRARY, CNames, c_names, c_uses
from inhouse.evaluation.invented.python import (
    BUILTINS,
    COMMON_ATTRIBUTES,
    PythonNames,
    python_names,
    python_uses,
)
from inhouse.languages import detect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inhouse.evaluation.invented.machine import Headers, Members
    from inhouse.evaluation.invented.uses import Use
    from inhouse.evaluation.placed import Placed

__all__ = ["Report", "World", "examine", "expected_symbols", "needed", "used_names"]

_ONLY_FOR_TYPES = frozenset({"__future__", "_typeshed"})


@dataclass(frozen=True, slots=True)
class Report:
    """What one answer uses: how many symbols, which of them exist nowhere, and how many cannot be told."""

    used: int
    invented: tuple[str, ...]
    unknown: int


@dataclass(frozen=True, slots=True)
class World:
    """What a tree defines."""

    python: PythonNames = field(default_factory=PythonNames)
    c: CNames = field(default_factory=CNames)

    @classmethod
    def of(cls, files: Iterable[tuple[str, str]]) -> World:
        """Read a tree, given as (path, text)."""
        read = [(path, text, detect(path, text)) for path, text in files]
        return cls(
            python_names((path, text) for path, text, language in read if language == "python"),
            c_names((path, text) for path, text, language in read if language == "c"),
        )


@dataclass(frozen=True, slots=True)
class Needed:
    """What has to be asked of the machine before answers can be judged."""

    paths: frozenset[tuple[str, ...]]
    modules: frozenset[str]
    includes: frozenset[str]
    python: bool  # is any of the answers in Python?
    c: bool


def needed(world: World, answers: Sequence[Placed]) -> Needed:
    """Return what has to be looked up for these answers, all of them at once."""
    paths: set[tuple[str, ...]] = set()
    modules = set(world.python.imported)
    includes = set(world.c.includes)
    for answer in answers:
        if answer.language == "python":
            uses, names = python_uses(answer)
            modules |= names.imported
            outside = [
                use.path for use in uses if use.owner == "module" and _is_asked(use.path, world.python)
            ]
            paths.update(outside)
            modules.update(path[0] for path in outside)
        elif answer.language == "c":
            includes |= c_uses(answer)[1].includes
    languages = {answer.language for answer in answers}
    return Needed(
        frozenset(paths), frozenset(modules), frozenset(includes), "python" in languages, "c" in languages
    )


def examine(world: World, answer: Placed, members: Members, headers: Headers) -> Report:
    """Look up each symbol that an answer uses. Languages but Python and C give an empty report."""
    if answer.language == "python":
        uses, names = python_uses(answer)
        told = [(use, _python(use, names, world.python, members)) for use in uses]
    elif answer.language == "c":
        uses, declared = c_uses(answer)
        includes = declared.includes if "#if" in answer.answer else declared.always
        told = [(use, _c(use, declared, includes, world.c, headers)) for use in uses]
    else:
        return Report(0, (), 0)
    invented = tuple(dict.fromkeys(use.shown for use, exists in told if exists is False))
    return Report(len(told), invented, sum(exists is None for _, exists in told))


def used_names(answer: Placed) -> set[str]:
    """Return the last names of all that an answer uses."""
    if answer.language not in ("c", "python"):
        return set()
    read = python_uses if answer.language == "python" else c_uses
    return {use.name for use in read(answer)[0]}


def expected_symbols(world: World, reference: Placed) -> set[str]:
    """Return the names that a reference uses and the repository defines.

    Names that the language's own types have too (`get`, `items`) are left out: they tell nothing.
    """
    if reference.language == "python":
        common = COMMON_ATTRIBUTES | BUILTINS
        return {name for name in used_names(reference) & world.python.definitions if name not in common}
    if reference.language == "c":
        return {
            name for name in used_names(reference) & (world.c.defined | world.c.types) if name not in LIBRARY
        }
    return set()


# ------------------------------------------------------------------ Python


def _python(use: Use, file: PythonNames, world: PythonNames, members: Members) -> bool | None:
    """Tell whether a symbol exists; None where it cannot be told."""
    if use.owner == "module":
        return _of_module(use.path, world, members)
    if use.owner == "class":
        return _of_class(use, file, world, members)
    if use.kind == "call":
        known = use.name in file.definitions or use.name in BUILTINS or use.name in world.definitions
        return True if known else None if "" in file.open_modules else False
    return _anywhere(use.name, file, world, members)


def _of_module(path: tuple[str, ...], world: PythonNames, members: Members) -> bool | None:
    if path[0].startswith("."):
        return _relative(path, world)
    own = _own_module(path, world)
    found = members.paths.get(path)
    if own or found == "yes":
        return True
    if own is False and found is None:
        return False
    if found == "no":
        return False
    known = members.modules.get(path[0]) or path[0] in world.imported or not members.complete
    return None if known else False


def _own_module(path: tuple[str, ...], world: PythonNames) -> bool | None:
    """Look up a dotted name in the repository; None when it is none of its modules."""
    for length in range(len(path), 0, -1):
        module = ".".join(path[:length])
        if module in world.modules:
            if length == len(path) or module in world.open_modules:
                return True
            return path[length] in world.modules[module]
    return None


def _relative(path: tuple[str, ...], world: PythonNames) -> bool | None:
    """Look up `from .module import name`; the dots may lead to any package of the repository."""
    module = path[0].lstrip(".")
    if not module:
        return any(path[1] in names for names in world.relative.values()) if len(path) > 1 else True
    if module not in world.relative:
        return False
    if len(path) == 1 or module in world.open_modules:
        return True
    return path[1] in world.relative[module]


def _of_class(use: Use, file: PythonNames, world: PythonNames, members: Members) -> bool | None:
    """Look up an attribute of a class of this file; where its bases are known it must be one of theirs."""
    owner, name = use.path
    merged = PythonNames(classes={**world.classes, **file.classes})
    known = merged.members(owner)
    if known is None:
        return _anywhere(name, file, world, members)
    return name in known or name in COMMON_ATTRIBUTES or name in file.words or name in world.words


def _anywhere(name: str, file: PythonNames, world: PythonNames, members: Members) -> bool | None:
    known = (
        name in COMMON_ATTRIBUTES or name in file.words or name in world.words or name in members.attributes
    )
    if known:
        return True
    others = {module for module in file.imported if module not in world.modules} - _ONLY_FOR_TYPES
    unseen = not members.complete or any(not members.modules.get(module, False) for module in others)
    return None if unseen else False


def _is_asked(path: tuple[str, ...], world: PythonNames) -> bool:
    """Is a module looked up on the machine? Not one of the repository: a newer version may be installed."""
    if path[0].startswith("."):
        return False
    return path[0] not in world.modules or path[0] in sys.stdlib_module_names


# ------------------------------------------------------------------ C


def _c(use: Use, file: CNames, includes: set[str], world: CNames, headers: Headers) -> bool | None:
    places = {"type": "types", "field": "fields"}.get(use.kind, "names")
    known = use.name in getattr(file, places) or use.name in getattr(world, places)
    if known or use.name in LIBRARY or use.name in headers.words or use.name in world.macro_words:
        return True
    unseen = not headers.complete or not includes.isdisjoint(headers.missing)
    return None if unseen else False
