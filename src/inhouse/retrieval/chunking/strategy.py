"""What a strategy is, and from parts to chunks: lines, imports that are used, names that are defined."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from inhouse.records import Chunk
from inhouse.retrieval.words import names as names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inhouse.retrieval.chunking.source import Part, Source

__all__ = ["Strategy", "chunks_of"]

_NAME = re.compile(r"\w+")
_MAX_IMPORTS = 8


class Strategy(NamedTuple):
    """A way to cut a file: parts in the order of their beginnings, which together are all of it."""

    name: str
    cut: Callable[[Source], Iterator[Part]]
    sentence: str
    overlaps: bool = False  # parts share lines with the part before
    needs_neighbours: bool = False  # a file's chunks hang on other files


def chunks_of(source: Source, strategy: Strategy) -> list[Chunk]:
    """Return the chunks of a file."""
    if not source.bytes:
        return []
    maker = _Maker(source)
    return [maker.summary(part) if part.summary else maker.chunk(part) for part in strategy.cut(source)]


class _Maker:
    """Makes chunks of one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._imports = [
            (item.text, [name for name in item.names if _NAME.fullmatch(name)])
            for item in source.parsed.imports
        ]
        self._imported = frozenset(name for _, names in self._imports for name in names)
        self._symbols = source.parsed.symbols
        self._starts = [symbol.start for symbol in self._symbols]

    def chunk(self, part: Part) -> Chunk:
        source, (start, end) = self._source, part[:2]
        text = source.slice(start, end)
        begun = self._symbols[bisect_left(self._starts, start) : bisect_left(self._starts, end)]
        return Chunk(
            path=source.path,
            language=source.parsed.language,
            symbol=part.symbol.qualified_name if part.symbol else "",
            scope=part.scope,
            imports=self._used_imports(text),
            start_line=bisect_right(source.lines, start),
            end_line=bisect_left(source.lines, end),
            start=start,
            end=end,
            text=text,
            defines=tuple(dict.fromkeys(symbol.qualified_name for symbol in begun)),
            tokens=source.tokens(start, end),
        )

    def summary(self, part: Part) -> Chunk:
        symbol, source = part.symbol, self._source
        return Chunk(
            path=source.path,
            language=source.parsed.language,
            symbol=symbol.qualified_name if symbol else "",
            scope=part.scope,
            imports=(),
            start_line=symbol.start_line if symbol else 1,
            end_line=symbol.end_line if symbol else len(source.lines) - 1,
            start=part.start,
            end=part.end,
            text=part.summary,
            tokens=source.count(part.summary),
        )

    def _used_imports(self, text: str) -> tuple[str, ...]:
        """Return the import statements that bind a name which the text uses."""
        used = self._imported.intersection(names_in(text)) if self._imported else ()
        if not used:
            return ()
        lines = (line for line, names in self._imports if not used.isdisjoint(names) and line not in text)
        return tuple(dict.fromkeys(lines))[:_MAX_IMPORTS]
