"""A context under a token budget, and what is in it: wanted lines, references that can be followed.

Chunks are taken in the order of a search, line by line, until the budget is full; a line that stands there
already costs nothing, and the name of a file is paid for once. Tokens are those of `estimate_tokens`.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from inhouse.retrieval.chunking import is_summary
from inhouse.retrieval.chunking.tokens import PER_TOKEN, weigh, weigh_lines
from inhouse.retrieval.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inhouse.records import Chunk
    from inhouse.retrieval.comparison.questions import Target
    from inhouse.retrieval.store import Store

__all__ = ["Followed", "References", "Shown", "show"]

_FOLLOWED = ("call", "inherit", "type")
_SURE = ("resolved", "inferred")

Place = tuple[str, int]  # path, first byte of a definition


class Line(NamedTuple):
    """Bytes of a file, and what they cost in hundredths of a token."""

    start: int
    end: int
    cost: int


class Shown:
    """What a context holds."""

    def __init__(self) -> None:
        self.summaries: list[Chunk] = []
        self._lines: dict[str, dict[int, int]] = {}  # path: start: end

    @property
    def paths(self) -> frozenset[str]:
        """The files of which something is there."""
        return frozenset(self._lines)

    def name(self, path: str) -> bool:
        """Note a file, and tell whether it was not there yet."""
        is_new = path not in self._lines
        self._lines.setdefault(path, {})
        return is_new

    def add(self, path: str, line: Line) -> None:
        """Note a line of a file that was named."""
        self._lines[path][line.start] = line.end

    def has(self, path: str, start: int) -> bool:
        """Tell whether a line, by its beginning, is there."""
        return start in self._lines[path]

    def holds(self, path: str, offset: int) -> bool:
        """Tell whether the line with this byte is there."""
        spans = self._sorted.get(path)
        if not spans:
            return False
        place = bisect_right(spans, (offset, 1 << 62)) - 1
        return place >= 0 and offset < spans[place][1]

    def share(self, target: Target) -> float:
        """Return how much of what is wanted is there, from 0 to 1: of its bytes, or whether its file is."""
        if not target.end:
            return float(target.path in self._lines)
        spans = self._sorted.get(target.path, [])
        inside = sum(max(0, min(end, target.end) - max(start, target.start)) for start, end in spans)
        return inside / (target.end - target.start)

    @cached_property
    def _sorted(self) -> dict[str, list[tuple[int, int]]]:
        return {path: sorted(lines.items()) for path, lines in self._lines.items()}


def show(chunks: Iterable[Chunk], budget: int) -> Shown:
    """Return what of the chunks, best first, fits into `budget` tokens; the last one as far as it goes."""
    shown = Shown()
    room = budget * PER_TOKEN
    for chunk in chunks:
        if shown.name(chunk.path):
            room -= weigh(f"{chunk.path}\n".encode("utf-8", "surrogatepass"))
        if is_summary(chunk):
            room -= chunk.tokens * PER_TOKEN
            if room >= 0:
                shown.summaries.append(chunk)
        for line in lines_of(chunk) if not is_summary(chunk) else ():
            if not shown.has(chunk.path, line.start):
                room -= line.cost
                if room < 0:
                    break
                shown.add(chunk.path, line)
        if room < 0:
            break
    return shown


@lru_cache(maxsize=20_000)
def lines_of(chunk: Chunk) -> tuple[Line, ...]:
    """Return the lines of a chunk with their places in the file."""
    source = chunk.text.encode("utf-8", "surrogatepass")
    starts = [0]
    while (after := source.find(b"\n", starts[-1]) + 1) and after < len(source):
        starts.append(after)
    costs = weigh_lines(source, starts).tolist()
    ends = [*starts[1:], len(source)]
    places = zip(starts, ends, costs, strict=True)
    return tuple(Line(chunk.start + start, chunk.start + end, cost) for start, end, cost in places)


class Followed(NamedTuple):
    """References of a context that lead to one definition, and those whose definition is there too."""

    known: int
    there: int


class References:
    """Follows the calls, base classes and declared types of a context through the graph.

    Only those count that lead to one definition of the repository, surely or as the only one that fits.
    """

    def __init__(self, store: Store) -> None:
        self._graph = Graph(store)
        self._of = cache(self._leading)

    def follow(self, shown: Shown) -> Followed:
        """Count the references of a context, and those that can be followed inside it."""
        known = there = 0
        told = self._told(shown)
        for path in sorted(shown.paths):
            for place, target in self._of(path):
                if shown.holds(path, place):
                    known += 1
                    there += target in told or shown.holds(*target)
        return Followed(known, there)

    def _leading(self, path: str) -> list[tuple[int, Place]]:
        """Return where a file refers to one definition, and where that stands."""
        found = []
        for reference in self._graph.view.file(path).references:
            edges = self._graph.edges_of(reference) if reference.kind in _FOLLOWED else ()
            targets = {(edge.target_path, edge.target) for edge in edges if edge.certainty in _SURE}
            if len(targets) == 1:
                (target,) = targets
                symbol = self._graph.view.file(target[0]).symbols.get(target[1])
                if symbol is not None:
                    found.append((reference.start, (symbol.path, symbol.start)))
        return found

    def _told(self, shown: Shown) -> set[Place]:
        """Return the definitions whose signatures stand in summaries."""
        return {
            (summary.path, symbol.start)
            for summary in shown.summaries
            for symbol in self._graph.view.file(summary.path).symbols.values()
            if symbol.signature in summary.text
        }
