"""Continuation: the files of the training tree as they stand, in windows that open with document markers.

Files come in turns from the top-level folders, the most recently changed first, and give a few windows at a
time: a small budget sees many files and not one long one.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.formats import example, first_lines, markers
from inhouse.datasets.windows import cut_windows, definition_starts, lines_with_code, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inhouse.datasets.builders.contract import Bench, Past
    from inhouse.datasets.material import SourceFile
    from inhouse.datasets.windows import Window
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

__all__ = ["BUILDER", "Continuation", "shortened"]

_TURN = 4  # windows
_NAMES = re.compile(r"copyright|author|©", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_MIN_TOKENS = 32  # of text: shorter rows are not worth their markers


class Continuation(Builder):
    """Makes windows of files."""

    kind = "continuation"
    line = "the files as they stand, in windows that open with repository, message and path"
    chats = False

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._tokenizer = bench.tokenizer
        self._repository = bench.repository
        self._length = bench.length
        self._headers = {""}
        self._closing = [*bench.tokenizer.encode("\n"), *bench.tokenizer.document_end]

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, best first: every file gives four before any gives more."""
        waiting: deque[list[Example]] = deque()
        for file in past.files:
            rows = self.file_rows(file)
            yield from self._given(rows[:_TURN])
            waiting.append(rows[_TURN:])
        while waiting:
            rows = waiting.popleft()
            yield from self._given(rows[:_TURN])
            if len(rows) > _TURN:
                waiting.append(rows[_TURN:])

    def shorten(self, row: Example, room: int) -> Example | None:
        """Return the row's first whole lines, in at most `room` tokens; None when that is next to nothing."""
        return shortened(row, room, self._tokenizer)

    def file_rows(self, file: SourceFile) -> list[Example]:
        """Return a file's windows as rows; a header that another file had too is not repeated."""
        head = markers(self._tokenizer, self._repository, file.path, file.message, self._length)
        lines = split_lines(file.text)
        room = self._length - len(head) - len(self._closing)
        starts = set(definition_starts(file.parsed, lines).values())
        windows, truncated = cut_windows(
            lines, starts, self._tokenizer, room, self._known_header(file, lines)
        )
        rows = [self._row(file, head, window) for window in windows if not window.text.isspace()]
        made = sum(len(row.input_ids) for row in rows)
        self.tally.sources += 1
        self.tally.windowed += len(rows) > 1
        self.tally.tokens_truncated += truncated
        self.tally.tokens_seen += truncated + made
        self.tally.tokens_waiting += made
        return rows

    def _known_header(self, file: SourceFile, lines: list[str]) -> int:
        """Return how many lines a file's first comments have, if they are known but for who and when."""
        has_code = lines_with_code(file.text, file.parsed)
        end = next((n for n, line in enumerate(lines) if has_code[n] or not line.strip()), 0)
        header = " ".join(_WORD.findall("".join(line for line in lines[:end] if not _NAMES.search(line))))
        if header not in self._headers:
            self._headers.add(header)
            return 0
        self.tally.skipped["known header"] += end > 0
        return next((n for n, line in enumerate(lines) if n >= end and line.strip()), end)

    def _row(self, file: SourceFile, head: list[int], window: Window) -> Example:
        ids = self._tokenizer.encode(window.text.rstrip()) + (self._closing if window.is_end else [])
        place = f"line {window.start_line}"
        return example("continuation", "train", self._tokenizer, (head, ids), file.lineage, place)

    def _given(self, rows: Iterable[Example]) -> Iterator[Example]:
        for row in rows:
            self.tally.tokens_waiting -= len(row.input_ids)
            yield row


def shortened(row: Example, room: int, tokenizer: Tokenizer) -> Example | None:
    """Return a window's first whole lines, in at most `room` tokens; None when that is next to nothing."""
    head = row.trained.index(True)
    text = tokenizer.decode(row.input_ids[head:])
    ids = tokenizer.encode(first_lines(text, tokenizer, room - head).rstrip())
    if len(ids) < _MIN_TOKENS:
        return None
    return example(row.kind, row.split, tokenizer, (row.input_ids[:head], ids), row.lineage, row.id)


BUILDER = Continuation
