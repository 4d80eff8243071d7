"""Exact tests against tables, against scipy, and by simulation of what they promise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.significance import (
    SIGNIFICANCE,
    holm,
    mcnemar,
    most_unseen,
    paired_difference,
    permutation_p,
    power,
    sign,
    smallest_effect,
)
from inhouse.evaluation.statistics import MIN_COMMITS, Estimate, estimate
from tests.evaluation.test_statistics import draw

COUNTS = st.integers(0, 60)


def against_nothing(tops, bottoms, names, **options):
    """Return the difference of an arm from one that has nothing in any item."""
    return paired_difference((tops, bottoms), ([0.0] * len(tops), bottoms), names, **options)


# ------------------------------------------------------------------ the one rule


@pytest.mark.parametrize("commits", [9, 36])
def test_no_difference_is_found_where_there_is_none(commits):
    """A/A: which arm is called which is decided by a coin for each commit."""
    random = np.random.default_rng(3)
    tops, bottoms, names = draw(random, commits)
    found = 0
    for _ in range(200):
        coin = dict(zip(sorted(set(names)), random.choice([-1.0, 1.0], commits), strict=True))
        flipped = [top * coin[name] for top, name in zip(tops, names, strict=True)]
        found += sign(against_nothing(flipped, bottoms, names)) != 0
    assert found <= 15


@pytest.mark.parametrize("commits", [9, 36])
def test_an_effect_of_the_detectable_size_is_found_as_often_as_promised(commits):
    random = np.random.default_rng(4)
    size = float(np.mean([against_nothing(*draw(random, commits)).detectable for _ in range(50)]))
    found = sum(sign(against_nothing(*draw(random, commits, effect=-size))) == -1 for _ in range(200))
    assert 160 <= found <= 195


def test_a_difference_is_sure_only_where_interval_and_tests_agree():
    clear = Estimate(-0.05, -0.06, -0.04, 60, 41, 0.02, 0.001)
    assert sign(clear) == -1
    assert sign(replace(clear, value=0.05, low=0.04, high=0.06)) == 1
    assert sign(replace(clear, high=0.0)) == 0
    assert sign(replace(clear, p=0.051)) == 0
    assert sign(replace(clear, p=SIGNIFICANCE)) == -1
    assert sign(replace(clear, commits=MIN_COMMITS - 1)) == 0


def test_an_estimate_that_was_not_tested_is_never_sure():
    assert sign(estimate([-5.0] * 30, [10] * 30, [f"c{number}" for number in range(30)])) == 0


def test_five_commits_show_nothing_however_clear_they_look_and_six_do():
    """Of 32 exchanges of five commits two are as extreme as the clearest: p is never below .0625."""
    five = against_nothing([-5.0] * 10, [10] * 10, list("abcde") * 2)
    assert (five.high < 0, five.p, five.detectable, sign(five)) == (True, 2 / 32, math.inf, 0)
    six = against_nothing([-5.0] * 12, [10] * 12, list("abcdef") * 2)
    assert (six.p, math.isfinite(six.detectable), sign(six)) == (2 / 64, True, -1)


def test_pairs_of_pass_and_fail_are_tested_besides():
    """Five of thirty tasks, all for one arm: the bootstrap is sure of it, McNemar is not."""
    tops, ones = [1.0] * 5 + [0.0] * 25, [1.0] * 30
    names = [f"c{number}" for number in range(30)]
    assert against_nothing(tops, ones, names, pairs=(5, 0)).p == mcnemar(5, 0) == 2 / 32
    six = [1.0] * 6 + [0.0] * 24
    assert sign(against_nothing(six, ones, names, pairs=(6, 0))) == 1


def test_without_items_there_is_no_p_value():
    none = against_nothing([], [], [])
    assert math.isnan(none.p) and sign(none) == 0


def test_identical_arms_differ_by_exactly_nothing_and_surely_by_nothing():
    found = against_nothing([0.0] * 40, [7] * 40, [f"c{number % 9}" for number in range(40)])
    assert (found.value, found.low, found.high, found.detectable, found.p) == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert sign(found) == 0


# ------------------------------------------------------------------ its witnesses


@given(COUNTS, COUNTS)
def test_mcnemar_is_the_exact_binomial_test_of_scipy(first, second):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_at_the_edge_of_significance():
    assert mcnemar(0, 5) == 2 / 32  # five pairs that all say the same are not enough
    assert mcnemar(0, 6) == 2 / 64  # six are
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(7, 7) == 1.0


def test_holm_multiplies_the_smallest_by_all_the_next_by_one_less_and_never_falls():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a": pytest.approx(0.03), "b": 0.06, "c": 0.06}
    assert holm({"alone": 0.04}) == {"alone": 0.04}
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_lies_between_no_correction_and_that_of_bonferroni(p_values):
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    for name, value in p_values.items():
        assert value <= adjusted[name] <= 1.0
        assert adjusted[name] <= min(1.0, len(p_values) * value) or adjusted[name] == max(
            adjusted[other] for other in p_values if p_values[other] <= value
        )


@pytest.mark.parametrize(
    ("pairs", "effect", "background"), [(60, 0.15, 0.05), (164, 0.06, 0.02), (40, 0.3, 0.0)]
)
def test_the_power_is_how_often_the_test_really_says_yes(pairs, effect, background):
    random = np.random.default_rng(1)
    more, less = background + effect, background
    counts = random.multinomial(pairs, [more, less, 1 - more - less], size=4000)
    found = np.mean([mcnemar(int(one), int(other)) <= SIGNIFICANCE for one, other, _ in counts])
    assert power(pairs, effect, background) == pytest.approx(found, abs=0.025)


def test_what_no_differing_pair_could_have_hidden():
    """164 problems, both arms with the same answers: a loss of 6 points would have shown, 3 would not."""
    effect = smallest_effect(164, 0, 0)
    assert 0.05 < effect < 0.06
    assert power(164, effect, 0.0) == pytest.approx(0.9, abs=1e-4)
    assert power(164, 0.03, 0.0) < 0.5


def test_noise_in_both_directions_hides_more():
    quiet, noisy = smallest_effect(60, 0, 3), smallest_effect(60, 6, 9)
    assert quiet < noisy < 1


def test_five_pairs_can_show_nothing():
    assert smallest_effect(5, 0, 0) == math.inf
    assert smallest_effect(0, 0, 0) == math.inf
    assert smallest_effect(6, 0, 0) < 1


def test_what_never_happened_may_still_happen_now_and_then():
    assert most_unseen(60) == pytest.approx(0.0596, abs=1e-4)  # Clopper and Pearson, 0 of 60
    assert most_unseen(0) == 1.0


def test_exchanging_whole_commits_gives_the_share_of_exchanges_that_look_as_strong():
    """Six commits that all say the same: of 64 exchanges only two look as strong. Five: two of 32."""
    tops = [3.0, 2.0, 4.0, 3.0, 5.0, 2.0]
    ones, zeros = [10.0] * 6, [0.0] * 6
    names = list("abcdef")
    assert permutation_p((tops, ones), (zeros, ones), names) == 2 / 64
    assert permutation_p((tops[:5], ones[:5]), (zeros[:5], ones[:5]), names[:5]) == 2 / 32
    assert permutation_p((tops, ones), (tops, ones), names) == 1.0
    assert permutation_p(([], []), ([], []), []) == 1.0


def test_a_hundred_items_of_six_commits_are_no_more_than_six_exchanges():
    names = [f"c{number % 6}" for number in range(100)]
    tops, bottoms = [1.0] * 100, [4.0] * 100
    assert permutation_p((tops, bottoms), ([0.0] * 100, bottoms), names) == 2 / 64


def test_each_arm_brings_its_own_denominators_into_the_exchange():
    """Twice as many of twice as many is no difference, however unlike the counts are."""
    names = [f"c{number}" for number in range(20)]
    counts = [float(number % 5 + 1) for number in range(20)]
    doubled = [2 * count for count in counts]
    assert permutation_p((counts, [9.0] * 20), (doubled, [18.0] * 20), names) == 1.0
