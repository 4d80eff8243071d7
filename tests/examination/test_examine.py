"""An examination in one process: what is written once, judged again, refused, and limited."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from inhouse.config import Settings
from inhouse.errors import UserMistake
from inhouse.evaluation.suites import find_suite
from inhouse.evaluation.tasks import Project
from inhouse.examination import Examination
from inhouse.examination.view import View
from inhouse.models.tokenizer import Tokenizer
from inhouse.pipeline import Pipeline
from inhouse.progress import Progress
from inhouse.sandbox import Sandbox
from inhouse.sources.git import Repository
from inhouse.workspace import Workspace
from tests.datasets.project import Stream
from tests.evaluation.asked import TellingEngine
from tests.evaluation.suites.test_human_eval import DECODE, TOTAL
from tests.tiny import write_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HUMAN_EVAL = find_suite("human_eval")


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline whose model says the solution of one problem, tuned or not, and that has no history yet."""
    stream = Stream()
    stream.commit(0, "Begin", a_dot_py="A = 1\n")
    problems = tmp_path / "problems.jsonl"
    problems.write_text("".join(json.dumps(problem) + "\n" for problem in (TOTAL, DECODE)))
    settings = Settings.model_validate({"workers": 1, "generation": {"human_eval": problems}})
    workspace = Workspace.open(tmp_path / "home")
    made = Pipeline(Repository.open(stream.write(tmp_path / "repo")), workspace, settings, Progress.silent())
    write_tokenizer(tmp_path)
    tokenizer = Tokenizer.load(tmp_path)
    stood_in = {
        "model": SimpleNamespace(digest="model", name="model"),
        "tokenizer": tokenizer,
        "engine": TellingEngine(tokenizer, lambda _: "\n    return sum(values)\n"),
        "weights": SimpleNamespace(digest="weights"),
        "loaded_adapter": "weights",
    }
    vars(made).update(stood_in)  # instead of what the pipeline would make: all are cached properties
    yield made
    workspace.close()


@pytest.fixture
def box() -> Sandbox:
    try:
        return Sandbox.open()
    except UserMistake as mistake:
        pytest.skip(str(mistake))


def test_answers_are_written_once_and_judgements_are_read_back(pipeline: Pipeline, box: Sandbox) -> None:
    engine: Any = pipeline.engine
    examined = Examination(pipeline).examine(["human_eval"])
    told = {(one.group, one.measure, one.arm): one.top for one in examined.judgements}
    assert told["Test/0", "pass@1 (completion)", "base"] == 1.0
    assert told["Test/1", "pass@1 (completion)", "tuned"] == 0.0
    assert {arm for _, _, arm in told} == {"base", "tuned"}  # the others have nothing to retrieve for
    assert {request.adapter for call in engine.calls for request in call} == {"", "weights"}
    calls = len(engine.calls)
    again = Examination(pipeline)
    assert again.examine(["human_eval"]).judgements == examined.judgements
    assert len(engine.calls) == calls
    assert {one.task for one in again.written.answers(HUMAN_EVAL)} == {
        one.id for one in again.written.tasks(HUMAN_EVAL)
    }


def test_an_arm_that_is_left_out_is_not_asked(pipeline: Pipeline, box: Sandbox) -> None:
    found = Examination(pipeline, ["tuned"]).examine(["human_eval"]).judgements
    assert {one.arm for one in found} == {"tuned"}


def test_what_is_measured_hangs_on_the_limit(pipeline: Pipeline, box: Sandbox) -> None:
    assert len(Examination(pipeline, ["base"], limit=1).examine(["human_eval"]).judgements) == 2
    assert len(Examination(pipeline, ["base"]).examine(["human_eval"]).judgements) == 4


def test_a_suite_that_was_named_and_has_nothing_to_ask_is_a_mistake(pipeline: Pipeline) -> None:
    with pytest.raises(UserMistake, match="inhouse tasks mine"):
        Examination(pipeline).examine(["execution"])


def test_an_unknown_arm_is_told_which_there_are(pipeline: Pipeline) -> None:
    with pytest.raises(UserMistake, match="base, prompted, retrieval, tuned, tuned_retrieval"):
        Examination(pipeline, ["best"])


def test_the_budget_smoke_asks_few_tasks_and_a_limit_decides_otherwise(pipeline: Pipeline) -> None:
    assert View(pipeline).settings.generation.tasks == 60
    assert View(pipeline, limit=3).settings.generation.model_dump() | {"tasks": 3, "sampled_tasks": 3} == (
        View(pipeline, limit=3).settings.generation.model_dump()
    )
    pipeline.settings = pipeline.settings.model_copy(update={"budget": "smoke"})
    assert View(pipeline).settings.generation.tasks == 8
    assert View(pipeline, limit=20).settings.generation.tasks == 20


def test_the_view_has_all_that_suites_may_look_at() -> None:
    wanted = {name for name in vars(Project) if not name.startswith("_")}
    assert {"corpus", "sandbox", "settings"} <= wanted
    assert [name for name in sorted(wanted) if not hasattr(View, name)] == []
