"""Replay: general code beside the repository's, so that what the model knew is not forgotten.

Ibrahim et al. 2024, "Simple and scalable strategies to continually pre-train large language models"
(https://arxiv.org/abs/2403.08763). The rows are windows like those of `continuation`, with the package in the
place of the repository. `dataset.replay` asks for them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from inhouse.datasets.builders.continuation import shortened
from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.formats import example, markers
from inhouse.datasets.mixing import REPLAY
from inhouse.datasets.windows import cut_windows, definition_starts, split_lines
from inhouse.languages import detect, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.general import GeneralFile
    from inhouse.records import Example

__all__ = ["BUILDER", "Replay"]

_TURN = 2  # windows of a file before all the others have had theirs


class Replay(Builder):
    """Makes windows of files of others; one that holds a span of the held-out period is dropped."""

    kind = REPLAY
    line = "general code under permissive licences, in windows, against forgetting"
    chats = False

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows: every file gives two before any gives more."""
        waiting: deque[list[Example]] = deque()
        for file in past.general:
            rows = [row for row in self.file_rows(file) if self._is_new(row, past)]
            self.tally.tokens_waiting += sum(len(row.input_ids) for row in rows)
            yield from self._given(rows[:_TURN])
            waiting.append(rows[_TURN:])
        while waiting:
            rows = waiting.popleft()
            yield from self._given(rows[:_TURN])
            if len(rows) > _TURN:
                waiting.append(rows[_TURN:])

    def shorten(self, row: Example, room: int) -> Example | None:
        """Return the row's first whole lines, in at most `room` tokens; None when that is next to nothing."""
        return shortened(row, room, self.bench.tokenizer)

    def file_rows(self, file: GeneralFile) -> list[Example]:
        """Return the windows of a file as rows."""
        tokenizer = self.bench.tokenizer
        head = markers(tokenizer, file.package, file.path, "", self.bench.length)
        closing = [*tokenizer.encode("\n"), *tokenizer.document_end]
        lines = split_lines(file.text)
        parsed = parse(file.path, file.text, detect(file.path))
        starts = set(definition_starts(parsed, lines).values())
        room = self.bench.length - len(head) - len(closing)
        windows, truncated = cut_windows(lines, starts, tokenizer, room)
        rows = []
        for window in windows:
            ids = tokenizer.encode(window.text.rstrip()) + (closing if window.is_end else [])
            if not window.text.isspace():
                place = f"line {window.start_line}"
                rows.append(example(self.kind, "train", tokenizer, (head, ids), file.lineage, place))
        self.tally.sources += 1
        self.tally.windowed += len(rows) > 1
        self.tally.tokens_truncated += truncated
        self.tally.tokens_seen += truncated + sum(len(row.input_ids) for row in rows)
        return rows

    def _is_new(self, row: Example, past: Past) -> bool:
        if past.heldout.find(row.text) is None:
            return True
        self.skip("holds a span of the held-out period")
        self.tally.tokens_truncated += len(row.input_ids)
        return False

    def _given(self, rows: list[Example]) -> Iterator[Example]:
        for row in rows:
            self.tally.tokens_waiting -= len(row.input_ids)
            yield row


BUILDER = Replay
