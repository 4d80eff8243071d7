"""Chunks: a file cut where its definitions begin and end, so that the pieces put together are the file.

    imports and constants | def a | def b | class C: header | C.first | C.second | rest

A definition that fits is one chunk; a class that does not is cut at its members, a function that does not at
blank lines. Every cut is at the start of a line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.languages import detect, parse
from inhouse.records import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.languages import Parsed
    from inhouse.records import Symbol

__all__ = ["MAX_BYTES", "chunk_file", "chunk_parsed"]

MAX_BYTES = 2_400
"""About six hundred tokens: a long function."""

_WHOLE = frozenset(
    {"function", "method", "class", "struct", "interface", "trait", "impl", "enum", "union", "module"}
)
_HEADING = re.compile(rb"#{1,6} |.*\n(?:={3,}|-{3,}|~{3,})\s*$")
_NAME = re.compile(r"\w+")
_MAX_IMPORTS = 8
_HEAD = 4_096


@dataclass(frozen=True, slots=True)
class _Part:
    """A span of whole lines, [start, end), and the definition that it is (a piece of), if any."""

    start: int
    end: int
    symbol: Symbol | None
    scope: tuple[str, ...]


def chunk_file(path: str, text: str, max_bytes: int = MAX_BYTES) -> list[Chunk]:
    """Return chunks whose texts, joined, are `text`. Whole definitions where they fit into `max_bytes`."""
    return chunk_parsed(parse(path, text, detect(path, text[:_HEAD])), path, text, max_bytes)


def chunk_parsed(parsed: Parsed, path: str, text: str, max_bytes: int = MAX_BYTES) -> list[Chunk]:
    """Do the same for a file that has been parsed already."""
    source = text.encode("utf-8", "surrogatepass")
    if not source:
        return []
    lines = _line_starts(source)
    whole = [symbol for symbol in parsed.symbols if symbol.kind in _WHOLE]
    parts = list(_cut(_Part(0, len(source), None, ()), whole, _Text(source, lines), max_bytes))
    return [_chunk(part, parsed, path, source, lines) for part in parts]


# ------------------------------------------------------------------ cutting


@dataclass(frozen=True, slots=True)
class _Text:
    source: bytes
    lines: list[int]  # offsets of line starts, and the end of the file

    def line_start(self, offset: int) -> int:
        """Return where the line of `offset` begins."""
        place = bisect_left(self.lines, offset)
        return offset if place < len(self.lines) and self.lines[place] == offset else self.lines[place - 1]

    def line_end(self, offset: int) -> int:
        """Return where the next line begins after a span that ends at `offset`."""
        return self.lines[bisect_left(self.lines, offset)]


def _cut(part: _Part, symbols: Sequence[Symbol], text: _Text, max_bytes: int) -> Iterator[_Part]:
    """Yield the parts of a span: definitions and what stands between them, which together are the span."""
    at = part.start
    for symbol, inner in _outermost(symbols):
        start = max(at, text.line_start(symbol.start))
        end = min(part.end, text.line_end(symbol.end))
        start = _above(text, at, start)
        if end <= start:
            continue  # another definition on the same line has it
        end = _blank_after(text, end, part.end)
        yield from _fill(_Part(at, start, part.symbol, part.scope), text, max_bytes)
        yield from _definition(_Part(start, end, symbol, part.scope), inner, text, max_bytes)
        at = end
    yield from _fill(_Part(at, part.end, part.symbol, part.scope), text, max_bytes)


def _definition(part: _Part, inner: Sequence[Symbol], text: _Text, max_bytes: int) -> Iterator[_Part]:
    if part.end - part.start <= max_bytes or not inner or part.symbol is None:
        yield from _fill(part, text, max_bytes)
        return
    inside = _Part(part.start, part.end, part.symbol, (*part.scope, part.symbol.signature))
    yield from _cut(inside, inner, text, max_bytes)


def _outermost(symbols: Sequence[Symbol]) -> Iterator[tuple[Symbol, list[Symbol]]]:
    """Yield each definition that no other one holds, with those that it holds."""
    place = 0
    while place < len(symbols):
        outer = symbols[place]
        place += 1
        inner = []
        while place < len(symbols) and symbols[place].start < outer.end:
            inner.append(symbols[place])
            place += 1
        yield outer, inner


def _fill(part: _Part, text: _Text, max_bytes: int) -> Iterator[_Part]:
    """Yield a span in pieces of at most `max_bytes`, cut at a heading, a blank line or else any line."""
    start = part.start
    while part.end - start > max_bytes:
        end = _best_cut(text, start, start + max_bytes)
        yield _Part(start, end, part.symbol, part.scope)
        start = end
    if start < part.end:
        yield _Part(start, part.end, part.symbol, part.scope)


def _best_cut(text: _Text, start: int, limit: int) -> int:
    """Return the best line start in (start, limit]: the last heading or blank line of its latter half."""
    first = bisect_left(text.lines, start + 1)
    last = bisect_left(text.lines, limit + 1)
    candidates = text.lines[first:last]
    if not candidates:
        return text.lines[first]  # a line that is longer than the room
    for line in reversed(candidates[len(candidates) // 2 :]):
        if _HEADING.match(text.source, line) or text.source[line - 2 : line] == b"\n\n":
            return line
    return candidates[-1]


def _above(text: _Text, low: int, start: int) -> int:
    """Return `start` moved up over the comment lines that stand directly above a definition."""
    while start > low:
        line = text.lines[bisect_left(text.lines, start) - 1]
        if line < low or not text.source[line:start].lstrip().startswith((b"#", b"//", b"/*", b"*", b"@")):
            break
        start = line
    return start


def _blank_after(text: _Text, end: int, limit: int) -> int:
    """Return `end` moved down over blank lines: they belong to what stands before them."""
    while end < limit:
        after = text.lines[bisect_left(text.lines, end + 1)]
        if after > limit or text.source[end:after].strip():
            break
        end = after
    return end


def _line_starts(source: bytes) -> list[int]:
    starts = [0]
    starts += [match.end() for match in re.finditer(rb"\n", source)]
    return starts if starts[-1] == len(source) else [*starts, len(source)]


# ------------------------------------------------------------------ chunks


def _chunk(part: _Part, parsed: Parsed, path: str, source: bytes, lines: Sequence[int]) -> Chunk:
    text = source[part.start : part.end].decode("utf-8", "surrogatepass")
    return Chunk(
        path=path,
        language=parsed.language,
        symbol=part.symbol.qualified_name if part.symbol else "",
        scope=part.scope,
        imports=_used_imports(parsed, text),
        start_line=bisect_left(lines, part.start) + 1,
        end_line=bisect_left(lines, part.end),
        start=part.start,
        end=part.end,
        text=text,
    )


def _used_imports(parsed: Parsed, text: str) -> tuple[str, ...]:
    """Return the import statements that bind a name which the text uses."""
    if not parsed.imports:
        return ()
    used = set(_NAME.findall(text))
    found = (item.text for item in parsed.imports if used.intersection(item.names) and item.text not in text)
    return tuple(dict.fromkeys(found))[:_MAX_IMPORTS]
