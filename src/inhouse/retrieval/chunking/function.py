"""Function: every function and method is one chunk, however long; the rest is cut where it is long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.chunking.definition import Rules, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.retrieval.chunking.source import Part, Source

__all__ = ["cut"]


def cut(source: Source) -> Iterator[Part]:
    """Yield the parts of a file."""
    return walk(source, Rules(classes_that_fit=False, all_functions=True))
