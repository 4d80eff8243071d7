"""Judgements to results: hand-made tables whose answers are known, and the scores of a real comparison."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.evaluation.results import (
    GENERAL_CODE,
    LIKELIHOOD,
    PAIRS,
    compare_arms,
    likelihood_judgements,
    results,
)
from inhouse.evaluation.statistics import MIN_COMMITS
from tests.evaluation.judged import bits, judgement, pass_fail
from tests.evaluation.test_compare import compare, write_dataset

ARMS = ("base", "tuned")


def passes(arms, suite="execution", measure="pass@1"):
    """{"base": "1100..."}: one task of its own file for each digit."""
    return [
        judgement(suite, measure, f"t{place:03d}", arm, int(digit), note=f"{arm} {digit}")
        for arm, digits in arms.items()
        for place, digit in enumerate(digits)
    ]


def test_pass_and_fail_are_counted_in_pairs():
    found = results(passes({"base": "1" * 10 + "0" * 20, "tuned": "0" + "1" * 18 + "0" * 11}))
    entry = found["execution"]["pass@1"]
    assert entry["arms"]["base"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    assert (entry["arms"]["tuned"]["top"], entry["arms"]["tuned"]["bottom"]) == (18, 30)
    difference = entry["differences"]["tuned - base"]
    assert difference["mcnemar"] == {"first_only": 9, "second_only": 1, "p": 0.0214844}
    assert difference["value"] == pytest.approx(8 / 30, abs=1e-6)
    assert difference["better"] == "tuned"
    assert [sample["task"] for sample in difference["lost"]] == ["t000"]
    assert len(difference["gained"]) == 9
    assert difference["gained"][0] == {
        "task": "t010", "group": "g-t010", "first": 1.0, "second": 0.0, "note": "tuned 1"
    }  # fmt: skip


def test_where_less_is_better_the_smaller_arm_wins():
    found = results(bits({"base": 0.0, "tuned": -0.1}))[LIKELIHOOD]["bits_per_byte"]
    assert found["lower_is_better"] is True
    assert found["differences"]["tuned - base"]["better"] == "tuned"
    assert found["differences"]["tuned - base"]["high"] < 0
    assert found["differences"]["tuned - base"]["gained"][0]["first"] < 1.2


def test_two_arms_that_never_pass_differ_by_an_unknown_amount_not_by_exactly_nothing():
    found = results(passes({"base": "0" * 20, "tuned": "0" * 20}))["execution"]["pass@1"]
    assert found["arms"]["base"] | {"samples": 0} == {
        "value": 0.0, "low": 0.0, "high": 0.168433, "n": 20, "commits": 20, "samples": 0,
        "top": 0, "bottom": 20
    }  # fmt: skip
    difference = found["differences"]["tuned - base"]
    assert (difference["low"], difference["high"]) == (-0.168433, 0.168433)
    assert difference["detectable"] > 0.3
    assert "an effect below 4" in difference["sentence"]
    assert difference["sentence"].startswith(
        "No difference shows between tuned and base (+0.0 points, 95% int"
    )


def test_six_tasks_can_show_nothing_of_any_size_and_say_so():
    found = results(passes({"base": "01" * 3, "tuned": "10" * 3}))["execution"]["pass@1"]
    assert found["differences"]["tuned - base"]["detectable"] is None
    assert "no effect of any size could have shown" in found["differences"]["tuned - base"]["sentence"]


def test_few_files_cannot_tell():
    found = results(passes({"base": "0000", "tuned": "1111"}))["execution"]["pass@1"]
    difference = found["differences"]["tuned - base"]
    assert difference["better"] == ""
    assert difference["sentence"] == (
        "Whether tuned differs from base cannot be told from 4 tasks of 4 files or commits: "
        f"an interval to be trusted takes {MIN_COMMITS}."
    )


@pytest.mark.parametrize(
    ("measure", "passing", "discriminating"),
    [
        ("pass@1", 4, False),
        ("pass@1", 5, True),
        ("pass@1", 95, True),
        ("pass@1", 96, False),
        ("pass@1 (completion)", 1, False),
        ("bits_per_byte", 1, True),
    ],
)
def test_a_base_near_the_floor_or_the_ceiling_cannot_tell_arms_apart(measure, passing, discriminating):
    digits = "1" * passing + "0" * (100 - passing)
    found = results(passes({"base": digits, "tuned": "1" * 100}, measure=measure))["execution"][measure]
    assert found["discriminating"] is discriminating
    assert bool(found["reason"]) is not discriminating


def test_arms_are_compared_on_the_tasks_and_samples_that_both_have():
    base = [judgement("s", "sampled", f"t{t}", "base", s % 2, sample=s) for t in range(8) for s in range(4)]
    tuned = [judgement("s", "sampled", f"t{t}", "tuned", 1, sample=s) for t in range(2, 9) for s in range(2)]
    found = results(base + tuned)["s"]["sampled"]
    assert (found["arms"]["base"]["n"], found["arms"]["base"]["samples"]) == (8, 32)
    difference = found["differences"]["tuned - base"]
    assert difference["n"] == 6
    assert difference["value"] == 0.5  # 1 against samples 0 and 1: a half
    assert difference["mcnemar"] is None


def test_each_arm_may_have_denominators_of_its_own():
    """Conventions that apply hang on what was written; 30 of 60 and 30 of 40 are no difference of 0 of 20."""
    base = [judgement("c", "kept", f"t{t}", "base", 3, 6) for t in range(10)]
    tuned = [judgement("c", "kept", f"t{t}", "tuned", 3, 4) for t in range(10)]
    nothing = [judgement("c", "kept", "t99", arm, 0, 0) for arm in ("base", "tuned")]
    found = results(base + tuned + nothing)["c"]["kept"]
    difference = found["differences"]["tuned - base"]
    assert (difference["value"], difference["n"]) == (0.25, 10)
    assert found["arms"]["tuned"] == {
        "value": 0.75, "low": 0.75, "high": 0.75, "n": 10, "commits": 10, "samples": 10,
        "top": 30, "bottom": 40
    }  # fmt: skip
    assert difference["better"] == "tuned"


def test_suites_looked_at_together_are_corrected_together():
    """Three suites, the correction multiplies the smallest p by three; one that cannot tell is left out."""
    clear = {"base": "0" * 20 + "1" * 10, "tuned": "1" * 30}
    weak = {"base": "0" * 6 + "1" * 24, "tuned": "1" * 30}
    floor = {"base": "0" * 30, "tuned": "1" * 30}
    judgements = [
        one
        for suite, arms in {"a": clear, "b": weak, "c": weak, "floor": floor}.items()
        for one in passes(arms, suite)
    ]
    found = results(judgements)
    p = {suite: found[suite]["pass@1"]["differences"]["tuned - base"] for suite in found}
    assert p["a"]["p_holm"] == pytest.approx(3 * p["a"]["p"], rel=1e-5)
    assert p["b"]["p_holm"] == pytest.approx(2 * p["b"]["p"], rel=1e-5)
    assert p["floor"]["p_holm"] is None
    assert p["b"]["p"] <= 0.05 < p["b"]["p_holm"]
    assert "which all suites together do not support" in p["b"]["sentence"]


def test_a_suite_enters_the_correction_with_its_leading_measure_only():
    arms = {"base": "0" * 20 + "1" * 10, "tuned": "1" * 30}
    found = results([*passes(arms), *passes(arms, measure="tokens")])["execution"]
    assert found["pass@1"]["differences"]["tuned - base"]["p_holm"] is not None
    assert found["tokens"]["differences"]["tuned - base"]["p_holm"] is None


def test_two_named_arms_are_compared_only_on_the_same_tasks():
    same = passes({"a": "0101010101", "b": "1111111111"})
    other = [*passes({"a": "01"}, "other"), *passes({"b": "011"}, "other"), *passes({"a": "1"}, "third")]
    found = compare_arms(same + other, "a", "b")
    assert found["execution"]["pass@1"]["differences"]["a - b"]["value"] == -0.5
    assert found["other"]["pass@1"]["differences"] == {}
    assert found["other"]["pass@1"]["reason"] == "not the same tasks: 2 and 3, 2 of them in common"
    assert found["third"]["pass@1"]["reason"] == "b was not measured"
    samples = [judgement("s", "sampled", "t", "a", 1, sample=s) for s in range(2)]
    found = compare_arms([*samples, judgement("s", "sampled", "t", "b", 1)], "a", "b")
    assert found["s"]["sampled"]["reason"] == "not the same number of samples for each task"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_order_of_the_judgements_does_not_matter_and_the_result_is_plain_json(seed, random):
    judgements = pass_fail({"base": 0.4, "tuned": 0.6, "retrieval": 0.5}, groups=8, seed=seed)
    found = results(judgements, seed=1)
    random.shuffle(judgements)
    assert results(judgements, seed=1) == found
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for difference in found["execution"]["pass@1"]["differences"].values():
        assert difference["low"] <= difference["value"] <= difference["high"]
    assert set(found["execution"]["pass@1"]["differences"]) <= {f"{one} - {two}" for one, two in PAIRS}


def test_the_stored_scores_of_a_comparison_give_its_own_numbers_without_scoring_again(
    tokenizer, planted, index, tmp_path, tmp_path_factory
):
    dataset = write_dataset(tmp_path_factory.mktemp("dataset"), planted, planted.items()[:13])
    compare(tmp_path, dataset, {"validation": index, "heldout": index}, tokenizer, planted)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    found = results(likelihood_judgements(tmp_path, dataset))
    for arm, measures in summary["arms"].items():
        for measure, value in measures.items():
            again = found[LIKELIHOOD][measure]["arms"][arm]
            if 0 < value["value"] < 1 or measure == "bits_per_byte":
                assert {key: again[key] for key in value} == value
    for pair, measures in summary["differences"].items():
        value, again = measures["bits_per_byte"], found[LIKELIHOOD]["bits_per_byte"]["differences"][pair]
        assert {key: again[key] for key in value} == value
    general = found[GENERAL_CODE]["bits_per_byte"]["differences"]["tuned - base"]
    assert general["value"] == summary["retention"]["difference"]["value"]
    assert found[LIKELIHOOD]["bits_per_byte"]["differences"]["tuned - base"]["gained"][0]["note"].endswith(
        tuple("0123456789abcdef")
    )


def test_tasks_that_could_not_be_checked_count_for_nothing():
    checked = [judgement("static", "findings (lint)", f"t{t}", arm, 0) for t in range(9) for arm in ARMS]
    not_checked = [
        judgement("static", "findings (lint)", "t9", "base", 0, 0),
        judgement("static", "findings (lint)", "t9", "tuned", 1),
    ]
    entry = results(checked + not_checked)["static"]["findings (lint)"]
    assert (entry["pass_fail"], entry["lower_is_better"], entry["unit"]) == (True, True, "findings")
    assert entry["arms"]["base"]["n"] == 9
    assert entry["differences"]["tuned - base"]["mcnemar"] == {"first_only": 0, "second_only": 0, "p": 1.0}
    assert entry["differences"]["tuned - base"]["n"] == 9
