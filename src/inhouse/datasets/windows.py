"""Files cut into windows of whole lines, where possible where a definition begins.

|----------------- room -----------------|
[window 1: ends before a definition ][window 2 ...          ][window 3, the end of the file]
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.datasets.formats import first_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from inhouse.languages import Comment, Parsed
    from inhouse.models.tokenizer import Tokenizer

__all__ = ["Window", "cut_windows", "definition_starts", "lines_with_code", "split_lines"]


_NOT_LINE_END = re.compile(rb"[^\n]")


@dataclass(frozen=True, slots=True)
class Window:
    """A run of whole lines of a file."""

    text: str
    start_line: int
    end_line: int
    is_end: bool  # the file ends here


def split_lines(text: str) -> list[str]:
    r"""Return the lines as git counts them, each with its line end: only "\n" ends a line."""
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
    while position < len(lines):
        ahead = "".join(lines[position : position + room])
        fitting = len(split_lines(first_lines(ahead, tokenizer, room)))
        if not fitting:
            left_out += len(tokenizer.encode(lines[position]))
            position += 1
            continue
        end = position + fitting
        if end < len(lines):
            end = _break(lines, starts, position + fitting // 2, end)
        windows.append(Window("".join(lines[position:end]), position + 1, end, end == len(lines)))
        position = end
    return windows, left_out


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
