"""What the verbs about names share: their index, and what they say of a name that is not there."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import open_context
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from inhouse.records import Symbol
    from inhouse.retrieval.index import Index
    from inhouse.retrieval.store import Store

__all__ = ["known_definitions", "open_tip", "symbol_row"]


@contextlib.contextmanager
def open_tip(arguments: argparse.Namespace) -> Iterator[Index]:
    """Open the index of the newest indexed commit for reading. Raises UserMistake when there is none."""
    from inhouse.retrieval.index import Index
    from inhouse.retrieval.places import tip

    with open_context(arguments, Path(), create=False) as context:
        place = tip(context.workspace.folder, context.settings.retrieval.store)
        if not place.exists():
            raise UserMistake("there is no index yet", str(context.home), "build it with `inhouse index`")
        index = Index.open(place, read_only=True)
        try:
            yield index
        finally:
            index.close()


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
