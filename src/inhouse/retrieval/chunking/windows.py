"""Fixed size and sliding window: chunks of equal size in tokens, whatever stands in them.

    fixed      |----------|          each begins 10-18% of its size before the end of the one before
                        |----------|
    sliding    |----------|          each begins in the middle of the one before
                    |----------|

Both begin and end with lines, so the overlap is that share or, where lines are long, less; a line that is
larger than a chunk is cut without any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.chunking.places import placed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.retrieval.chunking.source import Part, Source

__all__ = ["fixed", "sliding"]

_FIXED, _SLIDING = 0.18, 0.5  # of the size


def fixed(source: Source) -> Iterator[Part]:
    """Yield the parts of a file with an overlap of at most 18%."""
    return placed(_windows(source, _FIXED), source)


def sliding(source: Source) -> Iterator[Part]:
    """Yield the parts of a file with an overlap of half their size."""
    return placed(_windows(source, _SLIDING), source)


def _windows(source: Source, overlap: float) -> Iterator[tuple[int, int]]:
    start = reached = 0
    while reached < len(source.bytes):
        end = source.fitting(start, len(source.bytes))
        if end <= reached:  # what is shared leaves no room for the next line
            start, end = reached, source.fitting(reached, len(source.bytes))
        yield start, end
        start, reached = source.shared(start, end, int(source.room * overlap)), end
