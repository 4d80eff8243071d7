"""Cut a file that does not parse into pieces that may, by its layout alone.

A parser that meets an unclosed bracket may swallow the rest of the file. People and formatters begin a
definition at the indentation of its neighbours, though, so each piece runs from one such line to the next,
and the members of a class are pieces of their own, parsed between the first and last line of their class:

    class A {            frame of the next two
        void a() {...}   piece: this in its frame
        void b( {...}    piece: this in its frame; its damage ends here
    }                    frame
    class B {...}        piece

The members of a namespace need not be indented: what opens one is a frame until a line closes it.

A piece whose damage leaves no definition at all has an outline: its first lines and its closing brace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tree_sitter import Point, Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Piece", "pieces"]

_TAB = 8
_MAX_HEADER = 10  # lines
_CLOSES = (b"}", b";", b"{", b":", b"*/", b",", b")")
_LITERAL = re.compile(rb"'[^'\n]'|\"[^\"\n]*\"")
_COMMENT = (b"//", b"/*", b"*", b"#", b"@")


class _Line(NamedTuple):
    number: int  # from 0
    start: int
    end: int
    indent: int  # columns
    text: bytes
    width: int  # bytes up to the end of the text


@dataclass(frozen=True, slots=True)
class Piece:
    """What to parse together."""

    start: int  # of the piece itself, inside its frame
    end: int  # of its last character
    ranges: tuple[Range, ...]
    outline: tuple[Range, ...]  # the same without what stands between its braces; empty where it has none


@dataclass(frozen=True, slots=True)
class _Frame:
    """The first and last lines of the definitions around a piece."""

    before: tuple[Range, ...] = ()
    after: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the lines of a language look."""

    begins: re.Pattern[bytes]
    container: re.Pattern[bytes]
    space: re.Pattern[bytes]


def pieces(
    source: bytes, begins: re.Pattern[bytes], container: re.Pattern[bytes], space: re.Pattern[bytes]
) -> Iterator[Piece]:
    """Yield the pieces of a source, in order.

    `begins` matches a line that may begin a definition, `container` the first line of one that holds others,
    `space` one that may hold others which are not indented.
    """
    lines = list(_lines(source))
    if lines:
        indent = min(line.indent for line in lines)
        yield from _cut(lines, indent, _Frame(), _Layout(begins, container, space))


def _lines(source: bytes) -> Iterator[_Line]:
    """Yield the lines that hold more than white space."""
    start = 0
    for number, line in enumerate(
        source.splitlines(keepends=True) if b"\r" not in source else _split(source)
    ):
        end = start + len(line)
        text = line.strip()
        if text:
            margin = line[: len(line) - len(line.lstrip())]
            yield _Line(number, start, end, len(margin.expandtabs(_TAB)), text, len(line.rstrip()))
        start = end


def _split(source: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", source)


def _cut(lines: Sequence[_Line], indent: int, frame: _Frame, layout: _Layout) -> Iterator[Piece]:
    firsts = [0, *_firsts(lines, indent, layout.begins), len(lines)]
    outside, spaces = frame, list[Range]()
    for first, last in pairwise(firsts):
        piece = lines[first:last]
        frame = replace(outside, before=(*outside.before, *spaces))
        if layout.space.match(piece[0].text) and not _members(piece, layout.container):
            spaces.append(_range(piece[:1]))
        closed = _closings(piece, indent)
        spaces = spaces[: max(0, len(spaces) - closed)]
        inner = _members(piece, layout.container)
        if inner:
            closing = _closing(piece, inner)
            members = piece[inner:closing]
            before = (*frame.before, _range(piece[:inner]))
            after = (*([_range([piece[closing]])] if closing < len(piece) else ()), *frame.after)
            yield from _cut(members, _member_indent(members), _Frame(before, after), layout)
            if closing + 1 < len(piece):
                yield _piece(piece[closing + 1 :], frame)
        else:
            yield _piece(piece, frame)


def _closings(piece: Sequence[_Line], indent: int) -> int:
    """Return how many braces a piece closes at its indentation beyond those that it opens."""
    closing = sum(line.indent == indent and line.text[:1] == b"}" for line in piece)
    text = _LITERAL.sub(b"", b"\n".join(line.text for line in piece)) if closing else b""
    return max(0, min(closing, text.count(b"}") - text.count(b"{")))


def _piece(lines: Sequence[_Line], frame: _Frame) -> Piece:
    """Return the lines in their frame, and what their layout says of their outline."""
    whole = (*frame.before, _range(lines), *frame.after)
    start, end = lines[0].start, lines[-1].start + lines[-1].width
    opening = next(
        (place for place, line in enumerate(lines[:_MAX_HEADER]) if line.text.endswith(b"{")), None
    )
    closing = _closing(lines, opening + 1) if opening is not None else len(lines)
    if opening is None or closing == len(lines):
        return Piece(start, end, whole, ())
    outline = (_range(lines[: opening + 1]), _range([lines[closing]]))
    return Piece(start, end, whole, (*frame.before, *outline, *frame.after))


def _firsts(lines: Sequence[_Line], indent: int, begins: re.Pattern[bytes]) -> Iterator[int]:
    """Yield the places of lines that begin a definition at this indentation."""
    for place, (before, line) in enumerate(pairwise(lines), 1):
        if line.indent != indent or not begins.match(line.text):
            continue
        if line.number > before.number + 1 or _may_end(before):
            yield place


def _may_end(line: _Line) -> bool:
    return line.text.endswith(_CLOSES) or (line.text.startswith(_COMMENT) and not line.text.endswith(b"\\"))


def _members(piece: Sequence[_Line], container: re.Pattern[bytes]) -> int:
    """Return where the members begin in a piece that holds others, 0 when it does not."""
    if not container.match(piece[0].text):
        return 0
    for place, line in enumerate(piece[:_MAX_HEADER]):
        if line.text.endswith((b"{", b":")):
            inside = place + 1
            return inside if inside < len(piece) and piece[inside].indent > piece[0].indent else 0
    return 0


def _member_indent(lines: Sequence[_Line]) -> int:
    """Return the indentation of members; a label such as `public:` may stand further out."""
    return next((line.indent for line in lines if not line.text.endswith(b":")), lines[0].indent)


def _closing(lines: Sequence[_Line], inner: int) -> int:
    """Return the place of the line that closes, at its indentation, what the first line opened."""
    for place in range(inner, len(lines)):
        if lines[place].indent == lines[0].indent and lines[place].text.startswith(b"}"):
            return place
    return len(lines)


def _range(lines: Sequence[_Line]) -> Range:
    first, last = lines[0], lines[-1]
    return Range(Point(first.number, 0), Point(last.number + 1, 0), first.start, last.end)
