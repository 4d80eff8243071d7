"""Retrieval-aware items: new code with retrieved text before its file, just as evaluation puts it there.

The index is of a tree that the commit's own parents had behind them (`snapshots`), so what is found is no
newer than what its author could see; it takes the shares of the context that evaluation tries. So that the
model learns to use what helps and to leave what does not, three rows of five have what a search finds, one
has it among pieces from further down, one has only such (RAFT, Zhang et al. 2024, arXiv 2403.10131).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.formats import item_example, item_target
from inhouse.datasets.items import evenly
from inhouse.datasets.offered import HITS, offered
from inhouse.digests import digest_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.snapshots import MovingIndex, Snapshots
    from inhouse.records import Example, Hit
    from inhouse.retrieval.index import Index

__all__ = ["BUILDER", "RetrievalAware"]

_TURN = 2  # rows of a commit
_FORMS = ("found", "found", "found", "among others", "others")
_KEPT = 3  # of what is found, among others


class RetrievalAware(Builder):
    """Makes items with retrieved text."""

    kind = "retrieval"
    line = "changes with retrieved text and distractors before the file, in the form of evaluation"
    chats = False

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, newest first, two of a commit."""
        if past.snapshots is None or not self.bench.evaluation.retrieval_shares:
            self.skip("retrieval is given no share of the context")
            return
        with past.snapshots.index() as moving:
            for place, candidate in _ever_older(self._chosen(past), past.snapshots):
                moving.move(place)
                row = self._row(candidate, moving)
                if row is not None:
                    yield row

    def _chosen(self, past: Past) -> Iterator[Candidate]:
        for _, group in groupby(past.candidates, lambda candidate: candidate.item.commit):
            self.tally.sources += 1
            usable = []
            for candidate in group:
                if candidate.removed:
                    self.skip(candidate.removed)
                elif past.snapshots is None or past.snapshots.of(candidate.item.commit) is None:
                    self.skip("no tree that is surely older was read")
                else:
                    usable.append(candidate)
            yield from evenly(usable, _TURN)

    def _row(self, candidate: Candidate, moving: MovingIndex) -> Example | None:
        item, bench = candidate.item, self.bench
        room = bench.length - len(item_target(item, bench.tokenizer))
        budget = max(0, min(bench.evaluation.context_tokens, room))
        drawn = int(digest_json(["retrieval", item.id])[:8], 16)
        shares = bench.evaluation.retrieval_shares
        form = _FORMS[drawn % len(_FORMS)]
        found = offered(
            moving.index,
            item,
            bench.tokenizer,
            bench.repository,
            budget,
            shares[drawn // len(_FORMS) % len(shares)],
            lambda searched, query: _hits(searched, query, form, drawn),
        )
        if not found.text:
            self.skip("nothing was found")
            return None
        lineage = (*candidate.lineage, *moving.sources(found.chunks))
        row = item_example(
            item, bench.tokenizer, budget, bench.repository, "train", lineage, found.text, self.kind
        )
        self.tally.tokens_seen += len(row.input_ids) + candidate.tokens_cut
        self.tally.tokens_truncated += candidate.tokens_cut
        return row


def _ever_older(chosen: Iterator[Candidate], snapshots: Snapshots) -> Iterator[tuple[int, Candidate]]:
    """Yield the candidates with the place of their tree, or of an older one: the index moves one way."""
    place = 0
    for candidate in chosen:
        place = max(place, snapshots.of(candidate.item.commit) or 0)
        yield place, candidate


def _hits(index: Index, query: str, form: str, drawn: int) -> Sequence[Hit]:
    """Return what is found, or with it or instead of it what stands elsewhere in the ranking."""
    if form == "found":
        return index.search(query, HITS)
    ranked = index.search(query, 4 * HITS)
    best, others = ranked[:_KEPT], ranked[HITS:]
    if form == "others":
        return others[:HITS]
    cut = drawn % (len(best) + 1)
    return [*others[:cut], *best, *others[cut:HITS]]


BUILDER = RetrievalAware
