"""Changes: from the commit, the file and its lines so far to the new lines, in the form of evaluation."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.formats import item_example, item_target
from inhouse.datasets.items import taking_turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.candidates import Candidate
    from inhouse.records import Example

__all__ = ["BUILDER", "Changes"]

_TURN = 2  # rows of a commit before all the others have had theirs


class Changes(Builder):
    """Makes rows in the form in which items are scored."""

    kind = "change"
    line = "from the commit, the file and its lines so far to the new lines, as evaluation scores them"
    chats = False

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, best first: every commit gives two before any gives more."""
        for _, usable in taking_turns(self._usable(past.candidates), _TURN):
            yield from map(self._row, usable)

    def _usable(self, found: Iterable[Candidate]) -> Iterator[tuple[str, list[Candidate]]]:
        for commit, group in groupby(found, lambda candidate: candidate.item.commit):
            self.tally.sources += 1
            usable = []
            for candidate in group:
                if candidate.removed:
                    self.tally.skipped[candidate.removed] += 1
                else:
                    usable.append(candidate)
            yield commit, usable

    def _row(self, candidate: Candidate) -> Example:
        row = self.example(candidate, "train")
        self.tally.tokens_seen += len(row.input_ids) + candidate.tokens_cut
        self.tally.tokens_truncated += candidate.tokens_cut
        return row

    def example(self, candidate: Candidate, split: str) -> Example:
        """Return the row of a candidate. Where a row is shorter than what is scored, the context is."""
        room = self.bench.length - len(item_target(candidate.item, self.bench.tokenizer))
        budget = max(0, min(self.bench.evaluation.context_tokens, room))
        return item_example(
            candidate.item, self.bench.tokenizer, budget, self.bench.repository, split, candidate.lineage
        )


BUILDER = Changes
