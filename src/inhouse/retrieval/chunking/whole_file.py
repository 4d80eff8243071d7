"""File: one chunk, whatever its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.chunking.source import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.retrieval.chunking.source import Source

__all__ = ["cut"]


def cut(source: Source) -> Iterator[Part]:
    """Yield the file."""
    yield Part(0, len(source.bytes))
