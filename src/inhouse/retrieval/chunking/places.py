"""Where spans lie among the definitions of their file, for strategies that cut without looking at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inhouse.retrieval.chunking.source import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.records import Symbol
    from inhouse.retrieval.chunking.source import Source

__all__ = ["Place", "around", "placed"]


class Place(NamedTuple):
    """Whole lines of a definition, with the remarks above it and the blank lines below."""

    start: int
    end: int
    symbol: Symbol


def placed(spans: Iterable[tuple[int, int]], source: Source) -> Iterator[Part]:
    """Yield each span with the innermost definition that holds it and those around it.

    The signature of a definition that begins in the span stands in its text, so it is not told again.
    """
    wanted = list(spans)
    for (start, end), holders in zip(wanted, around(wanted, source), strict=True):
        scope = tuple(place.symbol.signature for place in holders if place.start < start)
        yield Part(start, end, holders[-1].symbol if holders else None, scope)


def around(spans: Sequence[tuple[int, int]], source: Source) -> Iterator[list[Place]]:
    """Yield the definitions that hold each span, outermost first; spans ascend by their start."""
    places = _places(source)
    following = next(places, None)
    inside: list[Place] = []
    for start, end in spans:
        while following is not None and following.start <= start:
            inside.append(following)
            following = next(places, None)
        inside = [place for place in inside if place.end > start]
        yield [place for place in inside if place.end >= end]


def _places(source: Source) -> Iterator[Place]:
    size = len(source.bytes)
    for symbol in source.definitions:
        start = source.above(0, source.line_start(symbol.start))
        end = source.blank_after(source.line_end(symbol.end), size)
        yield Place(start, end, symbol)
