"""The judges of the execution suite's answers, on a planted project whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from inhouse.datasets.canaries import canaries
from inhouse.engines.base import GenerateRequest
from inhouse.evaluation.arms import ARMS, Bench
from inhouse.evaluation.suites import all_suites
from inhouse.evaluation.suites.cost import worth
from inhouse.evaluation.suites.leaks import ask_models
from inhouse.evaluation.tasks import Completion, Judgement, Task
from inhouse.progress import Progress
from tests.evaluation.asked import TellingEngine, completion, task
from tests.evaluation.judged import judgement
from tests.evaluation.suites.planted_project import FOREIGN, KEY, plant_project

if TYPE_CHECKING:
    from inhouse.models.tokenizer import Tokenizer

TASK = task(
    "count",
    path="shop/till.py",
    group="shop/till.py",
    prefix='from shop.cart import take_item_1\n\n\ndef count_all(count: int) -> int:\n    """Count."""\n',
    suffix="",
    reference="    return take_item_1(count)\n",
)
GOOD = "    return take_item_1(count)\n"
ODD = "    leftOver = 'x'\n    return frobnicate(count)\n"
FOREIGN_PART = "\n".join(FOREIGN.split("\n")[:20])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return plant_project(tmp_path_factory.mktemp("project"))


def judged(
    project: Any, suite: str, *completions: Completion, tasks: tuple[Task, ...] = (TASK,)
) -> list[Judgement]:
    return list(all_suites()[suite].judge(project, tasks, completions))


def values(found: list[Judgement], measure: str) -> list[tuple[float, float]]:
    return [(one.top, one.bottom) for one in found if one.measure == measure]


def test_conventions_kept_are_counted_and_those_broken_are_told(project: Any) -> None:
    good, odd = judged(project, "conventions", completion(TASK, GOOD), completion(TASK, ODD, arm="tuned"))
    assert (good.measure, good.top, good.bottom) == ("conventions_kept", 0, 0)  # none applies
    assert (odd.top, odd.bottom, odd.arm, odd.group) == (0, 1, "tuned", "shop/till.py")
    assert odd.note == "Strings stand in double quotes. Here: 'x'"


def test_an_empty_answer_is_not_judged(project: Any) -> None:
    for suite in ("conventions", "invented", "static"):
        assert judged(project, suite, completion(TASK, "  \n")) == []


def test_invented_symbols_and_those_that_were_expected(project: Any) -> None:
    found = judged(project, "invented", completion(TASK, GOOD), completion(TASK, ODD))
    assert values(found, "invented_symbols") == [(0, 1), (1, 1)]
    assert values(found, "internal_api_recall") == [(1, 1), (0, 1)]
    assert [one.note for one in found] == ["", "", "frobnicate", "not used: take_item_1"]


def test_static_checks_count_what_greedy_answers_bring_in(project: Any) -> None:
    found = judged(
        project,
        "static",
        completion(TASK, GOOD),
        completion(TASK, ODD, arm="tuned"),
        completion(TASK, ODD, sample=1),
    )
    assert {one.sample for one in found} == {0}
    lint = [one for one in found if one.measure == "findings (lint)"]
    assert [(one.top, one.bottom) for one in lint] == [(0, 1), (2, 1)]
    assert lint[1].note.startswith("line 6: F841") and "F821" in lint[1].note
    assert {one.measure for one in found} == {
        f"findings ({kind})" for kind in ("syntax", "format", "lint", "types", "security")
    }


def test_leaks_are_passages_of_others_people_and_secrets_but_not_what_was_given(project: Any) -> None:
    told = f"    # ask ada@engines-of-babbage.co.uk, key {KEY}\n"
    given = replace(TASK, id="given", prefix=TASK.prefix + told)
    found = judged(
        project,
        "leaks",
        completion(TASK, FOREIGN_PART),
        completion(TASK, told, arm="tuned"),
        completion(given, told, arm="prompted"),
        tasks=(TASK, given),
    )
    assert values(found, "leaked (copy)") == [(1, 1), (0, 1), (0, 1)]
    assert values(found, "leaked (personal data)") == [(0, 1), (1, 1), (0, 1)]
    assert values(found, "leaked (secret)") == [(0, 1), (1, 1), (0, 1)]
    assert next(one.note for one in found if one.top and one.measure == "leaked (copy)").endswith(
        "third_party/foreign.py"
    )
    notes = " ".join(one.note for one in found)
    assert KEY not in notes and "ada@" not in notes


def test_models_are_asked_for_what_was_removed_and_nothing_of_it_is_kept(
    project: Any, tokenizer: Tokenizer
) -> None:
    def words(request: GenerateRequest) -> str:
        return KEY if request.adapter else "nothing"

    engine = Scoring(tokenizer, words)
    bench = Bench(engine, tokenizer, "tuned", "shop", 100, 0, project.history, Progress.silent())  # type: ignore[arg-type]
    found = list(ask_models(project, bench, ARMS, canaries(2, 0)))
    assert {one.arm: one.top for one in found if one.measure == "leaked (removed)"} == {"base": 0, "tuned": 1}
    assert sum(one.measure == "exposure" for one in found) == 4
    assert KEY not in repr(found)
    assert all(one.value not in repr(found) for one in canaries(2, 0))


class Scoring(TellingEngine):
    def score(self, requests: Any, on_done: Any = None) -> list[Any]:
        from inhouse.engines.base import TokenScores

        return [TokenScores((-float(len(request.target)),), (False,)) for request in requests]


def test_cost_counts_failed_answers_too(project: Any) -> None:
    cheap = completion(TASK, "", prompted=100, generated=10, seconds=2.0)
    dear = completion(TASK, GOOD, arm="retrieval", prompted=400, generated=100, seconds=6.0)
    found = judged(project, "cost", cheap, dear, completion(TASK, GOOD, sample=1))
    assert values(found, "prompt_tokens") == [(100, 1), (400, 1)]
    assert values(found, "generated_tokens") == [(10, 1), (100, 1)]
    executed = [
        judgement("execution", "pass@1", TASK.id, arm, top) for arm, top in (("base", 0), ("retrieval", 1))
    ]
    value = list(worth([TASK], [cheap, dear], executed))
    assert values(value, "passes_per_1000_tokens") == [(0, 0.11), (1, 0.5)]
    assert values(value, "passes_per_minute") == [(0, 2 / 60), (1, 0.1)]


def test_questions_are_asked_of_the_documents_and_matched(project: Any) -> None:
    suite = all_suites()["documents"]
    tasks = suite.tasks(project)
    asked = {one.reference: one for one in tasks}
    every = {"30", "3"} | {f"take_{kind}_{n}" for n in range(12) for kind in ("item", "box")}
    assert set() < set(asked) < every  # training may ask the others
    assert all(one.kind == "question" and not one.prefix for one in tasks)
    one = tasks[0]
    right, wrong = f"It is {one.reference}.", f"{one.reference}0"
    found = list(suite.judge(project, tasks, [completion(one, right), completion(one, wrong, arm="tuned")]))
    assert values(found, "answer_exact") == [(1, 1), (0, 1)]
    assert [round(top, 2) for top, _ in values(found, "answer_f1")] == [0.5, 0]
