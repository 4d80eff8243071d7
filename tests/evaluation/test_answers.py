"""Generated statements: where the model begins, where it stops, and what it may spend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.engines.base import Generated
from inhouse.evaluation.answers import MAX_NEW_TOKENS, answer_shards, ask
from inhouse.evaluation.arms import ARMS
from inhouse.evaluation.likelihood import plan


class Scripted:
    """An engine that writes given answers, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def complete(self, requests, on_done=None):
        self.asked += requests
        return [Generated(self.answers.pop(0), (), "stop") for _ in requests]


@pytest.fixture
def case(bench, planted):
    item = replace(planted.items()[0], prefix="def f(x):\n", target="\n    # why\n    return call(x)\n")
    return bench.cases(item, ARMS[:1], {})[0]


def answer_of(bench, case, *answers):
    engine = Scripted(*answers)
    with bench.progress.task("test") as task:
        (answer,) = ask(engine, bench.tokenizer, [case], task)
    return answer, engine


def test_the_model_begins_where_the_statement_does(bench, case):
    answer, engine = answer_of(bench, case, " return call(x)")
    assert bench.tokenizer.decode(engine.asked[0].prompt).endswith("def f(x):\n\n    # why\n   ")
    assert (answer.text, answer.exact, answer.identifiers) == ("    return call(x)", 1.0, 1.0)


def test_the_end_of_the_line_ends_a_finished_statement(bench, case):
    answer, engine = answer_of(bench, case, " return other(x)")
    assert len(engine.asked) == 1
    assert engine.asked[0].stop == ("\n",)
    assert engine.asked[0].temperature == 0.0
    assert (answer.exact, answer.identifiers) == (0.0, 0.5)


def test_an_open_statement_is_gone_on_with(bench, case):
    answer, engine = answer_of(bench, case, " return call(", "\n        x)\n    done()\n")
    first, second = engine.asked
    assert bench.tokenizer.decode(second.prompt).endswith("    return call(")
    assert second.max_new_tokens == MAX_NEW_TOKENS - len(bench.tokenizer.encode(" return call(")) - 1
    assert second.stop == ()
    assert answer.text == "    return call(\n        x)"
    assert answer.prompted == len(first.prompt) + len(second.prompt)


def test_an_answer_without_a_statement_matches_nothing(bench, case):
    answer, _ = answer_of(bench, case, "", "\n\n")
    assert (answer.exact, answer.identifiers) == (0.0, 0.0)


def test_a_target_without_a_statement_is_not_asked_about(bench, case):
    comment = replace(case, item=replace(case.item, target="    # only words\n"))
    with bench.progress.task("test") as task:
        assert ask(Scripted(), bench.tokenizer, [comment], task) == []
    assert answer_shards(bench, [[comment]], 10_000, 10**6) == []


@pytest.mark.parametrize("budget", [0, 100, 300, 700, 10_000])
def test_answers_never_cost_more_than_their_budget(bench, planted, budget):
    arms = [ARMS[0], ARMS[2]]
    planned = plan(planted.items(), lambda item: bench.cases(item, arms, {}), 10**6)
    answers = answer_shards(bench, planned, budget, 10**6)
    spent = sum(answer.generated for answer in answers)
    assert spent <= budget
    assert len(answers) == 34 or budget - spent < MAX_NEW_TOKENS * len(arms)
    order = [cases[0].item.id for cases in planned]
    assert [answer.item for answer in answers[::2]] == order[: len(answers) // 2]


def test_contexts_are_read_within_their_own_budget(bench, planted):
    planned = plan(planted.items(), lambda item: bench.cases(item, ARMS[:1], {}), 10**6)
    sizes = [len(cases[0].context) for cases in planned]
    answers = answer_shards(bench, planned, 10_000, sum(sizes[:6]) + 1)
    assert [answer.item for answer in answers] == [cases[0].item.id for cases in planned[:6]]


def test_answers_that_are_there_are_not_written_again(bench, planted):
    planned = plan(planted.items(), lambda item: bench.cases(item, ARMS[:1], {}), 10**6)
    answers = answer_shards(bench, planned, 10_000, 10**6)
    before = len(bench.engine.asked)
    assert answer_shards(bench, planned, 10_000, 10**6) == answers
    assert len(bench.engine.asked) == before
