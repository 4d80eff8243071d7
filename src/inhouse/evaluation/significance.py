"""When a difference counts as sure, by one rule for every comparison, and what n could have shown.

A difference is sure where three witnesses agree (`paired_difference` asks them, `sign` tells):

    interval    resampled by commit, it says how large a difference is; sure ones exclude zero
    exchange    arms exchanged in whole files or commits; the interval alone is too sure of few of them
    McNemar     for pass or fail: the pairs that differ are few and the bootstrap is optimistic, most of all
                when none differs, because then it has nothing to resample

With fewer than six files or commits no exchange is rare enough, and nothing is ever sure. Several suites that
are looked at together are corrected together (`holm`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from inhouse.evaluation.statistics import CONFIDENCE, POWER, Estimate, estimate_difference, p_value

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from typing import TypeVar

    from numpy.typing import NDArray

    from inhouse.evaluation.statistics import Sums

    Name = TypeVar("Name", bound=Hashable)

__all__ = [
    "SIGNIFICANCE",
    "holm",
    "mcnemar",
    "most_unseen",
    "paired_difference",
    "permutation_p",
    "power",
    "sign",
    "smallest_effect",
]

SIGNIFICANCE = round(1 - CONFIDENCE, 12)
"""A p value up to this one says that there is a difference."""

_STEPS = 30  # of halving
_NEGLIGIBLE = 1e-12
_ROUNDING = 1e-9
_EXCHANGES = 4000
_ALL_EXCHANGES = 12  # so many groups are exchanged in every way


def sign(difference: Estimate) -> int:
    """Return -1 or 1 where a difference is surely below or above zero, 0 where that cannot be told.

    `difference` is of `paired_difference`; nothing is told of an estimate that was not tested.
    """
    agreed = difference.trusted and difference.p <= SIGNIFICANCE
    if not agreed or difference.low <= 0.0 <= difference.high:
        return 0
    return 1 if difference.low > 0.0 else -1


def paired_difference(
    first: Sums,
    second: Sums,
    commits: Sequence[str],
    *,
    seed: int = 0,
    pairs: tuple[int, int] | None = None,
) -> Estimate:
    """Return the ratio of the first minus that of the second with its interval, its p value and its power.

    `first` and `second` are (numerators, denominators) with one entry per item. Where each item is one pass
    or one failure, `pairs` counts those that only the first and that only the second passed.
    """
    found = estimate_difference(first, second, commits, seed=seed)
    p = max(p_value(first, second, commits, seed=seed), permutation_p(first, second, commits, seed=seed))
    if pairs:
        found = _as_pairs(found, *pairs)
        p = max(p, mcnemar(*pairs))  # it does not know that tasks of one file resemble each other
    shows = 2 / 2**found.commits <= SIGNIFICANCE
    return replace(found, p=p if found.n else math.nan, detectable=found.detectable if shows else math.inf)


def mcnemar(first_only: int, second_only: int) -> float:
    """Return McNemar's exact p value for pairs of which `first_only` passed in the first arm alone.

    McNemar, Psychometrika 12, 1947: without a difference each pair that differs falls to either side like a
    fair coin. Pairs that agree say nothing. 1 where none differs.
    """
    differing = first_only + second_only
    rarer = min(first_only, second_only)
    ways = sum(math.comb(differing, number) for number in range(rarer + 1))
    return min(1.0, 2 * ways / (1 << differing))


def permutation_p(first: Sums, second: Sums, commits: Sequence[str], *, seed: int = 0) -> float:
    """Return the p value of a difference of two ratios when arms are exchanged in whole files or commits.

    Without a difference it does not matter which arm is called which: the share of random exchanges after
    which the difference is as large as it was, or larger (Fisher's randomization test). Few groups have few
    exchanges: five cannot show anything at the level of 5%. `first` and `second` are (numerators,
    denominators) with one entry per item.
    """
    names, positions = np.unique(np.asarray(commits), return_inverse=True)
    if not len(names):
        return 1.0
    columns = [
        np.bincount(positions, weights=np.asarray(column, dtype=float)) for column in (*first, *second)
    ]
    exchanged = _exchanges(len(names), seed)  # (exchanges, groups), the first row exchanges nothing
    top, bottom, other_top, other_bottom = (
        column.sum() + exchanged @ (other - column)
        for column, other in zip(columns, (*columns[2:], *columns[:2]), strict=True)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.abs(top / bottom - other_top / other_bottom)
    if not math.isfinite(sizes[0]):
        return 1.0
    return float(np.mean(sizes[np.isfinite(sizes)] >= sizes[0] * (1 - _ROUNDING)))


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Return p values adjusted for looking at all of them (Holm, Scandinavian Journal of Statistics 6, 1979).

    Those up to `SIGNIFICANCE` are significant together: the chance of even one false finding stays below it,
    however the tests hang together.
    """
    adjusted: dict[Name, float] = {}
    largest = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def power(pairs: int, effect: float, background: float) -> float:
    """Return the chance that McNemar's test finds a true difference of two pass rates in so many pairs.

    `effect` is the difference; `background` the share of pairs that differ in the other direction, and in
    the stronger one besides the effect.
    """
    more, less = min(1.0, background + effect), background
    share = min(1.0, more + less)
    if not pairs or not share:
        return 0.0
    differing = _binomial(pairs, share)  # (pairs + 1)
    found: list[float] = [
        differing[number] * _binomial(number, more / (more + less))[number - _most_against(number) :].sum()
        for number in np.flatnonzero(differing > _NEGLIGIBLE).tolist()
    ]
    return math.fsum(found)


@lru_cache(maxsize=4096)
def smallest_effect(pairs: int, first_only: int, second_only: int) -> float:
    """Return the smallest difference of two pass rates that pairs like these show with 90% power.

    What goes in the rarer direction is taken for chance, which works in both; a fair coin's rarer side falls
    short of a half by sqrt(n / 2 pi) on average. Infinite where even pairs that all differ in one direction
    would not be enough.
    """
    differing = first_only + second_only
    chance = min(differing / 2, min(first_only, second_only) + math.sqrt(differing / (2 * math.pi)))
    background = chance / pairs if pairs else 0.0
    low, high = 0.0, 1.0 - 2 * background
    if power(pairs, high, background) < POWER:
        return math.inf
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if power(pairs, middle, background) >= POWER else (middle, high)
    return high


def most_unseen(groups: int) -> float:
    """Return the largest share of something that may well not show up even once in so many groups.

    The upper end of the exact 95% interval of Clopper and Pearson (Biometrika 26, 1934) at zero: about 3.7
    divided by the number.
    """
    return 1.0 - (SIGNIFICANCE / 2) ** (1 / groups) if groups else 1.0


def _as_pairs(found: Estimate, first_only: int, second_only: int) -> Estimate:
    """Return a difference of pass rates with what McNemar's test could have seen.

    Where no pair differs, the bootstrap has nothing to resample and its interval has no width: then it
    reaches as far as pairs that differ may be missing from so many files or commits.
    """
    detectable = max(found.detectable, smallest_effect(found.n, first_only, second_only))
    if first_only or second_only or found.commits < 2:
        return replace(found, detectable=detectable)
    unseen = most_unseen(found.commits)
    return replace(found, low=-unseen, high=unseen, detectable=detectable)


@lru_cache(maxsize=8)
def _exchanges(groups: int, seed: int) -> NDArray[np.float64]:
    """Return in which groups arms are exchanged: in every way for a few groups, in many ways for more."""
    if groups <= _ALL_EXCHANGES:
        ways = np.arange(2**groups)[:, None] >> np.arange(groups) & 1
        return ways.astype(np.float64)
    random = np.random.default_rng((seed, groups))
    ways = random.integers(0, 2, size=(_EXCHANGES, groups))
    ways[0] = 0
    return ways.astype(np.float64)


@lru_cache(maxsize=4096)
def _most_against(differing: int) -> int:
    """Return how many of the pairs that differ may speak for the weaker arm; -1: it is never significant."""
    against = -1
    while against < differing / 2 and mcnemar(differing - against - 1, against + 1) <= SIGNIFICANCE:
        against += 1
    return against


def _binomial(number: int, share: float) -> NDArray[np.float64]:
    """Return the chances of 0 ... `number` successes."""
    if share in (0.0, 1.0):
        chances = np.zeros(number + 1)
        chances[number if share else 0] = 1.0
        return chances
    successes = np.arange(number + 1)
    logs = _choices(number) + successes * math.log(share) + (number - successes) * math.log1p(-share)
    return np.asarray(np.exp(logs), dtype=np.float64)


@lru_cache(maxsize=4096)
def _choices(number: int) -> NDArray[np.float64]:
    """Return the logarithms of the binomial coefficients of a number."""
    factorials = np.array([math.lgamma(value + 1) for value in range(number + 1)])
    return np.asarray(factorials[-1] - factorials - factorials[::-1], dtype=np.float64)
