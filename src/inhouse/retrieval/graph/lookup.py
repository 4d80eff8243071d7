"""Definitions and references by what people type: a name, a part of a qualified name, or path:line."""

from __future__ import annotations

import difflib
import re
from itertools import islice
from typing import TYPE_CHECKING

from inhouse.languages import detect, is_test
from inhouse.retrieval.graph.view import KEY

if TYPE_CHECKING:
    from inhouse.records import Edge, Symbol
    from inhouse.retrieval.graph.edges import Graph
    from inhouse.retrieval.store import Store

__all__ = ["definitions", "near_names", "references"]

_PLACE = re.compile(r"(.+?):(\d+)(?::\d+)?")
_SEPARATORS = re.compile(r"::|->|#")
_MAX_FILES = 5_000  # that are looked through for names like one that is not there


def definitions(store: Store, name: str) -> list[Symbol]:
    """Return the definitions of a name, code before configuration and tests last.

    `name` may be simple, qualified, the end of a qualified name (`Class.method`, also with `::`), or
    path:line, which means the innermost definition there.
    """
    place = _PLACE.fullmatch(name.strip())
    if place is not None:
        return _at(store, place[1], int(place[2]))
    wanted = _SEPARATORS.sub(".", name.strip()).strip(".").removesuffix("()")
    found = store.symbols_named([wanted, wanted.rpartition(".")[2]]) if wanted else []
    fitting = [one for one in found if f".{one.qualified_name}".endswith(f".{wanted}")]
    return sorted(fitting, key=lambda one: (one.kind == KEY, is_test(one.path, detect(one.path))))


def references(store: Store, graph: Graph, name: str, most: int | None = None) -> list[Edge]:
    """Return the edges into the definitions of a name, or into the one at path:line; by place.

    `graph` is one of the store; of many definitions the first `most` are looked at.
    """
    found: dict[Edge, None] = {}
    for symbol in definitions(store, name)[:most]:
        found |= dict.fromkeys(graph.edges_to(symbol.path, symbol.qualified_name))
    if not found and store.paths_ending([name]):
        for path in store.paths_ending([name]):
            found |= dict.fromkeys(graph.edges_to(path))
    return sorted(
        found, key=lambda edge: (edge.source_path, edge.line, edge.kind, edge.target_path, edge.target)
    )


def near_names(store: Store, name: str, most: int = 3) -> list[str]:
    """Return the names of definitions that look most like a name that is not there."""
    last = _SEPARATORS.sub(".", name.strip()).rpartition(".")[2]
    names = {
        symbol.name for file in islice(store.files(), _MAX_FILES) for symbol in store.symbols_of(file.path)
    }
    return difflib.get_close_matches(last, sorted(names), n=most, cutoff=0.6)


def _at(store: Store, path: str, line: int) -> list[Symbol]:
    """Return the innermost definition around a line of the files that a path means."""
    found = []
    for known in store.paths_ending([path]):
        around = [one for one in store.symbols_of(known) if one.start_line <= line <= one.end_line]
        found += sorted(around, key=lambda one: (one.end_line - one.start_line, -one.start))[:1]
    return found
