"""Exact tests against tables, against scipy, and by simulation of what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.significance import (
    SIGNIFICANCE,
    holm,
    mcnemar,
    most_unseen,
    permutation_p,
    power,
    smallest_effect,
)

COUNTS = st.integers(0, 60)


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
