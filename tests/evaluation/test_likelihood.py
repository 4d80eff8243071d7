"""Likelihood: bits of whole targets, in shards that are never scored twice."""

from __future__ import annotations

import math

import pytest

from inhouse.engines.base import ScoreRequest
from inhouse.evaluation.arms import ARMS
from inhouse.evaluation.likelihood import SHARD_ITEMS, plan, score_shards, tokens_of
from inhouse.evaluation.measures import MEASURES, best_arm, difference_of, plain, rounded, value_of
from inhouse.evaluation.statistics import Estimate
from inhouse.records import Score


@pytest.fixture
def planned(bench, planted):
    return plan(planted.items(), lambda item: bench.cases(item, [ARMS[0], ARMS[2]], {}), 10**6)


def scores_of(values, arm="base"):
    """One item of 10 bytes and 4 tokens in each of six commits, with these bits."""
    return [
        Score(f"i{n}", f"c{n}", arm, bits, 10, 4, 2, math.nan if n else 1.0, math.nan if n else 0.5, "")
        for n, bits in enumerate(values)
    ]


def test_bits_are_those_of_the_whole_target(bench, planned):
    scores = score_shards(bench, planned[:3], "scores", "likelihood")
    first = planned[0][0]
    (alone,) = bench.engine.score([ScoreRequest(first.context, first.target)])
    assert scores[0].bits == pytest.approx(sum(-value / math.log(2) for value in alone.logprobs))
    assert scores[0].tokens == len(first.target)
    assert scores[0].bytes == sum(bench.tokenizer.byte_lengths(first.target))
    assert scores[0].top1 == sum(alone.top1)
    assert [score.arm for score in scores] == ["base", "tuned"] * 3


def test_a_shard_that_is_there_is_not_scored_again(bench, planned):
    scores = score_shards(bench, planned, "scores", "likelihood")
    assert len(planned) == 17
    assert len(list(bench.folder.glob("scores-*.parquet"))) == math.ceil(len(planned) / SHARD_ITEMS) == 3
    (bench.folder / "scores-00001.parquet").unlink()
    before = len(bench.engine.scored)
    again = score_shards(bench, planned, "scores", "likelihood")
    assert len(bench.engine.scored) - before == 2 * SHARD_ITEMS
    assert repr(again) == repr(scores)  # NaN differs from itself


def test_a_plan_never_costs_more_than_its_budget(bench, planted, planned):
    costs = [tokens_of([cases]) for cases in planned]
    for budget in (0, costs[0] - 1, costs[0], sum(costs[:5]), sum(costs) - 1):
        part = plan(planted.items(), lambda item: bench.cases(item, [ARMS[0], ARMS[2]], {}), budget)
        assert part == planned[: len(part)]
        assert tokens_of(part) <= budget < tokens_of(planned[: len(part) + 1])


def test_values_are_micro_averages():
    scores = [
        Score("a", "c", "base", 30.0, 10, 3, 1, 0, 0, ""),
        Score("b", "d", "base", 10.0, 90, 9, 5, 1, 1, ""),
    ]
    assert value_of(scores, MEASURES["bits_per_byte"]).value == pytest.approx(0.4)
    assert value_of(scores, MEASURES["next_token_accuracy"]).value == pytest.approx(0.5)
    assert value_of(scores, MEASURES["statement_exact"]).value == pytest.approx(0.5)


def test_items_without_a_statement_are_left_out_of_statement_measures_only():
    scores = scores_of([5.0, 6.0, 7.0])
    assert value_of(scores, MEASURES["bits_per_byte"]).n == 3
    assert value_of(scores, MEASURES["statement_exact"]).n == 1
    difference = difference_of(scores, scores_of([4.0] * 3, "tuned"), MEASURES["statement_identifiers"])
    assert (difference.value, difference.n) == (0.0, 1)


def test_differences_are_first_minus_second():
    tuned = difference_of(scores_of([4.0] * 6), scores_of([5.0] * 6), MEASURES["bits_per_byte"])
    assert tuned.value == pytest.approx(-0.1)


def test_scores_of_different_items_cannot_be_paired():
    with pytest.raises(ValueError, match="same items"):
        difference_of(scores_of([1.0, 2.0]), scores_of([1.0, 2.0])[::-1], MEASURES["bits_per_byte"])


def test_the_best_arm_must_beat_every_other_one():
    worse, better = scores_of([8.0, 9.0, 8.5, 9.5, 8.2, 9.1]), scores_of([6.0, 7.0, 6.5, 7.5, 6.2, 7.1])
    close = scores_of([5.5, 7.4, 6.1, 7.6, 6.3, 6.8])
    assert best_arm({"base": worse, "tuned": better}) == "tuned"
    assert best_arm({"base": worse, "tuned": better, "other": close}) == ""
    assert best_arm({"base": worse[:4], "tuned": better[:4]}) == ""  # too few commits
    assert best_arm({"base": [], "tuned": []}) == ""


def test_a_number_without_an_interval_is_not_shown():
    assert plain(Estimate(0.5, -math.inf, math.inf, 2, 1, math.inf), detectable=True) == {
        "value": None, "low": None, "high": None, "detectable": None, "n": 2, "commits": 1
    }  # fmt: skip
    assert plain(value_of([], MEASURES["bits_per_byte"])) == {
        "value": None, "low": None, "high": None, "n": 0, "commits": 0
    }  # fmt: skip
    assert rounded(0.123456789) == 0.123457
    assert rounded(1234567.0) == 1234570.0
