"""How much of the context retrieved text may take: chosen on the validation period, never on held-out items.

At small budgets the text before the cursor may be worth more than anything retrieved, at larger ones less, so
the share is tried out with the base model on items of the validation period, whose index knows nothing of
them. Zero is always tried. The lowest number of bits per byte wins; the smaller share on a tie.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.evaluation.arms import RETRIEVED, Arm, Retriever
from inhouse.evaluation.likelihood import plan, score_shards, tokens_of
from inhouse.evaluation.measures import BITS, MEASURES, value_of
from inhouse.evaluation.sampling import even_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.evaluation.arms import Bench, Case
    from inhouse.evaluation.statistics import Estimate
    from inhouse.records import Item
    from inhouse.retrieval.index import Index

__all__ = ["ShareChoice", "choose_share"]


@dataclass(frozen=True, slots=True)
class ShareChoice:
    """The share of the context that retrieved text may take, and how it was found."""

    share: float
    reason: str  # a sentence
    tried: dict[str, Estimate] = field(default_factory=dict)  # share: bits per byte of validation items
    tokens: int = 0


def choose_share(
    bench: Bench, items: Sequence[Item], index: Index | None, shares: Sequence[float], budget: int
) -> ShareChoice:
    """Score validation items with each share and with none, and return the best.

    Where no validation item can be scored the smallest share is taken untried. Raises ValueError for an item
    that is not of the validation period.
    """
    if any(item.split != "validation" for item in items):
        raise ValueError("the retrieval share may only be chosen on validation items")
    if not shares:
        return ShareChoice(0.0, "The settings allow retrieved text no share of the context.")
    tried = [0.0, *sorted(shares)]
    planned: list[list[Case]] = []
    if items and index is not None:
        retrievers = {share: Retriever(index, bench, share) for share in tried}
        planned = plan(even_order(items, bench.seed), lambda item: _cases(bench, item, retrievers), budget)
    if not planned:
        untried = (
            f"No validation item could be scored, so the smallest share, {tried[1]:g}, was taken untried."
        )
        return ShareChoice(tried[1], untried)
    scores = score_shards(bench, planned, "shares", "retrieval share")
    own = {f"{share:g}": [score for score in scores if score.arm == f"{share:g}"] for share in tried}
    values = {share: value_of(found, MEASURES[BITS], bench.seed) for share, found in own.items()}
    # The first of equals, and shares ascend. Equal contexts score equally but for the last digits.
    best = min(tried, key=lambda share: round(values[f"{share:g}"].value, 6))
    return ShareChoice(best, _reason(best, len(planned)), values, tokens_of(planned))


def _cases(bench: Bench, item: Item, retrievers: dict[float, Retriever]) -> list[Case]:
    cases = []
    for share, retriever in retrievers.items():
        arm = Arm(f"{share:g}", tuned=False, text=RETRIEVED if share else "")
        cases += bench.cases(item, [arm], {RETRIEVED: retriever})
    return cases


def _reason(share: float, items: int) -> str:
    if not share:
        return f"Retrieved text made {items} validation items no likelier at any share, so it is not used."
    return f"Of the shares tried on {items} validation items, {share:g} made them likeliest."
