"""Contamination: an item that was trained on, or stands in the tree already, measures memory.

It is removed from the evaluated side; the training text stays. What it repeats is named, so that a reviewer
can look. The rule is containment of the target's token shingles in one text (`hygiene.duplicates`). Why it
must go: Allamanis 2019, "The adverse effects of code duplication" (https://arxiv.org/abs/1812.06469).

It finds every exact copy (share 1) and copies of which up to a fifth was changed. A run of twelve words alone
removes no item: new code of a repository shares imports and signatures with the old, and without these it
would be less like what is written there. Which rows do so is in `overlap.parquet`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.hygiene.duplicates import SpanIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.material import Placed

__all__ = ["THRESHOLD", "Seen"]

THRESHOLD = 0.8
"""Share of a target's shingles in one text from which it counts as a copy."""


class Seen:
    """The texts that an item must not repeat. It grows: held-out items have more to be compared with."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._index = SpanIndex(threshold)
        self._documents: set[str] = set()

    def add(self, texts: Iterable[Placed]) -> None:
        """Add texts, each once."""
        for placed in texts:
            if placed.document not in self._documents:
                self._documents.add(placed.document)
                self._index.add(placed.occurrence, placed.text)

    def check(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """Yield the candidates; those that repeat a text, or the target of an earlier one, are removed."""
        targets: dict[str, Candidate] = {}
        for candidate in candidates:
            if candidate.removed:
                yield candidate
                continue
            target = candidate.item.target
            first = targets.setdefault(target, candidate)
            found = self._index.find(target)
            if found is not None:
                yield candidate.without("seen before", *found)
            elif first is not candidate:
                yield candidate.without("same as another item", first.lineage[0], 1.0)
            else:
                yield candidate
