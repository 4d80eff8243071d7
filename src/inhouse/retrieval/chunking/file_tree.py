"""File-tree aware: definitions, each told what stands beside its file.

    src/app/ holds __init__.py · client.py · retry.py · 4 more files · http/ · tests/

`outlines` makes that line for every file of a tree: package files first, then the neighbours that the file
imports, then the others by name. What they define is left out: so many foreign names lost more questions than
they won (docs/decisions.md). The line leads the scope of each chunk, so it is searched and shown as scopes
are. It depends on other files, so an index that is updated file by file cannot hold such chunks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.retrieval.chunking import definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inhouse.languages import Parsed
    from inhouse.retrieval.chunking.source import Part, Source

__all__ = ["cut", "outlines"]

_FILES, _FOLDERS = 6, 6  # that are told
_FILE = re.compile(r"\.(?:h|hh|hpp|hxx|inl|js|mjs|cjs|jsx|ts|tsx)$")
_PACKAGE = frozenset({"__init__", "doc", "index", "lib", "main", "mod", "package-info"})


def cut(source: Source) -> Iterator[Part]:
    """Yield the parts of a file."""
    for part in definition.cut(source):
        yield part._replace(scope=(*source.neighbours, *part.scope))


def outlines(files: Iterable[tuple[str, Parsed]]) -> dict[str, tuple[str, ...]]:
    """Return what is told of the neighbours of each file of a tree: one line, or nothing for a lone file."""
    names: dict[str, list[str]] = defaultdict(list)  # of the files, by folder
    modules: dict[str, set[str]] = {}  # that a file imports
    for path, parsed in files:
        folder, _, name = path.rpartition("/")
        names[folder].append(name)
        modules[path] = {_module(item.module) for item in parsed.imports}
    folders = _folders_below(names)
    return {path: _outline(path, names, folders, wanted) for path, wanted in modules.items()}


def _outline(
    path: str, names: Mapping[str, list[str]], folders: Mapping[str, list[str]], modules: set[str]
) -> tuple[str, ...]:
    folder, _, own = path.rpartition("/")
    others = sorted(
        (name for name in names[folder] if name != own),
        key=lambda name: (_stem(name) not in _PACKAGE, _stem(name) not in modules, name),
    )
    shown = others[:_FILES]
    if len(others) > _FILES:
        shown.append(f"{len(others) - _FILES} more files")
    shown += [f"{name}/" for name in folders[folder][:_FOLDERS]]
    return (f"{folder or '.'}/ holds {' · '.join(shown)}",) if shown else ()


def _folders_below(folders: Iterable[str]) -> dict[str, list[str]]:
    below: dict[str, set[str]] = defaultdict(set)
    for folder in folders:
        parts = PurePosixPath(folder).parts if folder else ()
        for depth, name in enumerate(parts):
            below["/".join(parts[:depth])].add(name)
    return defaultdict(list, {folder: sorted(names) for folder, names in below.items()})


def _module(name: str) -> str:
    """Return the last word of a module as written: ``a.b``: b; ``./util.js``, ``uv/util.h``: util."""
    last = name.strip(".").replace("::", "/").rpartition("/")[2]
    return last.partition(".")[0] if _FILE.search(last) else last.rpartition(".")[2]


def _stem(name: str) -> str:
    return name.partition(".")[0]
