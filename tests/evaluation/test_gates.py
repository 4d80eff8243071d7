"""Gates: each passes and fails where it should, names what decided, and never takes silence for consent."""

from __future__ import annotations

import pytest

from inhouse.config import Gates
from inhouse.evaluation.gates import check_gates, gate_lines
from inhouse.evaluation.results import results
from tests.evaluation.judged import bits, judgement

GAIN = {"base": 0.0, "retrieval": -0.02, "tuned": -0.12}


def general(loss, *, groups=120, tokens=500):
    """General code: 100 bytes of each module at one bit a byte, and what tuning adds to it."""
    found = []
    for number in range(groups):
        task, level = f"m{number:03d}", 80 + 40 * (number % 2)
        for arm, change in (("base", 0.0), ("tuned", loss + (0.01 if number % 3 else -0.02))):
            found.append(
                judgement("general_code", "bits_per_byte", task, arm, level * (1 + change), 100, group=task)
            )
            found.append(
                judgement("general_code", "next_token_accuracy", task, arm, tokens // 2, tokens, group=task)
            )
    return found


def passes(suite, arms, measure="pass@1"):
    return [
        judgement(suite, measure, f"t{place:03d}", arm, int(digit), note="wrong" if digit == "0" else "")
        for arm, digits in arms.items()
        for place, digit in enumerate(digits)
    ]


def healthy():
    """Everything measured, everything well."""
    half = "01" * 50
    return [
        *bits(GAIN),
        *general(0.0),
        *passes("human_eval", {"base": half, "tuned": half}),
        *passes("chat", {"base": "1" * 50, "tuned": "1" * 49 + "0"}, "ends its turn"),
        *passes("leaks", {"base": "0" * 20, "tuned": "0" * 20}, "leaked"),
        *passes("static", {"base": "0" * 20, "tuned": "0" * 20}, "findings"),
    ]


def without(suite):
    return [found for found in healthy() if found.suite != suite]


def outcome(judgements, name, **settings):
    found = {one.name: one for one in check_gates(results(judgements), Gates(**settings))}
    return found[name]


def test_a_healthy_adapter_passes_every_gate():
    found = check_gates(results(healthy()), Gates())
    assert {one.name: one.passed for one in found} == dict.fromkeys(
        ["private_gain", "general_code", "human_eval", "chat", "leaks", "static"], True
    )
    assert not any(one.blocks for one in found)
    assert [line.split()[0] for line in gate_lines(found)] == ["passed"] * 6


@pytest.mark.parametrize(
    ("suite", "gate", "command"),
    [
        ("likelihood", "private_gain", "inhouse eval`"),
        ("general_code", "general_code", "inhouse eval`"),
        ("human_eval", "human_eval", "inhouse eval --suite human_eval`"),
        ("chat", "chat", "inhouse eval --suite chat`"),
        ("leaks", "leaks", "inhouse eval --suite leaks`"),
        ("static", "static", "inhouse eval --suite static`"),
    ],
)
def test_what_was_not_measured_stops_a_release_and_names_the_command(suite, gate, command):
    found = outcome(without(suite), gate)
    assert (found.passed, found.blocks) == (None, True)
    assert command in found.sentence
    assert not outcome(without(suite), gate, allow_unknown=(gate,)).blocks


# ------------------------------------------------------------------ gain


def gain(effects, **settings):
    return outcome([*bits(effects), *without("likelihood")], "private_gain", **settings)


def test_a_gain_over_base_that_retrieval_gives_as_well_is_none():
    found = gain({"base": 0.0, "retrieval": -0.12, "tuned": -0.12})
    assert (found.passed, found.blocks) == (False, True)
    assert "no gain of tuned over retrieval is sure in likelihood, bits per byte" in found.sentence
    assert "an effect below 0.0" in found.sentence
    assert len(found.samples) == 10


def test_a_sure_loss_in_one_measure_is_not_bought_by_a_gain_in_another():
    worse = passes("execution", {"base": "1" * 12 + "0" * 12, "tuned": "0" * 24})
    found = outcome([*healthy(), *worse], "private_gain")
    assert found.passed is False
    assert found.sentence.startswith("tuned is surely worse than base in execution, pass@1")
    assert [sample["task"] for sample in found.samples] == [f"t{place:03d}" for place in range(10)]
    assert found.number == -0.5


def test_a_suite_at_the_floor_gates_nothing():
    floor = passes("execution", {"base": "0" * 40, "tuned": "0" * 40})
    assert outcome([*healthy(), *floor], "private_gain").passed is True


def test_the_released_arm_is_the_one_that_must_gain():
    effects = {**GAIN, "tuned_retrieval": -0.02}
    assert gain(effects).passed is True
    assert gain(effects, arm="tuned_retrieval").passed is False
    assert "tuned_retrieval was not measured" in gain(GAIN, arm="tuned_retrieval").sentence


def test_four_commits_cannot_tell_a_gain():
    found = outcome([*bits(GAIN, groups=4), *without("likelihood")], "private_gain")
    assert found.passed is None
    assert "an interval to be trusted takes 5" in found.sentence


# ------------------------------------------------------------------ general code


@pytest.mark.parametrize(
    ("loss", "tokens", "passed"),
    [(0.0, 500, True), (0.012, 500, False), (0.0, 400, None), (0.03, 400, False)],
)
def test_general_code_may_lose_one_percent_as_far_as_its_interval_reaches(loss, tokens, passed):
    found = outcome([*without("general_code"), *general(loss, tokens=tokens)], "general_code")
    assert found.passed is passed
    assert found.blocks is not (passed is True)
    assert ("50,000 tokens are needed" in found.sentence) is (tokens == 400)
    assert found.number == pytest.approx(loss, abs=0.004)


# ------------------------------------------------------------------ points, leaks, static checks


def test_three_points_of_human_eval_may_be_lost_and_the_smallest_visible_loss_is_named():
    base = "1" * 82 + "0" * 82
    four = passes("human_eval", {"base": base, "tuned": "1" * 78 + "0" * 86})
    six = passes("human_eval", {"base": base, "tuned": "1" * 76 + "0" * 88})
    allowed = outcome([*without("human_eval"), *four], "human_eval")
    assert (allowed.passed, allowed.number) == (True, 2.439)
    assert "the smallest loss that could have been seen is" in allowed.sentence
    failed = outcome([*without("human_eval"), *six], "human_eval")
    assert (failed.passed, failed.number) == (False, 3.6585)
    assert [sample["task"] for sample in failed.samples] == [f"t{place:03d}" for place in range(76, 82)]
    assert outcome([*without("human_eval"), *six], "human_eval", human_eval_points=4).passed is True


def test_the_way_of_asking_that_lost_most_decides():
    chat = passes("human_eval", {"base": "01" * 50, "tuned": "01" * 50})
    completion = passes("human_eval", {"base": "01" * 50, "tuned": "0001" * 25}, "pass@1 (completion)")
    found = outcome([*without("human_eval"), *chat, *completion], "human_eval")
    assert found.passed is False
    assert "-25.0 points in pass@1 (completion)" in found.sentence


def test_a_model_that_cannot_do_human_eval_is_not_gated_by_it():
    hard = passes("human_eval", {"base": "0" * 98 + "11", "tuned": "0" * 100})
    found = outcome([*without("human_eval"), *hard], "human_eval")
    assert (found.passed, found.blocks, found.counts) == (None, False, False)
    assert (
        "human_eval gates nothing: pass@1 is too hard to tell arms apart: the base has 2.0%" in found.sentence
    )
    assert next(iter(gate_lines([found]))).startswith("not counted human_eval:")


def test_chat_that_no_longer_ends_is_stopped_although_the_base_always_ends():
    broken = passes("chat", {"base": "1" * 50, "tuned": "1" * 46 + "0" * 4}, "ends its turn")
    found = outcome([*without("chat"), *broken], "chat")
    assert (found.passed, found.number) == (False, 8.0)


def test_one_leak_that_the_base_does_not_show_is_one_too_many():
    one = passes("leaks", {"base": "1" + "0" * 19, "tuned": "1" + "0" * 18 + "1"}, "leaked")
    found = outcome([*without("leaks"), *one], "leaks")
    assert (found.passed, found.number) == (False, 1.0)
    assert found.sentence == "1 new: 1 in leaks/leaked"
    assert [(sample["task"], sample["measure"]) for sample in found.samples] == [("t019", "leaks/leaked")]
    known = passes("leaks", {"base": "1" + "0" * 19, "tuned": "1" + "0" * 19}, "leaked")
    assert outcome([*without("leaks"), *known], "leaks").passed is True


def test_more_findings_of_the_linter_stop_a_release_only_when_sure():
    sure = passes("static", {"base": "0" * 20, "tuned": "1" * 10 + "0" * 10}, "findings")
    unsure = passes("static", {"base": "0" * 20, "tuned": "1" * 2 + "0" * 18}, "findings")
    found = outcome([*without("static"), *sure], "static")
    assert (found.passed, found.number) == (False, 0.5)
    assert "static/findings is worse: +0.500 findings" in found.sentence
    assert len(found.samples) == 10
    lenient = outcome([*without("static"), *unsure], "static")
    assert lenient.passed is True
    assert "an effect below" in lenient.sentence


def test_a_gate_that_stops_shows_its_rule_and_its_samples():
    six = passes("human_eval", {"base": "1" * 82 + "0" * 82, "tuned": "1" * 76 + "0" * 88})
    found = outcome([*without("human_eval"), *six], "human_eval")
    lines = list(gate_lines([found]))
    assert lines[0].startswith("FAILED      human_eval: -3.7 points in pass@1")
    assert lines[1].strip() == "rule: at most 3 points of HumanEval lost"
    assert lines[2].strip() == "- g-t076  t076  0 against 1  wrong"
    assert len(lines) == 8


def test_a_longer_copy_is_no_leak_as_such_and_every_kind_of_leak_is():
    longer = [
        judgement("leaks", "longest_copy", f"t{n}", arm, 20 if arm == "tuned" else 10)
        for n in range(9)
        for arm in ("base", "tuned")
    ]
    assert outcome([*healthy(), *longer], "leaks").passed is True
    secret = passes("leaks", {"base": "0" * 9, "tuned": "1" + "0" * 8}, "leaked (secret)")
    assert outcome([*healthy(), *secret], "leaks").sentence == "1 new: 1 in leaks/leaked (secret)"
    assert outcome([*healthy(), *longer], "leaks", leaks=("leaks",)).passed is False


def test_checks_that_applied_to_no_answer_tell_nothing() -> None:
    """Where no answer parses there is nothing to lint, and a lint that saw nothing is no lint that passed."""
    nothing = [
        judgement("static", "findings (lint)", f"t{number}", arm, 0.0, 0.0)
        for number in range(20)
        for arm in ("base", "tuned")
    ]
    found = outcome([*without("static"), *nothing], "static")
    assert found.passed is None
    assert found.blocks
