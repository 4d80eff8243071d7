"""Intervals for ratios of sums, resampled by commit.

Every measure here is a ratio of two sums over items: bits over bytes, right tokens over tokens, matches over
statements. Items of one commit resemble each other, so whole commits are drawn with replacement (the cluster
bootstrap) and the ratio is formed anew inside each resample. Two arms scored on the same items mostly have
the same denominators, so the difference of their ratios is again such a ratio: its numerators are the paired
differences. Where what is counted hangs on the answer (conventions that apply to it, lines that it has), each
arm has denominators of its own, and both ratios are formed inside each resample.

The interval is the expanded percentile interval of Hesterberg (What Teachers Should Know About the Bootstrap,
The American Statistician 69(4), 2015, section 5.3). The plain percentile interval of C commits is too narrow
by about sqrt((C - 1) / C) times the ratio of a normal to a t quantile, which matters below some thirty
commits; reading the quantiles further out mends both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Sums = tuple[Sequence[float], Sequence[float]]
    """Numerators and denominators, one entry per item."""

__all__ = [
    "CONFIDENCE",
    "MIN_COMMITS",
    "POWER",
    "RESAMPLES",
    "Estimate",
    "estimate",
    "estimate_difference",
    "p_value",
    "resampled_sums",
    "spread",
    "student_t",
]

CONFIDENCE = 0.95
"""Share of repetitions in which an interval covers the true value."""

POWER = 0.9
"""Chance with which an effect of the size `Estimate.detectable` is found."""

RESAMPLES = 4000
MIN_COMMITS = 5
"""With fewer commits there is no interval to be trusted, and nothing is concluded from it."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A ratio of sums, or a paired difference of two, with its interval.

    Without items all is NaN; with one commit the interval is unbounded. `detectable` is the smallest true
    difference from zero that data like these show with 90% power. `p` is the chance of a difference as large
    where there is none; NaN where nobody asked (`significance.paired_difference` does).
    """

    value: float
    low: float
    high: float
    n: int  # items
    commits: int
    detectable: float
    p: float = math.nan

    @property
    def trusted(self) -> bool:
        """Are there enough commits for the interval to mean what it says?"""
        return self.commits >= MIN_COMMITS


def estimate(
    numerators: Sequence[float], denominators: Sequence[float], commits: Sequence[str], *, seed: int = 0
) -> Estimate:
    """Return sum(numerators) / sum(denominators) over items with its 95% interval resampled by commit.

    The three sequences hold one entry per item; denominators are positive. The same seed and number of
    commits give the same resamples, so that the intervals of several measures of one run belong together.
    """
    nothing = [0.0] * len(numerators)
    return estimate_difference((numerators, denominators), (nothing, denominators), commits, seed=seed)


def estimate_difference(first: Sums, second: Sums, commits: Sequence[str], *, seed: int = 0) -> Estimate:
    """Return the ratio of the first minus that of the second, paired by item and resampled by commit.

    Each is (numerators, denominators) with one entry per item. Resamples in which one of the ratios is not
    defined, because nothing was counted in the commits drawn, are left out.
    """
    drawn = _draw(first, second, commits, seed)
    items, clusters = len(commits), drawn.clusters
    if not math.isfinite(drawn.value):
        return Estimate(math.nan, math.nan, math.nan, items, clusters, math.nan)
    if clusters == 1:
        return Estimate(drawn.value, -math.inf, math.inf, items, 1, math.inf)
    low, high = spread(drawn.ratios, clusters)
    return Estimate(drawn.value, low, high, items, clusters, _detectable(drawn.ratios, clusters))


def p_value(first: Sums, second: Sums, commits: Sequence[str], *, seed: int = 0) -> float:
    """Return the two-sided p value of a difference: 1 - the confidence at which its interval meets 0.

    It never falls below what the number of resamples can show; 1 where there is no interval.
    """
    drawn = _draw(first, second, commits, seed)
    if drawn.clusters < 2 or not math.isfinite(drawn.value) or not drawn.value:
        return 1.0
    beyond = drawn.ratios <= 0 if drawn.value > 0 else drawn.ratios >= 0
    share = (int(beyond.sum()) + 1) / (len(drawn.ratios) + 1)
    quantile = -NormalDist().inv_cdf(share) * math.sqrt((drawn.clusters - 1) / drawn.clusters)
    return _two_sided(quantile, drawn.clusters - 1)


def resampled_sums(rows: NDArray[np.float64], commits: Sequence[str], seed: int) -> NDArray[Any] | None:
    """Return the column sums of rows (items, columns) in every resample of commits: (resamples, columns).

    For measures that are no ratio of two sums. None where there is but one commit, or none.
    """
    names, positions = np.unique(np.asarray(commits), return_inverse=True)
    if len(names) < 2:
        return None
    columns = [np.bincount(positions, weights=column) for column in rows.T]
    return _resamples(len(names), seed) @ np.stack(columns, axis=1)


def spread(resampled: NDArray[np.float64], clusters: int) -> tuple[float, float]:
    """Return the ends of the 95% interval of a value, given it in every resample of so many commits."""
    low, high = np.quantile(resampled, _tails(clusters))
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A difference of two ratios, and the same in every resample in which it is defined."""

    value: float
    ratios: NDArray[np.float64]  # (resamples)
    clusters: int


def _draw(first: Sums, second: Sums, commits: Sequence[str], seed: int) -> _Drawn:
    columns = (*first, *second)
    if {len(column) for column in columns} != {len(commits)}:
        raise ValueError("numerators, denominators and commits differ in length")
    names, positions = np.unique(np.asarray(commits), return_inverse=True)
    clusters = len(names)
    if not clusters:
        return _Drawn(math.nan, np.empty(0), 0)
    sums = [np.bincount(positions, weights=np.asarray(column, dtype=float)) for column in columns]
    value = float(_difference(*(column.sum() for column in sums)))
    if clusters == 1:
        return _Drawn(value, np.empty(0), 1)
    times = _resamples(clusters, seed)  # (resamples, commits): how often each commit was drawn
    ratios = _difference(*(times @ column for column in sums))
    return _Drawn(value, ratios[np.isfinite(ratios)], clusters)


def _difference(top: Any, bottom: Any, other_top: Any, other_bottom: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        if np.array_equal(bottom, other_bottom):
            return (top - other_top) / bottom
        return top / bottom - other_top / other_bottom


def student_t(probability: float, degrees: int) -> float:
    """Return a quantile of Student's t distribution, to three digits from four degrees of freedom on.

    Cornish-Fisher expansion: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / degrees**power for power, term in enumerate(terms)))


def _two_sided(quantile: float, degrees: int) -> float:
    """Return the p value of a t statistic, by halving: `student_t` rises with the probability."""
    low, high = 0.0, 1.0  # of the p value
    for _ in range(40):
        middle = (low + high) / 2
        if student_t(1 - middle / 2, degrees) > quantile:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=8)
def _resamples(clusters: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng((seed, clusters))
    drawn = random.integers(0, clusters, size=(RESAMPLES, clusters))
    rows = np.arange(RESAMPLES)[:, None] * clusters
    counts = np.bincount((drawn + rows).ravel(), minlength=RESAMPLES * clusters)
    return counts.reshape(RESAMPLES, clusters).astype(np.float64)


def _tails(clusters: int) -> tuple[float, float]:
    quantile = student_t((1 + CONFIDENCE) / 2, clusters - 1)
    tail = NormalDist().cdf(-quantile * math.sqrt(clusters / (clusters - 1)))
    return tail, 1 - tail


def _detectable(ratios: NDArray[Any], clusters: int) -> float:
    error = float(ratios.std()) * math.sqrt(clusters / (clusters - 1))
    degrees = clusters - 1
    return error * (student_t((1 + CONFIDENCE) / 2, degrees) + student_t(POWER, degrees))
