"""Tasks mined from the repository itself: what each arm wrote is put into its file and its tests are run.

pass@1              does the greedy answer pass?
sampled             does one random answer pass?
pass@5, pass@10     does one of so many random answers pass? Unbiased, from all of them
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from inhouse.errors import CheckFailed, UserMistake
from inhouse.evaluation.mining.verify import Checker
from inhouse.evaluation.pass_at_k import GREEDY, SAMPLED, pass_rates
from inhouse.evaluation.prompts import is_chat
from inhouse.evaluation.sampling import even_tasks
from inhouse.evaluation.tasks import Judgement, Task
from inhouse.sandbox.checks import Expectation, PythonTests, check_python, expect_python
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.evaluation.tasks import Completion, Project
    from inhouse.sandbox import Sandbox

__all__ = [
    "NO_ANSWER",
    "SUITE",
    "Execution",
    "Run",
    "judged",
    "reference_answer",
    "run_programs",
    "run_python",
    "workers",
]

NO_ANSWER = "nothing was written"
"""Note of a judgement whose completion holds no answer."""

_Answers = Sequence[tuple[Task, str]]
_Verdict = tuple[bool, str] | None  # passed and why not; None where the task cannot be scored
Run = Callable[[_Answers], list[_Verdict]]
"""Judges answers, in their order."""


@dataclass(frozen=True, slots=True)
class Execution:
    """The suite of the repository's own tasks."""

    name: str = "execution"
    title: str = "code that passes its tests"
    answers_of: str = "execution"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return as many mined tasks as the settings allow, evenly over files and commits."""
        if project.mined is None:
            raise UserMistake(
                "this suite runs tasks that were mined", "none were so far", "run `inhouse tasks mine`"
            )
        mined = list(read_records(project.mined, "tasks", Task))
        if not mined:
            raise UserMistake(
                "this suite needs mined tasks", "none of the repository verified", "see `inhouse tasks list`"
            )
        return even_tasks(mined, project.settings.seed)[: project.settings.generation.tasks]

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Run the tests of each task with each answer in its place."""

        def run(answers: _Answers) -> list[_Verdict]:
            checker = Checker(project.sandbox(), project.repository, project.settings.execution)
            verdicts = checker.check_many(answers, workers(project))
            return [(verdict.passed, verdict.reason) for verdict in verdicts]

        return judged(self.name, tasks, completions, run)


SUITE = Execution()


def judged(
    suite: str,
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    run: Run,
    suffix: str = "",
) -> Iterator[Judgement]:
    """Yield pass or fail of every completion, then pass@k of tasks with random answers.

    `run` judges answers and gets each different one once. `suffix` follows the names of the measures.
    Completions of other tasks, and of tasks that cannot be scored, are left out.
    """
    by_id = {task.id: task for task in tasks}
    mine = [completion for completion in completions if completion.task in by_id]
    asked = dict.fromkeys((one.task, one.answer) for one in mine if one.answer.strip())
    found = run([(by_id[task], answer) for task, answer in asked]) if asked else []
    verdicts = dict(zip(asked, found, strict=True))
    unsound = {task for (task, _), verdict in verdicts.items() if verdict is None}
    judgements = []
    for one in mine:
        passed, why = verdicts.get((one.task, one.answer)) or (False, NO_ANSWER)
        measure = (SAMPLED if one.sample else GREEDY) + suffix
        group = by_id[one.task].group
        if one.task not in unsound:
            judgements.append(
                Judgement(suite, measure, one.task, group, one.arm, one.sample, float(passed), 1.0, why)
            )
    yield from judgements
    yield from pass_rates(judgements, suffix)


def run_programs(project: Project, answers: _Answers, program: Callable[[Task, str], str]) -> list[_Verdict]:
    """Return the verdicts on answers that make a program of their own, tested by the source of the check."""
    return run_python(
        project,
        answers,
        lambda task, answer: {"candidate.py": program(task, answer)},
        lambda task: PythonTests(program=task.check.source),
    )


def run_python(
    project: Project,
    answers: _Answers,
    files: Callable[[Task, str], dict[str, str]],
    tests: Callable[[Task], PythonTests],
) -> list[_Verdict]:
    """Return the verdicts on answers that are judged beside nothing but files of their own.

    The reference is run first, once in a process: it says how long a run may take and what the tests do.
    There is no verdict on answers to a task whose reference does not pass.
    """
    sandbox = project.sandbox()

    def run(answer: tuple[Task, str]) -> _Verdict:
        task, text = answer
        try:
            expected = _expected(sandbox, task, _bytes(files(task, reference_answer(task))), tests(task))
        except CheckFailed:
            return None
        verdict = check_python(sandbox, _bytes(files(task, text)), tests(task), expected)
        return verdict.passed, verdict.reason

    with ThreadPoolExecutor(workers(project)) as pool:
        return list(pool.map(run, answers))


def reference_answer(task: Task) -> str:
    """Return the reference in the form in which a model's answer is extracted."""
    return task.reference if is_chat(task) or task.path else f"\n{task.reference}"


_known: WeakKeyDictionary[Sandbox, dict[Task, Expectation]] = WeakKeyDictionary()


def _expected(sandbox: Sandbox, task: Task, reference: dict[str, bytes], tests: PythonTests) -> Expectation:
    known = _known.setdefault(sandbox, {})
    if task not in known:
        known[task] = expect_python(sandbox, reference, tests)
    return known[task]


def _bytes(files: dict[str, str]) -> dict[str, bytes]:
    return {path: text.encode("utf-8", "replace") for path, text in files.items()}


def workers(project: Project) -> int:
    """Return how many sandboxes run side by side: the model needs the rest of the machine."""
    return project.settings.workers or 2
