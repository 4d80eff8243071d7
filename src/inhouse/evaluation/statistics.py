"""Intervals for ratios of sums, resampled by commit.

Every measure here is a ratio of two sums over items: bits over bytes, right tokens over tokens, matches over
statements. Items of one commit resemble each other, so whole commits are drawn with replacement (the cluster
bootstrap) and the ratio is formed anew inside each resample. Two arms scored on the same items have the same
denominators, so the difference of their ratios is again such a ratio: its numerators are the paired
differences.

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

__all__ = [
    "CONFIDENCE",
    "MIN_COMMITS",
    "POWER",
    "RESAMPLES",
    "Estimate",
    "estimate",
    "sign",
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
    difference from zero that data like these show with 90% power.
    """

    value: float
    low: float
    high: float
    n: int  # items
    commits: int
    detectable: float

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
    if not len(numerators) == len(denominators) == len(commits):
        raise ValueError("numerators, denominators and commits differ in length")
    if not len(commits):
        return Estimate(math.nan, math.nan, math.nan, 0, 0, math.nan)
    names, positions = np.unique(np.asarray(commits), return_inverse=True)
    top = np.bincount(positions, weights=np.asarray(numerators, dtype=float))
    bottom = np.bincount(positions, weights=np.asarray(denominators, dtype=float))
    value = float(top.sum() / bottom.sum())
    clusters = len(names)
    if clusters == 1:
        return Estimate(value, -math.inf, math.inf, len(commits), 1, math.inf)
    times = _resamples(clusters, seed)  # (resamples, commits): how often each commit was drawn
    ratios = (times @ top) / (times @ bottom)
    low, high = np.quantile(ratios, _tails(clusters))
    return Estimate(value, float(low), float(high), len(commits), clusters, _detectable(ratios, clusters))


def sign(difference: Estimate) -> int:
    """Return -1 or 1 where a difference is surely below or above zero, 0 where that cannot be told."""
    if not difference.trusted or difference.low <= 0.0 <= difference.high:
        return 0
    return 1 if difference.low > 0.0 else -1


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
