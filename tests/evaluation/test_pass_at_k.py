"""pass@k is the published estimator, to the last digit that floats have."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import combinations
from math import comb

import pytest

from inhouse.evaluation.pass_at_k import SAMPLED, pass_at_k, pass_rates
from inhouse.evaluation.tasks import Judgement


def exact(n: int, c: int, k: int) -> Fraction:
    return 1 - Fraction(comb(n - c, k), comb(n, k))


def test_it_is_the_exact_formula_in_ten_thousand_random_cases() -> None:
    draw = random.Random(0)
    for _ in range(10_000):
        n = draw.randint(1, 200)
        c, k = draw.randint(0, n), draw.randint(1, n)
        assert pass_at_k(n, c, k) == pytest.approx(float(exact(n, c, k)), abs=1e-12)


def test_the_formula_counts_the_choices_that_hold_a_right_answer() -> None:
    right = [True, True, False, False, False]
    chosen = list(combinations(right, 3))
    assert pass_at_k(5, 2, 3) == pytest.approx(sum(map(any, chosen)) / len(chosen))


def test_the_ends_are_exact() -> None:
    assert [pass_at_k(10, 0, k) for k in (1, 5, 10)] == [0.0, 0.0, 0.0]
    assert [pass_at_k(10, 10, k) for k in (1, 5, 10)] == [1.0, 1.0, 1.0]
    assert pass_at_k(10, 1, 10) == 1.0
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)


def test_huge_numbers_do_not_overflow() -> None:
    assert pass_at_k(100_000, 50, 1_000) == pytest.approx(float(exact(100_000, 50, 1_000)), rel=1e-9)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 2, 0), (5, 2, 6)])
def test_what_cannot_be_told_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="cannot be told"):
        pass_at_k(n, c, k)


def judgement(task: str, arm: str, sample: int, top: float, measure: str = SAMPLED) -> Judgement:
    return Judgement("execution", measure, task, "group", arm, sample, top, 1.0, "")


def test_rates_are_by_task_and_arm_and_leave_the_greedy_answer_out() -> None:
    samples = [judgement("a", "base", number, float(number in (2, 5))) for number in range(1, 11)]
    samples += [judgement("a", "tuned", number, 1.0) for number in range(1, 11)]
    samples += [judgement("a", "base", 0, 1.0, "pass@1")]
    found = {(one.arm, one.measure): one.top for one in pass_rates(samples)}
    assert found == {
        ("base", "pass@5"): pytest.approx(pass_at_k(10, 2, 5)),
        ("base", "pass@10"): 1.0,
        ("tuned", "pass@5"): 1.0,
        ("tuned", "pass@10"): 1.0,
    }


def test_no_k_above_the_number_of_samples_is_told() -> None:
    samples = [judgement("a", "base", number, 0.0) for number in range(1, 6)]
    assert [one.measure for one in pass_rates(samples)] == ["pass@5"]
