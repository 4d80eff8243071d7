"""Advice: planted failures of one sort lead to the rule's answer, with their counts."""

from __future__ import annotations

import pytest

from inhouse.evaluation.advice import advise
from tests.evaluation.judged import judgement

FACTS, FORM, LOGIC = "NameError: name 'uv_lop' is not defined", "SyntaxError: bad", "assert 3 == 4"


def failing_tests(note, failing=10, of=20, arm="tuned"):
    return [
        judgement("execution", "pass@1", f"t{n}", arm, n >= failing, note=note if n < failing else "")
        for n in range(of)
    ]


def conventions(kept, arm="tuned", tasks=12):
    return [judgement("conventions", "conventions_kept", f"c{n}", arm, kept, 10) for n in range(tasks)]


@pytest.mark.parametrize(
    ("judgements", "what"),
    [
        (failing_tests(FACTS), "index"),
        (failing_tests(FORM), "tune"),
        (failing_tests(LOGIC), "neither"),
        (conventions(4), "tune"),
        (failing_tests(FACTS) + conventions(4), "both"),
        (failing_tests(LOGIC) + conventions(4), "tune"),
        (failing_tests(FACTS, failing=0) + conventions(10), "nothing"),
        (failing_tests(FACTS, failing=1), "nothing"),  # one of twenty is now and then
        (failing_tests(FACTS, of=4, failing=4), "unknown"),  # of four files
        ([], "unknown"),
    ],
)
def test_the_rule(judgements, what):
    assert advise(judgements).what == what


def test_the_counts_stand_behind_the_words():
    judgements = (
        failing_tests(FACTS) + failing_tests(FACTS, 14, arm="base") + failing_tests(FACTS, 6, arm="retrieval")
    )
    found = advise(judgements)
    assert found.sentence.startswith("Facts are missing: index more")
    assert "unknown or used wrongly: tuned 10 of 20 (50%, 95% interval" in found.sentence
    assert found.sentence.endswith("; base 14, retrieval 6).)")
    assert found.evidence[0].failures == {"base": (14, 20), "retrieval": (6, 20), "tuned": (10, 20)}


def test_each_failed_test_counts_for_one_reason():
    mixed = [
        judgement("execution", "pass@1", f"t{n}", "tuned", 0, note=[FACTS, FORM, LOGIC, ""][n % 4])
        for n in range(20)
    ]
    failures = {one.why: one.failures["tuned"] for one in advise(mixed).evidence}
    assert failures == {"facts": (5, 20), "behaviour": (5, 20), "logic": (10, 20)}


def test_human_eval_and_random_samples_say_nothing_about_the_companys_code():
    other = [judgement("human_eval", "pass@1", f"h{n}", "tuned", 0, note=FACTS) for n in range(20)]
    drawn = [judgement("execution", "sampled", f"t{n}", "tuned", 0, sample=1, note=FACTS) for n in range(20)]
    assert advise(other + drawn).what == "unknown"


def test_without_a_tuned_arm_the_base_is_judged():
    found = advise(failing_tests(FACTS, arm="base"))
    assert (found.arm, found.what) == ("base", "index")


@pytest.mark.parametrize(
    "note",
    [
        "AttributeError: module 'click' has no attribute 'prompts'",
        "TypeError: run() got an unexpected keyword argument 'shell'",
        "main.c:3: implicit declaration of function uv_lop",
        "ReferenceError: foo is not defined",
    ],
)
def test_what_a_missing_fact_sounds_like(note):
    assert advise(failing_tests(note)).what == "index"


def test_what_tuning_broke_is_no_reason_to_tune_more():
    ends = [
        judgement("chat", "ends its turn", f"c{n}", arm, arm == "base" or n % 3 > 0)
        for n in range(30)
        for arm in ("base", "tuned")
    ]
    found = advise(ends)
    assert found.what == "nothing"
    assert found.evidence[0].worsened
    assert "Tuning made worse: chat: turns that do not end: tuned 10 of 30" in found.sentence


def test_an_answer_with_many_findings_fails_once():
    found = advise([judgement("static", "findings (lint)", f"t{n}", "tuned", 9) for n in range(8)])
    assert found.evidence[0].failures == {"tuned": (8, 8)}


def test_the_likelihood_of_documents_is_no_failure():
    rows = [judgement("documents", "bits_per_byte", f"d{n}", "tuned", 90, 100) for n in range(9)]
    assert advise(rows).what == "unknown"
    wrong = [judgement("documents", "answer_exact", f"q{n}", "tuned", 0) for n in range(9)]
    assert advise(rows + wrong).what == "index"
