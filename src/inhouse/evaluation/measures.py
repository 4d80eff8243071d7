"""What is measured on every item, summed up over items with an interval by commit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.significance import paired_difference, sign
from inhouse.evaluation.statistics import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inhouse.evaluation.statistics import Estimate
    from inhouse.records import Score

__all__ = [
    "BITS",
    "LOWER_IS_BETTER",
    "MEASURES",
    "Measure",
    "best_arm",
    "difference_of",
    "plain",
    "rounded",
    "value_of",
]

BITS = "bits_per_byte"
LOWER_IS_BETTER = (BITS,)
_DIGITS = 6  # significant ones: the last bits of a float depend on the processor


@dataclass(frozen=True, slots=True)
class Measure:
    """A ratio of sums over items. Items whose numerator is NaN were not measured."""

    top: Callable[[Score], float]
    bottom: Callable[[Score], float]
    pass_fail: bool = False  # is an item either right or wrong?


MEASURES = {
    BITS: Measure(lambda score: score.bits, lambda score: score.bytes),
    "next_token_accuracy": Measure(lambda score: score.top1, lambda score: score.tokens),
    "statement_exact": Measure(lambda score: score.statement_exact, lambda _: 1, pass_fail=True),
    "statement_identifiers": Measure(lambda score: score.identifiers, lambda _: 1),
}


def value_of(scores: Sequence[Score], measure: Measure, seed: int = 0) -> Estimate:
    """Return one arm's value over its items."""
    measured = [score for score in scores if not math.isnan(measure.top(score))]
    return estimate(
        [measure.top(score) for score in measured],
        [measure.bottom(score) for score in measured],
        [score.commit for score in measured],
        seed=seed,
    )


def difference_of(
    first: Sequence[Score], second: Sequence[Score], measure: Measure, seed: int = 0
) -> Estimate:
    """Return first minus second, paired: both hold the scores of the same items in the same order."""
    if [score.item for score in first] != [score.item for score in second]:
        raise ValueError("paired scores must be of the same items in the same order")
    both = [
        (one, two)
        for one, two in zip(first, second, strict=True)
        if not math.isnan(measure.top(one) - measure.top(two))
    ]
    one, two = (
        ([measure.top(pair[arm]) for pair in both], [measure.bottom(pair[arm]) for pair in both])
        for arm in (0, 1)
    )
    passed = list(zip(one[0], two[0], strict=True))
    pairs = (passed.count((1.0, 0.0)), passed.count((0.0, 1.0))) if measure.pass_fail else None
    return paired_difference(one, two, [score.commit for score, _ in both], seed=seed, pairs=pairs)


def best_arm(scores: Mapping[str, Sequence[Score]], seed: int = 0) -> str:
    """Return the arm that has fewer bits per byte than each other one with confidence, or "".

    Each comparison is made at the full level: all of them have to hold, so none needs a correction
    (the intersection-union test).
    """
    bits = MEASURES[BITS]
    if not any(scores.values()):
        return ""
    first = min(scores, key=lambda arm: value_of(scores[arm], bits, seed).value)
    others = [arm for arm in scores if arm != first]
    wins = [sign(difference_of(scores[first], scores[arm], bits, seed)) == -1 for arm in others]
    return first if all(wins) else ""


def plain(found: Estimate, *, detectable: bool = False, tested: bool = False) -> dict[str, Any]:
    """Return an estimate as JSON values; null where there is no interval: no number is shown without one.

    A difference that was `tested` has its p value, and "sure": -1 or 1 where it surely lies below or above
    zero, 0 where that cannot be told.
    """
    values = {"value": found.value, "low": found.low, "high": found.high}
    if detectable or tested:
        values["detectable"] = found.detectable
    if not math.isfinite(found.high - found.low):
        values = dict.fromkeys(values, math.nan)
    counts = {"n": found.n, "commits": found.commits}
    told = {"p": rounded(found.p), "sure": sign(found)} if tested else {}
    return {name: rounded(value) for name, value in values.items()} | counts | told


def rounded(value: float) -> float | None:
    """Return a number with digits that every machine agrees on; null for what is no number."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
