"""Where prose stands in code: docstrings of Python, and the comments right above definitions elsewhere."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from inhouse.datasets.windows import definition_starts, split_lines
from inhouse.languages import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.languages import Parsed
    from inhouse.records import Symbol

__all__ = ["docstring_lines"]

_DOCUMENTED = ("function", "method", "class")
_QUOTE = rb'"{3}|\'{3}|"|\''
_CLOSING = re.compile(rb"(?:" + _QUOTE + rb")\s*\Z")
_MODULE = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r\n]|#[^\n]*\n)*[rRuU]?(" + _QUOTE + rb")")


def docstring_lines(path: str, text: str) -> list[range]:
    """Return the lines, counted from 0, of each docstring that has its lines for itself, in source order.

    In Python these are the strings that open modules, classes and functions; in other languages the comments
    that stand right above what they describe. None where the language has no grammar.
    """
    parsed = parse(path, text)
    found = _python(parsed, text.encode()) if parsed.language == "python" else _above(parsed, text)
    return sorted({lines.start: lines for lines in found}.values(), key=lambda lines: lines.start)


def _above(parsed: Parsed, text: str) -> Iterator[range]:
    lines = split_lines(text)
    described = {symbol.start_line for symbol in parsed.symbols if symbol.docstring}
    for line, first in definition_starts(parsed, lines).items():
        if line in described and first < line:
            yield range(first - 1, line - 1)


def _python(parsed: Parsed, raw: bytes) -> Iterator[range]:
    starts = [0, *(place.end() for place in re.finditer(rb"\n", raw))]
    spans = [_of_module(raw), *(_of_symbol(symbol, raw) for symbol in parsed.symbols)]
    for start, end in filter(None, spans):
        if not _line_before(raw, start).strip() and not raw[end:].partition(b"\n")[0].strip():
            yield range(_line(starts, start), _line(starts, end - 1) + 1)


def _of_module(raw: bytes) -> tuple[int, int] | None:
    """Return the bytes of the string that opens the file."""
    found = _MODULE.match(raw)
    if found is None:
        return None
    end = raw.find(found[1], found.end())
    start = found.start(1) - (raw[found.start(1) - 1 : found.start(1)] in (b"r", b"R", b"u", b"U"))
    return (start, end + len(found[1])) if end >= 0 else None


def _of_symbol(symbol: Symbol, raw: bytes) -> tuple[int, int] | None:
    """Return the bytes of the string that closes what stands before the body, from its quote or prefix on."""
    before = raw[symbol.start : symbol.body]
    closing = _CLOSING.search(before)
    if symbol.kind not in _DOCUMENTED or closing is None:
        return None
    quote = closing[0].rstrip()
    opening = before.rfind(quote, 0, closing.start())
    if opening < 0:
        return None
    start = opening - (before[opening - 1 : opening] in (b"r", b"R", b"u", b"U"))
    return symbol.start + start, symbol.start + closing.start() + len(quote)


def _line_before(raw: bytes, offset: int) -> bytes:
    """Return what stands before an offset in its line."""
    return raw[raw.rfind(b"\n", 0, offset) + 1 : offset]


def _line(starts: Sequence[int], offset: int) -> int:
    return bisect_right(starts, offset) - 1
