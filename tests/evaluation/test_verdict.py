"""The verdict: one sentence for every way in which a comparison can end."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from inhouse.evaluation.statistics import Estimate
from inhouse.evaluation.verdict import Findings, retention_sentence, verdict

BASE = Estimate(0.637, 0.600, 0.680, 60, 41, 0.05)
HELPS = Estimate(-0.052, -0.063, -0.041, 60, 41, 0.018, 0.001)
HURTS = Estimate(0.026, 0.010, 0.042, 60, 41, 0.026, 0.001)
UNCLEAR = Estimate(-0.004, -0.018, 0.010, 60, 41, 0.023, 0.4)
GENERAL = Estimate(0.800, 0.700, 0.900, 42, 42, 0.1)
NO_LOSS = Estimate(0.003, -0.002, 0.008, 42, 42, 0.008, 0.4)
LOSS = Estimate(0.016, 0.004, 0.028, 42, 42, 0.02, 0.001)

SAVES = "tuning saves 8.2% of the bits per byte (0.052, 95% interval 0.041 to 0.063)"
COSTS = "tuning costs 4.1% more bits per byte (0.026, 95% interval 0.010 to 0.042)"
TUNING_UNCLEAR = (
    "whether tuning helps cannot be told (bits per byte change by -0.004, 95% interval -0.018 to +0.010; "
    "an effect below 0.023 would not show)"
)
UNBROKEN = (
    "On general code no loss shows: bits per byte change by +0.003, 95% interval -0.002 to +0.008, "
    "so a loss beyond 1.0% is unlikely (42 functions of 42 standard-library modules)."
)


def findings(tuned=HELPS, retrieval=None, added=None, best="tuned"):
    arms = {"base": BASE, "retrieval": Estimate(0.663, 0.62, 0.7, 60, 41, 0.05), "tuned": BASE}
    differences = {"tuned - base": tuned}
    if retrieval is not None:
        differences |= {"retrieval - base": retrieval, "tuned_retrieval - retrieval": added}
    return Findings(arms, differences, retrieval is not None, best, GENERAL, NO_LOSS)


@pytest.mark.parametrize(
    ("tuned", "clause", "best", "ending"),
    [
        (HELPS, SAVES, "tuned", "best is the tuned model without retrieval"),
        (HURTS, COSTS, "base", "best is the base model"),
        (UNCLEAR, TUNING_UNCLEAR, "", "no arm is best with confidence"),
    ],
)
def test_tuning_without_retrieval(tuned, clause, best, ending):
    expected = f"On 60 held-out items of 41 commits, {clause}; retrieval is not used; {ending}. {UNBROKEN}"
    assert verdict(findings(tuned, best=best)) == expected


@pytest.mark.parametrize(
    ("retrieval", "clause"),
    [
        (HELPS, "retrieval saves 8.2% of the bits per byte (0.052, 95% interval 0.041 to 0.063)"),
        (HURTS, "retrieval costs 4.1% more bits per byte (0.026, 95% interval 0.010 to 0.042)"),
        (UNCLEAR, TUNING_UNCLEAR.replace("tuning", "retrieval")),
    ],
)
@pytest.mark.parametrize(("tuned", "own"), [(HELPS, SAVES), (HURTS, COSTS), (UNCLEAR, TUNING_UNCLEAR)])
def test_tuning_beside_retrieval(tuned, own, retrieval, clause):
    found = verdict(findings(tuned, retrieval, HELPS, best="tuned_retrieval"))
    assert found == (
        f"On 60 held-out items of 41 commits, {own}; {clause}; tuning on top of retrieval saves 7.8% of the "
        "bits per byte (0.052, 95% interval 0.041 to 0.063); best is the tuned model with retrieval. "
        + UNBROKEN
    )


def test_retrieval_alone_can_be_best():
    found = verdict(findings(UNCLEAR, HELPS, UNCLEAR, best="retrieval"))
    assert "; whether tuning on top of retrieval helps cannot be told (" in found
    assert "; best is the base model with retrieval. " in found


def test_no_arm_is_called_best_without_confidence():
    assert "; no arm is best with confidence. On general" in verdict(findings(HELPS, HELPS, UNCLEAR, best=""))


def test_few_commits_settle_nothing_however_clear_they_look():
    few = Estimate(-0.052, -0.063, -0.041, 12, 4, 0.01)
    assert verdict(findings(few, best="")) == (
        "Whether anything helps cannot be told from 12 held-out items of 4 commits: an interval to be "
        f"trusted takes 5 commits. {UNBROKEN}"
    )
    one = Estimate(-0.052, -math.inf, math.inf, 1, 1, math.inf)
    assert verdict(findings(one, best="")).startswith(
        "Whether anything helps cannot be told from 1 held-out item of 1 commit: an interval"
    )


def test_without_items_there_is_nothing_to_tell():
    none = Estimate(math.nan, math.nan, math.nan, 0, 0, math.nan)
    assert verdict(Findings({}, {"tuned - base": none}, False, "", none, none)) == (
        "Whether anything helps cannot be told: there are no held-out items. "
        "Whether tuning broke anything on general code cannot be told."
    )


def test_a_loss_on_general_code_is_said_in_percent():
    assert retention_sentence(GENERAL, LOSS) == (
        "On general code tuning costs 2.0% more bits per byte (0.016, 95% interval 0.004 to 0.028; "
        "42 functions of 42 standard-library modules)."
    )


def test_general_code_may_become_likelier():
    gain = Estimate(-0.016, -0.028, -0.004, 42, 42, 0.02, 0.001)
    assert retention_sentence(GENERAL, gain) == (
        "On general code nothing broke: tuning saves 2.0% of the bits per byte (0.016, 95% interval 0.004 to "
        "0.028; 42 functions of 42 standard-library modules)."
    )


def test_an_interval_that_excludes_zero_against_the_other_witnesses_is_no_verdict():
    doubted = Estimate(-0.052, -0.063, -0.041, 20, 5, math.inf, 0.0625)
    assert verdict(findings(doubted, best="")).startswith(
        "On 20 held-out items of 5 commits, whether tuning helps cannot be told (bits per byte change by "
        "-0.052, 95% interval -0.063 to -0.041; p=0.062 speaks against what the interval says; no effect of "
        "any size could have shown); "
    )


def test_a_doubtful_loss_on_general_code_is_told_with_its_bound():
    assert retention_sentence(GENERAL, replace(LOSS, p=0.08)) == (
        "On general code no loss shows: bits per byte change by +0.016, 95% interval +0.004 to +0.028; "
        "p=0.08 speaks against what the interval says, so a loss beyond 3.5% is unlikely (42 functions of 42 "
        "standard-library modules)."
    )


def test_a_doubtful_gain_on_general_code_has_no_bound_below_zero():
    gain = Estimate(-0.016, -0.028, -0.004, 42, 42, 0.02, 0.08)
    assert "what the interval says, so a loss is unlikely (42" in retention_sentence(GENERAL, gain)
