"""Our tasks and our judge for inspect-ai, which finds this module by its entry point.

    inspect eval inhouse/user_tasks -T file=own.jsonl --model openai-api/inhouse/MODEL
    inspect eval inhouse/human_eval --model openai-api/inhouse/MODEL
    inspect score LOG --scorer inhouse/tests_pass -S suite=user:own.jsonl

inspect asks the model and writes the log; what counts as the answer, and whether it passes, is decided as in
`inhouse eval`: by the same extraction, and by the tests in the sandbox, after the reference has passed them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio.to_thread
from inspect_ai import Task as InspectTask
from inspect_ai import task
from inspect_ai._util.error import PrerequisiteError  # the one that inspect prints without a traceback
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, GenerateConfig
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer, stderr
from inspect_ai.solver import generate
from inspect_ai.util import concurrency

from inhouse.config import Execution, Settings
from inhouse.digests import short
from inhouse.errors import UserMistake
from inhouse.evaluation.extraction import extract
from inhouse.evaluation.inspection.questions import question, spoken
from inhouse.evaluation.prompts import is_chat
from inhouse.evaluation.suites import find_suite
from inhouse.evaluation.suites import human_eval as published
from inhouse.evaluation.suites.execution import workers
from inhouse.evaluation.suites.user_tasks import PREFIX, prove, read_tasks, user_suite
from inhouse.evaluation.tasks import Completion, Judgement, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspect_ai.scorer import Scorer, Target
    from inspect_ai.solver import TaskState

    from inhouse.evaluation.tasks import Project, Suite
    from inhouse.sandbox import Sandbox
    from inhouse.sources.git import Repository

__all__ = ["human_eval", "tests_pass", "user_tasks"]

_ARM = "inspect"


@task
def user_tasks(file: str, python: str = "", repository: str = ".", unsafe_local: bool = False) -> InspectTask:
    """Return the tasks of a JSON-lines file; see docs/suites.md for its keys.

    `python` is the interpreter or virtual environment that tests run with; `repository` a checkout whose
    packages tests in other languages may use.
    """
    path = Path(file).expanduser().absolute()  # inspect works in another folder
    return _task(f"{PREFIX}{path}", python, str(Path(repository).absolute()), unsafe_local)


@task
def human_eval(unsafe_local: bool = False) -> InspectTask:
    """Return the 164 problems in their chat form, with the answer not begun for the model."""
    return _task(published.SUITE.name, "", ".", unsafe_local)


@scorer(metrics=[accuracy(), stderr()])
def tests_pass(suite: str, python: str = "", repository: str = ".", unsafe_local: bool = False) -> Scorer:
    """Return what runs the tests of a suite's tasks on an answer, in the sandbox."""
    place = _place(python, repository, unsafe_local)
    asked = _asked(suite)
    judge = find_suite(suite)

    async def score(state: TaskState, target: Target) -> Score:
        del target  # the tests decide
        one = asked[str(state.sample_id)]
        completion = _completion(one, state)
        async with concurrency("inhouse sandbox", workers(place.project)):
            found = await anyio.to_thread.run_sync(partial(_judge, judge, place, one, completion))
        return _score(found, completion.answer, place.sandbox().isolation)

    return score


# ------------------------------------------------------------------ asking


def _task(suite: str, python: str, repository: str, unsafe_local: bool) -> InspectTask:
    try:
        place = _place(python, repository, unsafe_local)
        asked = _asked(suite)
        if suite.startswith(PREFIX):
            prove(place.project, list(asked.values()))
        judge = tests_pass(suite, python, repository, unsafe_local)
    except UserMistake as mistake:
        raise PrerequisiteError(str(mistake)) from None
    return InspectTask(
        dataset=MemoryDataset([_sample(*one) for one in asked.items()], name=suite),
        solver=generate(),
        scorer=judge,
        config=GenerateConfig(temperature=0.0, max_tokens=place.settings.generation.chat_tokens),
        metadata={"isolation": place.sandbox().isolation},
    )


def _sample(name: str, one: Task) -> Sample:
    return Sample(
        id=name,
        input=[ChatMessageUser(content=question(one))],
        target=one.reference,
        metadata={"kind": one.kind, "path": one.path, "language": one.language, "task": one.id},
    )


def _asked(suite: str) -> dict[str, Task]:
    """Return the tasks of a suite as they are asked in a conversation, by the name of their sample."""
    if suite.startswith(PREFIX):
        tasks: Sequence[Task] = read_tasks(user_suite(suite).path, suite)
    elif suite == published.SUITE.name:
        tasks = [one for one in published.problem_tasks(published.read_problems()) if is_chat(one)]
    else:
        rule = f"inspect can run {PREFIX}PATH and {published.SUITE.name}"
        raise UserMistake(rule, suite, "choose one of them, or run `inhouse eval`")
    return {f"{one.group} {short(one.id)}": spoken(one) for one in tasks}


# ------------------------------------------------------------------ judging


@cache
def _place(python: str, repository: str, unsafe_local: bool) -> _Place:
    return _Place(python, repository, unsafe_local)


@dataclass
class _Place:
    """What a suite looks at to judge answers: no repository unless a test needs its packages."""

    python: str
    checkout: str
    unsafe_local: bool

    @property
    def project(self) -> Project:
        return cast("Project", self)  # the rest of a project is for suites that mine one

    @cached_property
    def settings(self) -> Settings:
        return Settings(execution=Execution(python=self.python or None))

    @cached_property
    def repository(self) -> Repository:
        from inhouse.sources.git import Repository

        return Repository.open(Path(self.checkout))

    def sandbox(self) -> Sandbox:
        return self._sandbox

    @cached_property
    def _sandbox(self) -> Sandbox:
        from inhouse.sandbox import Sandbox

        return Sandbox.open(unsafe_local=self.unsafe_local)


def _completion(one: Task, state: TaskState) -> Completion:
    text = state.output.completion
    usage = state.output.usage
    return Completion(
        task=one.id,
        arm=_ARM,
        sample=0,
        text=text,
        answer=extract(one, text),
        finish="length" if state.output.stop_reason == "max_tokens" else "stop",
        prompted=usage.input_tokens if usage else 0,
        generated=usage.output_tokens if usage else 0,
        seconds=state.output.time or 0.0,
    )


def _judge(suite: Suite, place: _Place, one: Task, completion: Completion) -> list[Judgement]:
    return list(suite.judge(place.project, [one], [completion]))


def _score(found: Sequence[Judgement], answer: str, isolation: str) -> Score:
    about = {"isolation": isolation}
    if not found:  # a published problem whose own solution does not pass on this machine
        return Score.unscored(explanation="the reference does not pass", metadata=about)
    first = found[0]
    value = CORRECT if first.top == first.bottom else INCORRECT
    return Score(value=value, answer=answer, explanation=first.note or None, metadata=about)
