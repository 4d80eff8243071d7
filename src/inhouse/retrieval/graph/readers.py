"""Configuration keys and the code that reads them, matched by their names with dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.records import Edge
from inhouse.retrieval.graph.byname import MOST
from inhouse.retrieval.graph.view import KEY, nearest
from inhouse.retrieval.store import simple_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.view import View

__all__ = ["keys_of", "readers_of"]


def keys_of(view: View, reference: Reference) -> Iterator[Edge]:
    """Yield the keys that a read may mean: of the same full name, else keys that end in it.

    A key of one word that is not whole must be the only one: "name" alone says nothing.
    """
    key = reference.name
    found = [one for one in view.all_named(key.rpartition(".")[2]) if one.kind == KEY]
    whole = [one for one in found if one.qualified_name == key]
    ending = [one for one in found if one.qualified_name.endswith(f".{key}")]
    if whole:
        yield from _edges(
            reference, whole, "resolved" if len(whole) == 1 else "ambiguous", "the key's full name"
        )
    elif ending and ("." in key or len(ending) == 1):
        yield from _edges(
            reference, ending, "inferred" if len(ending) == 1 else "ambiguous", "the key's last part"
        )


def _edges(reference: Reference, keys: list[Symbol], certainty: str, rule: str) -> Iterator[Edge]:
    paths = nearest(reference.path, sorted({key.path for key in keys}))
    for key in sorted(keys, key=lambda one: (paths.index(one.path), one.start))[:MOST]:
        yield Edge(
            "reads",
            reference.path,
            reference.scope,
            reference.line,
            key.path,
            key.qualified_name,
            certainty,
            rule,
        )


def readers_of(view: View, symbol: Symbol) -> list[Reference]:
    """Return the reads that may mean a key."""
    names = [simple_name(symbol.name)]
    return [reference for reference in view.references_to(names) if reference.kind == "read"]
