"""Files cut into windows of whole lines, where possible where a definition begins.

|----------------- room -----------------|
[window 1: ends before a definition ][window 2 ...          ][window 3, the end of the file]
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from inhouse.datasets.encoded import Encoded
from inhouse.datasets.formats import first_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from inhouse.languages import Comment, Parsed
    from inhouse.models.tokenizer import Tokenizer

__all__ = ["Window", "cut_windows", "definition_starts", "lines_with_code", "split_lines", "surely_code"]


_MAY_COMMENT = frozenset("#/<-;")  # what a line begins with that may be a comment
_NOT_LINE_END = re.compile(rb"[^\n]")


@dataclass(frozen=True, slots=True)
class Window:
    """A run of whole lines of a file."""

    text: str
    start_line: int
    end_line: int
    is_end: bool  # the file ends here
    tokens: tuple[int, ...] = ()  # of the text, white space that closes it apart


def split_lines(text: str) -> list[str]:
    r"""Return the lines as git counts them, each with its line end: only "\n" ends a line."""
    fast = text.splitlines(keepends=True)
    if len(fast) == text.count("\n") + (text[-1:] not in ("", "\n")):
        return fast  # nothing else that Python takes for a line end is there
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + lines[-1:] * bool(lines[-1])


def definition_starts(parsed: Parsed, lines: Sequence[str]) -> dict[int, int]:
    """Return for each line where a definition begins the line where the comments right above it begin.

    Members of enumerations and plain assignments do not count.
    """
    comments = {line for comment in parsed.comments for line in _own_lines(comment, lines)}
    starts = {}
    for symbol in parsed.symbols:
        if symbol.kind != "constant":
            line = symbol.start_line
            while line - 1 in comments:
                line -= 1
            starts[symbol.start_line] = line
    return starts


def lines_with_code(text: str, parsed: Parsed) -> list[bool]:
    """Tell for each line whether it holds more than blanks and comments."""
    raw = bytearray(text.encode())
    for comment in parsed.comments:
        raw[comment.start : comment.end] = _NOT_LINE_END.sub(b" ", raw[comment.start : comment.end])
    return [bool(line.strip()) for line in raw.split(b"\n")]


def surely_code(text: str, start: int, line: str, language: str) -> bool:
    """Tell without a parse that a line, which begins at `start`, holds code. False says nothing.

    A block comment ends with the first sign that closes it, so behind such a sign, and not behind another
    opening, none is open, whatever strings there are; only those of Rust may stand in each other.
    """
    ink = line.lstrip()
    if not ink or ink[0] in _MAY_COMMENT:
        return False
    if language == "python":
        return True
    opened = text.rfind("/*", 0, start)
    closed = opened < 0 or (language != "rust" and text.find("*/", opened + 2, start) >= 0)
    return closed and "\\" not in text[max(0, start - 3) : start]  # no line comment goes on


def cut_windows(
    lines: Sequence[str], starts: Collection[int], tokenizer: Tokenizer, room: int, first: int = 0
) -> tuple[list[Window], int]:
    """Tile the lines with windows of at most `room` tokens; return them and the number of tokens left out.

    The first `first` lines are passed over.

    A window ends where a definition begins (the outermost one in its second half), else after a blank line
    (in its last quarter), else after any line. Only a line that exceeds `room` by itself is left out. White
    space that closes a window is not counted.
    """
    windows: list[Window] = []
    left_out, position = 0, first
    text = _Lines(lines, first, tokenizer)
    while position < len(lines):
        end = text.fitting(position, room)
        if end <= position or end < len(lines):
            end = _break(lines, starts, (position + end) // 2, end) if end > position else position + 1
        window = text.window(position, end)
        if len(window.tokens) > room:  # tokens do not end where lines do
            fitting = len(split_lines(first_lines(window.text, tokenizer, room)))
            if not fitting:
                left_out += len(tokenizer.encode(lines[position]))
                position += 1
                continue
            window = text.window(position, position + fitting)
        windows.append(window)
        position = window.end_line
    return windows, left_out


class _Lines:
    """The lines of a file from one on, encoded together."""

    def __init__(self, lines: Sequence[str], first: int, tokenizer: Tokenizer) -> None:
        self._lines = lines
        self._first = first
        self._encoded = Encoded("".join(lines[first:]), tokenizer)
        sizes = (len(line.encode("utf-8", "surrogatepass")) for line in lines[first:])
        self._offsets = list(accumulate(sizes, initial=0))
        self._before = self._encoded.tokens_before(self._offsets)

    def fitting(self, line: int, room: int) -> int:
        """Return about how far the lines from one on fit into `room` tokens."""
        most = self._before[line - self._first] + room
        return int(np.searchsorted(self._before, most, "right")) - 1 + self._first

    def window(self, start: int, end: int) -> Window:
        """Return lines as a window."""
        text = "".join(self._lines[start:end])
        offset = self._offsets[start - self._first]
        ink = len(text.rstrip().encode("utf-8", "surrogatepass"))
        tokens = self._encoded.part(offset, offset + ink) if ink else []
        return Window(text, start + 1, end, end == len(self._lines), tuple(tokens))


def _break(lines: Sequence[str], starts: Collection[int], low: int, high: int) -> int:
    """Return the best number of lines after which to cut, above `low` and up to `high`."""
    definitions = [start - 1 for start in starts if low < start - 1 <= high]
    if definitions:
        return min(definitions, key=lambda line: (_indentation(lines[line]), -line))
    blank = [line for line in range((low + high) // 2 + 1, high + 1) if not lines[line - 1].strip()]
    return blank[-1] if blank else high


def _indentation(line: str) -> int:
    spaces = line.expandtabs(4)
    return len(spaces) - len(spaces.lstrip())


def _own_lines(comment: Comment, lines: Sequence[str]) -> range:
    """Return the lines of a comment that has them for itself; none for one that follows code."""
    words = comment.text.rstrip("\n").split("\n")
    alone = lines[comment.line - 1].lstrip().startswith(words[0].rstrip("\r"))
    return range(comment.line, comment.line + len(words) if alone else comment.line)
