"""Windows of whole files as rows: what builders of text as it stands have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from inhouse.datasets.builders.batched import Batched
from inhouse.datasets.formats import example, first_lines
from inhouse.datasets.windows import cut_windows, definition_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.datasets.builders.contract import Bench
    from inhouse.languages import Parsed
    from inhouse.records import Example

__all__ = ["Windowed"]

_MIN_TOKENS = 32  # of text: shorter rows are not worth their markers


_Batch = TypeVar("_Batch")


class Windowed(Batched[_Batch]):
    """Makes windows of files; every file gives `turn` of them before any gives more."""

    chats = False
    spread = False

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._closing = [*bench.tokenizer.encode("\n"), *bench.tokenizer.document_end]

    def shorten(self, row: Example, room: int) -> Example | None:
        """Return the row's first whole lines, in at most `room` tokens; None when that is next to nothing."""
        tokenizer = self.bench.tokenizer
        head = row.trained.index(True)
        text = tokenizer.decode(row.input_ids[head:])
        ids = tokenizer.encode(first_lines(text, tokenizer, room - head).rstrip())
        if len(ids) < _MIN_TOKENS:
            return None
        return example(row.kind, row.split, tokenizer, (row.input_ids[:head], ids), row.lineage, row.id)

    def cut(
        self, head: list[int], lines: Sequence[str], parsed: Parsed, lineage: tuple[str, ...], first: int = 0
    ) -> list[Example]:
        """Return the windows of a file as rows that open with `head`; its `first` lines are passed over."""
        tokenizer = self.bench.tokenizer
        starts = set(definition_starts(parsed, lines).values())
        room = self.bench.length - len(head) - len(self._closing)
        windows, truncated = cut_windows(lines, starts, tokenizer, room, first)
        rows = []
        for window in windows:
            if not window.text.isspace():
                ids = [*window.tokens, *(self._closing if window.is_end else ())]
                place = f"line {window.start_line}"
                rows.append(example(self.kind, "train", tokenizer, (head, ids), lineage, place))
        self.tally.sources += 1
        self.tally.windowed += len(rows) > 1
        self.tally.tokens_truncated += truncated
        self.tally.tokens_seen += truncated + sum(len(row.input_ids) for row in rows)
        return rows
