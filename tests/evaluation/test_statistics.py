"""Intervals by commit: checked against a loop, by simulation, and by properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.evaluation.statistics import (
    RESAMPLES,
    Estimate,
    estimate,
    student_t,
)

CLUSTERS = 36
T_975_35, T_900_35 = 2.0301079, 1.3062118  # from tables
ITEMS = st.lists(
    st.tuples(st.floats(-50, 50), st.integers(1, 400), st.integers(0, 11)), min_size=2, max_size=30
)


def draw(random, clusters=CLUSTERS, effect=0.0):
    """Paired differences of items in commits of 1 to 4 items: most of the spread lies between commits."""
    names, tops, bottoms = [], [], []
    for commit in range(clusters):
        shift = random.normal(effect, 0.05)
        for _ in range(random.integers(1, 5)):
            size = int(random.integers(40, 300))
            names.append(f"c{commit:03d}")
            bottoms.append(size)
            tops.append(size * (shift + random.normal(0, 0.03)))
    return tops, bottoms, names


def test_the_vectorised_bootstrap_equals_a_plain_loop():
    tops, bottoms, names = draw(np.random.default_rng(1))
    order = sorted(set(names))
    items_of = {
        name: [(t, b) for t, b, n in zip(tops, bottoms, names, strict=True) if n == name] for name in order
    }
    drawn = np.random.default_rng((5, CLUSTERS)).integers(0, CLUSTERS, size=(RESAMPLES, CLUSTERS))
    ratios = []
    for resample in drawn:
        items = [item for number in resample for item in items_of[order[number]]]
        ratios.append(sum(top for top, _ in items) / sum(bottom for _, bottom in items))
    tail = 0.5 * math.erfc(T_975_35 * math.sqrt(CLUSTERS / (CLUSTERS - 1)) / math.sqrt(2))
    found = estimate(tops, bottoms, names, seed=5)
    assert found.value == pytest.approx(sum(tops) / sum(bottoms))
    assert found.low == pytest.approx(np.quantile(ratios, tail), abs=1e-6)
    assert found.high == pytest.approx(np.quantile(ratios, 1 - tail), abs=1e-6)
    spread = float(np.std(ratios)) * math.sqrt(CLUSTERS / (CLUSTERS - 1))
    assert found.detectable == pytest.approx(spread * (T_975_35 + T_900_35), rel=1e-5)


@pytest.mark.parametrize(
    ("probability", "degrees", "table"),
    [(0.975, 4, 2.7764), (0.975, 9, 2.2622), (0.975, 29, 2.0452), (0.9, 4, 1.5332), (0.9, 29, 1.3114)],
)
def test_t_quantiles_are_those_of_the_tables(probability, degrees, table):
    assert student_t(probability, degrees) == pytest.approx(table, abs=2e-3)


@pytest.mark.parametrize("clusters", [8, 36])
def test_nominal_95_percent_covers_the_truth_about_95_times_in_100(clusters):
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        found = estimate(*draw(random, clusters, effect=0.02))
        covered += found.low <= 0.02 <= found.high
    assert 0.92 <= covered / 400 <= 0.975


def test_ignoring_commits_would_have_claimed_too_much():
    """Items of one commit that move together: resampling items instead of commits gives a false certainty."""
    tops, bottoms, names = draw(np.random.default_rng(6), clusters=12)
    tops, bottoms, names = tops * 6, bottoms * 6, names * 6
    by_commit = estimate(tops, bottoms, names)
    by_item = estimate(tops, bottoms, [str(number) for number in range(len(names))])
    assert by_commit.high - by_commit.low > 2 * (by_item.high - by_item.low)


def test_identical_arms_differ_by_exactly_nothing():
    found = estimate([0.0] * 40, [7] * 40, [f"c{number % 9}" for number in range(40)])
    assert (found.value, found.low, found.high, found.detectable) == (0.0, 0.0, 0.0, 0.0)


def test_one_commit_has_an_unbounded_interval_and_none_has_no_value():
    one = estimate([1.0, 2.0], [2, 2], ["a", "a"])
    assert one == Estimate(0.75, -math.inf, math.inf, 2, 1, math.inf)
    none = estimate([], [], [])
    assert math.isnan(none.value)
    assert (none.n, none.commits) == (0, 0)


def test_columns_of_different_length_are_a_bug():
    with pytest.raises(ValueError, match="differ in length"):
        estimate([1.0], [1, 2], ["a", "b"])


def test_the_order_of_the_items_does_not_matter():
    tops, bottoms, names = draw(np.random.default_rng(7))
    order = np.random.default_rng(8).permutation(len(names))
    again = estimate(*([column[number] for number in order] for column in (tops, bottoms, names)))
    assert again.low == pytest.approx(estimate(tops, bottoms, names).low, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(ITEMS, st.floats(0.1, 10))
def test_swapping_arms_flips_the_interval_and_scaling_scales_it(items, factor):
    tops, bottoms, commits = zip(*items, strict=True)
    names = [str(commit) for commit in commits]
    one = estimate(tops, bottoms, names)
    other = estimate([-factor * top for top in tops], bottoms, names)
    if one.commits == 1:
        assert (other.low, other.high) == (-math.inf, math.inf)
        return
    near = {"rel": 1e-9, "abs": 1e-9}
    assert other.value == pytest.approx(-factor * one.value, **near)
    assert other.low == pytest.approx(-factor * one.high, **near)
    assert other.high == pytest.approx(-factor * one.low, **near)


@settings(max_examples=60, deadline=None)
@given(ITEMS)
def test_the_interval_lies_within_the_ratios_of_single_commits(items):
    tops, bottoms, commits = zip(*items, strict=True)
    found = estimate(tops, bottoms, [str(commit) for commit in commits])
    sums: dict[int, list[float]] = {}
    for top, bottom, commit in items:
        total = sums.setdefault(commit, [0.0, 0.0])
        total[0] += top
        total[1] += bottom
    ratios = [top / bottom for top, bottom in sums.values()]
    if found.commits > 1:
        assert min(ratios) - 1e-9 <= found.low <= found.high <= max(ratios) + 1e-9
    assert min(ratios) - 1e-9 <= found.value <= max(ratios) + 1e-9
