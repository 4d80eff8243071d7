"""What the verbs that ask an index share: opening it, and what they say of a name that is not there."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import open_context
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from inhouse.cli.common import Context
    from inhouse.records import Symbol
    from inhouse.retrieval.index import Index
    from inhouse.retrieval.store import Store

__all__ = ["known_definitions", "open_tip", "symbol_row"]


@contextlib.contextmanager
def open_tip(arguments: argparse.Namespace, *, with_vectors: bool = False) -> Iterator[tuple[Context, Index]]:
    """Open the index of the newest indexed commit for reading. Raises UserMistake when there is none.

    `with_vectors` opens the source that the settings name, too.
    """
    from inhouse.retrieval.index import Index
    from inhouse.retrieval.places import tip
    from inhouse.retrieval.store import no_index
    from inhouse.retrieval.vectors import open_source

    with open_context(arguments, Path(), create=False) as context:
        retrieval = context.settings.retrieval
        place = tip(context.workspace.folder, retrieval.store)
        if not place.exists():
            raise no_index(str(context.home))
        vectors = open_source(retrieval.vectors) if with_vectors else None
        with Index.open(place, read_only=True, vectors=vectors) as index:
            yield context, index


def known_definitions(store: Store, name: str) -> list[Symbol]:
    """Return the definitions of a name. Raises UserMistake with the nearest names when there are none."""
    from inhouse.retrieval.graph import definitions, near_names

    found = definitions(store, name)
    if found:
        return found
    near = near_names(store, name)
    step = f"did you mean {', '.join(near)}?" if near else "look for it with `inhouse search`"
    raise UserMistake("a name is one that the repository defines", name, step)


def symbol_row(symbol: Symbol) -> dict[str, Any]:
    """Return a definition for JSON."""
    return {
        "path": symbol.path,
        "start_line": symbol.start_line,
        "end_line": symbol.end_line,
        "name": symbol.name,
        "qualified_name": symbol.qualified_name,
        "kind": symbol.kind,
        "signature": symbol.signature,
        "docstring": symbol.docstring,
    }
