"""Changes: from the commit, the file and its lines so far to the new lines, in the form of evaluation."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from inhouse.datasets.builders.batched import Batched, in_batches
from inhouse.datasets.formats import item_example, item_target
from inhouse.datasets.items import Cutter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Bench, Past
    from inhouse.datasets.candidates import Candidate, ChangedFile
    from inhouse.records import Example

__all__ = ["BUILDER", "Changes"]

_Commit = list["ChangedFile"]


class Changes(Batched[list[_Commit]]):
    """Makes rows in the form in which items are scored."""

    kind = "change"
    line = "from the commit, the file and its lines so far to the new lines, as evaluation scores them"
    chats = False

    turn = 2

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._cutter = Cutter(bench.tokenizer, bench.evaluation)

    def batches(self, past: Past) -> Iterator[list[_Commit]]:
        """Yield the commits, newest first."""
        by_commit = groupby(past.changed, lambda file: file.version.change.commit)
        return in_batches((list(files) for _, files in by_commit), _characters)

    def groups(self, batch: list[_Commit]) -> Iterator[list[Example]]:
        """Yield the rows of each commit, by path and line."""
        for commit in batch:
            self.tally.sources += 1
            usable = []
            for candidate in (found for file in commit for found in file.candidates("train", self._cutter)):
                if candidate.removed:
                    self.skip(candidate.removed)
                else:
                    usable.append(candidate)
            yield [self._row(candidate) for candidate in usable]

    def _row(self, candidate: Candidate) -> Example:
        row = self.example(candidate, "train")
        self.tally.tokens_seen += len(row.input_ids) + candidate.tokens_cut
        self.tally.tokens_truncated += candidate.tokens_cut
        return row

    def example(self, candidate: Candidate, split: str) -> Example:
        """Return the row of a candidate. Where a row is shorter than what is scored, the context is."""
        budget, room = self.bench.evaluation.context_tokens, self.bench.length
        if budget + self.bench.evaluation.max_target_tokens > room:
            room -= len(item_target(candidate.item, self.bench.tokenizer))
            budget = max(0, min(budget, room))
        return item_example(
            candidate.item, self.bench.tokenizer, budget, self.bench.repository, split, candidate.lineage
        )


def _characters(commit: _Commit) -> int:
    """Return a measure of the work: most of a file is only read past."""
    return sum(1_000 * len(file.version.change.hunks) + len(file.version.text) // 20 for file in commit)


BUILDER = Changes
