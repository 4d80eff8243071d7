"""Changes: from the commit, the file and its lines so far to the new lines, in the form of evaluation."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from inhouse.datasets.accounting import Tally
from inhouse.datasets.formats import item_example, item_target
from inhouse.datasets.items import evenly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inhouse.datasets.candidates import Candidate
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

__all__ = ["Changes"]

_TURN = 2  # rows of a commit before all the others have had theirs


class Changes:
    """Makes rows of at most `length` tokens, their context of at most `context_tokens`."""

    def __init__(self, tokenizer: Tokenizer, repository: str, length: int, context_tokens: int) -> None:
        self.tally = Tally()
        self._tokenizer = tokenizer
        self._repository = repository
        self._length = length
        self._context_tokens = context_tokens

    def rows(self, candidates: Iterable[Candidate]) -> Iterator[Example]:
        """Yield training rows, best first: every commit gives two before any gives more.

        `candidates` are together by commit, the best commit first.
        """
        waiting: list[Candidate] = []
        for _, group in groupby(candidates, lambda candidate: candidate.item.commit):
            self.tally.sources += 1
            usable = []
            for candidate in group:
                if candidate.removed:
                    self.tally.skipped[candidate.removed] += 1
                else:
                    usable.append(candidate)
            now = evenly(usable, _TURN)
            waiting += [candidate for candidate in usable if candidate not in now]
            yield from map(self._row, now)
        yield from map(self._row, waiting)

    def _row(self, candidate: Candidate) -> Example:
        row = self.example(candidate, "train")
        self.tally.tokens_seen += len(row.input_ids) + candidate.tokens_cut
        self.tally.tokens_truncated += candidate.tokens_cut
        return row

    def example(self, candidate: Candidate, split: str) -> Example:
        """Return the row of a candidate. Where a row is shorter than what is scored, the context is."""
        room = self._length - len(item_target(candidate.item, self._tokenizer))
        budget = max(0, min(self._context_tokens, room))
        return item_example(
            candidate.item, self._tokenizer, budget, self._repository, split, candidate.lineage
        )
