"""Critiques: what is wrong with this code, and why; the code is shown and never carries loss.

What makes a negative is told in `negatives`. The answer is what the later commit said, or the rule that a
call breaks, and then the lines that took its place.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.negatives import Negative, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.records import Example

__all__ = ["BUILDER", "Critiques"]

_ASKED = {
    "reverted": "This was taken back later. What is wrong here, and why?",
    "later fixed": "What is wrong here, and why?",
    "in review": "What would a reviewer ask to change here, and why?",
    "insecure": "Is this secure? Say what is wrong here, and why.",
}


class Critiques(Builder):
    """Makes a row of each negative for which somebody gave a reason."""

    kind = "critique"
    line = "from code that was reverted, fixed, changed in review or is insecure to what is wrong with it"

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, the sources of negatives in turn."""
        by_source: dict[str, list[Negative]] = {source: [] for source in _ASKED}
        for negative in past.negatives:
            self.tally.sources += 1
            if negative.why:
                by_source[negative.source].append(negative)
            else:
                self.skip("nobody said why")
        for turn in zip_longest(*by_source.values()):
            for negative in filter(None, turn):
                row = self._row(negative)
                if row is not None:
                    yield row

    def _row(self, negative: Negative) -> Example | None:
        fence = f"```{negative.language}\n"
        piece = f"Review this piece of `{negative.path}` in {self.bench.repository}."
        question = f"{piece} {_ASKED[negative.source]}\n\n{fence}{_ended(negative.shown)}```"
        answer = negative.why
        if negative.better.strip() and plain(negative.better) != plain(negative.code):
            answer += f"\n\nThis took its place:\n\n{fence}{_ended(negative.better)}```"
        place: list[str | int] = [negative.source, negative.path, negative.line, negative.commit]
        return self.conversation(question, answer, negative.lineage, place)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


BUILDER = Critiques
