"""A file that is to be cut, and the places where that can be done: line starts, and inside a line characters.

Cuts never fall inside a UTF-8 character, and inside a line only where the line alone is larger than a chunk.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from inhouse.retrieval.chunking.tokens import PER_TOKEN, estimate_tokens, weigh, weigh_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inhouse.languages import Parsed
    from inhouse.records import Symbol

__all__ = ["DEFINITIONS", "Part", "Source"]

DEFINITIONS = frozenset(
    {"function", "method", "class", "struct", "interface", "trait", "impl", "enum", "union", "module"}
)
"""Kinds of symbols that a chunk may be; constants, macros and types are too small."""

_HEADING = re.compile(rb"#{1,6} |.*\n(?:={3,}|-{3,}|~{3,})\s*$")
_NEWLINE = 10
_REMARKS = (b"#", b"//", b"/*", b"*", b"@")
_CONTINUES = (0x80, 0xC0)  # first and one past the last byte that only continues a character


class Part(NamedTuple):
    """A span [start, end) with what it is (a piece of) and what stands around it."""

    start: int
    end: int
    symbol: Symbol | None = None
    scope: tuple[str, ...] = ()
    summary: str = ""  # of `symbol`, or of the file: then the part is nothing of the file itself


class Source:
    """The bytes of a file, its lines and what they cost."""

    def __init__(
        self,
        parsed: Parsed,
        path: str,
        text: str,
        *,
        max_bytes: int,
        max_tokens: int,
        count: Callable[[str], int] | None = None,
        neighbours: tuple[str, ...] = (),
    ) -> None:
        self.parsed = parsed
        self.path = path
        self.text = text
        self.bytes = text.encode("utf-8", "surrogatepass")
        self.lines = _line_starts(self.bytes)  # and the end of the file
        self.max_bytes = max_bytes
        self.neighbours = neighbours
        self._count = count
        self.room = max_tokens * (PER_TOKEN if count is None else 1)

    @cached_property
    def definitions(self) -> list[Symbol]:
        """The definitions that chunks are made of, by place."""
        return [symbol for symbol in self.parsed.symbols if symbol.kind in DEFINITIONS]

    # ------------------------------------------------------------ lines

    def line_start(self, offset: int) -> int:
        """Return where the line of `offset` begins."""
        return self.lines[max(0, bisect_right(self.lines, offset) - 1)]

    def line_end(self, offset: int) -> int:
        """Return where the next line begins after a span that ends at `offset`."""
        return self.lines[bisect_left(self.lines, offset)]

    def above(self, low: int, start: int) -> int:
        """Return `start` moved up over the remarks that stand directly above a definition."""
        while start > low:
            line = self.lines[bisect_left(self.lines, start) - 1]
            if line < low or not self.bytes[line:start].lstrip().startswith(_REMARKS):
                break
            start = line
        return start

    def blank_after(self, end: int, limit: int) -> int:
        """Return `end` moved down over blank lines: they belong to what stands before them."""
        while end < limit:
            after = self.lines[bisect_left(self.lines, end + 1)]
            if after > limit or self.bytes[end:after].strip():
                break
            end = after
        return end

    def whole_character(self, start: int, offset: int) -> int:
        """Return the last place up to `offset` where a character begins; the end of the one at `start`."""
        end = offset
        while end > start and self._continues(end):
            end -= 1
        if end == start:
            end += 1
            while self._continues(end):
                end += 1
        return end

    def best_cut(self, start: int, limit: int) -> int:
        """Return the best place in (start, limit]: the last heading or blank line of its latter half.

        Else the last line start; inside a line that is longer than the room, the last character.
        """
        first = bisect_left(self.lines, start + 1)
        last = bisect_left(self.lines, limit + 1)
        candidates = self.lines[first:last]
        if not candidates:
            return self.whole_character(start, limit)
        for line in reversed(candidates[len(candidates) // 2 :]):
            if _HEADING.match(self.bytes, line) or self.bytes[line - 2 : line] == b"\n\n":
                return line
        return candidates[-1]

    # ------------------------------------------------------------ tokens

    def count(self, text: str) -> int:
        """Return the tokens of a text, as the counter counts them."""
        return estimate_tokens(text) if self._count is None else self._count(text)

    def tokens(self, start: int, end: int) -> int:
        """Return the tokens of a span."""
        if self._count is not None:
            return self._count(self.slice(start, end))
        return -(-self.cost(start, end) // PER_TOKEN)

    def cost(self, start: int, end: int) -> int:
        """Return what a span takes of `room`: of whole lines the sum of theirs."""
        first, last = bisect_left(self.lines, start), bisect_left(self.lines, end)
        if self.lines[first] == start and self.lines[last] == end:
            return int(self._costs[last] - self._costs[first])
        return self._cost(start, end)

    def fitting(self, start: int, end: int) -> int:
        """Return the farthest place up to `end` up to which a span from `start` fits into `room`.

        It is a line start, unless the first line alone does not fit. A span that begins inside a line, the
        rest of one that did not fit, ends with that line.
        """
        first = bisect_left(self.lines, start)
        if self.lines[first] == start:
            last = int(np.searchsorted(self._costs, self._costs[first] + self.room, side="right")) - 1
            if last > first:
                return min(self.lines[last], end)
        return self._characters_within(start, min(self.line_end(start + 1), end))

    def shared(self, start: int, end: int, room: int) -> int:
        """Return the first line start behind `start` from which what is left of a span fits into `room`."""
        last = bisect_left(self.lines, end)
        if self.lines[last] != end:
            return end
        first = int(np.searchsorted(self._costs, self._costs[last] - room, side="left"))
        return max(self.lines[first], self.line_end(start + 1))

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield a span in pieces that fit into `room`, cut at a heading, a blank line or else any line."""
        while start < end:
            limit = self.fitting(start, end)
            cut = limit if limit == end else self.best_cut(start, limit)
            yield start, cut
            start = cut

    def slice(self, start: int, end: int) -> str:
        """Return the text of a span."""
        return self.bytes[start:end].decode("utf-8", "surrogatepass")

    def _characters_within(self, start: int, end: int) -> int:
        """Return the farthest place inside a line, about, up to which it fits; at least one character on."""
        while (cost := self._cost(start, end)) > self.room:
            shorter = self.whole_character(start, start + (end - start) * self.room * 9 // (cost * 10))
            if shorter >= end:
                break
            end = shorter
        return end

    @cached_property
    def _costs(self) -> np.ndarray:
        """What the lines before each line start cost, all together."""
        starts = self.lines[:-1]
        if self._count is None:
            each = weigh_lines(self.bytes, starts)
        else:
            spans = zip(starts, self.lines[1:], strict=True)
            each = np.array([self._count(self.slice(*span)) for span in spans], dtype=np.int64)
        return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(each)))

    def _cost(self, start: int, end: int) -> int:
        return weigh(self.bytes[start:end]) if self._count is None else self._count(self.slice(start, end))

    def _continues(self, offset: int) -> bool:
        low, high = _CONTINUES
        return offset < len(self.bytes) and low <= self.bytes[offset] < high


def _line_starts(source: bytes) -> list[int]:
    ends = np.flatnonzero(np.frombuffer(source, dtype=np.uint8) == _NEWLINE) + 1
    starts: list[int] = [0, *ends.tolist()]
    return starts if starts[-1] == len(source) else [*starts, len(source)]
