"""MBPP: short Python problems with three assertions each (Austin et al. 2021, arXiv 2108.07732).

    chat          the prompt of EvalPlus, with the problem and its first assertion; greedy
    completion    the three-shot prompt of its authors: problems 2, 3 and 4 with their solutions; greedy

The file is named in the settings (`generation.mbpp`): `mbpp.jsonl` or `sanitized-mbpp.json` of its authors.
Only problems 11 to 510, the published test split, are asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.evaluation.programs import definitions
from inhouse.evaluation.prompts import is_chat
from inhouse.evaluation.suites.execution import run_programs
from inhouse.evaluation.suites.human_eval import INSTRUCTION, chosen, judged_by_form
from inhouse.evaluation.tasks import Check, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.evaluation.tasks import Completion, Judgement, Project

__all__ = ["SUITE", "Mbpp", "Problem", "Problems", "problem_tasks", "program", "read_problems"]

_SPLIT = range(11, 511)
_SHOWN = (2, 3, 4)
_NEXT = "name mbpp.jsonl or sanitized-mbpp.json"
_ASKED = (
    "You are an expert Python programmer, and here is your task: {words} "
    "Your code should pass these tests:\n\n{tests}\n[BEGIN]\n"
)
_SOLVED = _ASKED + "{solution}\n[DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, the same in both layouts of the file."""

    number: int
    words: str
    tests: tuple[str, ...]
    setup: str  # what the tests need besides the answer
    solution: str

    @property
    def program(self) -> str:
        """What runs after the answer."""
        return "\n".join([self.setup, *self.tests]).strip() + "\n"

    def put(self, form: str) -> str:
        """Return the problem in a form of the three-shot prompt."""
        return form.format(words=self.words, tests="\n".join(self.tests), solution=self.solution)


@dataclass(frozen=True, slots=True)
class Problems:
    """What a file holds."""

    shown: tuple[Problem, ...]  # with their solutions, in the three-shot prompt
    asked: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Mbpp:
    """The suite."""

    name: str = "mbpp"
    title: str = "MBPP"
    answers_of: str = "mbpp"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return problems in both forms, as many problems as the settings allow."""
        path = project.settings.generation.mbpp
        if path is None:
            raise UserMistake(
                "MBPP needs its problems", "no file is named", "set generation.mbpp to the path of mbpp.jsonl"
            )
        return chosen(problem_tasks(read_problems(path)), project)

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Run the assertions of each problem on each answer."""
        return judged_by_form(
            self.name, tasks, completions, lambda answers: run_programs(project, answers, program)
        )


SUITE = Mbpp()


def read_problems(path: Path) -> Problems:
    """Return the problems that are shown and those of the test split.

    Raises UserMistake for a file that holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = [line for line in text.split("\n") if line.strip()]
        rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in lines]
        found = {problem.number: problem for problem in map(_problem, rows)}
    except (OSError, ValueError, TypeError, KeyError) as error:
        given = f"{path} ({type(error).__name__}: {error})"
        raise UserMistake("MBPP needs its problems", given, _NEXT) from None
    shown, asked = ([found[number] for number in numbers if number in found] for numbers in (_SHOWN, _SPLIT))
    if not asked or len(shown) < len(_SHOWN):
        rule = "MBPP needs problems 11 to 510 to ask, and 2, 3 and 4 to show solved in its prompt"
        raise UserMistake(rule, f"{path} has {len(asked)} of the former, {len(shown)} of the latter", _NEXT)
    return Problems(tuple(shown), tuple(asked))


def problem_tasks(problems: Problems) -> list[Task]:
    """Return two tasks for each problem: in the chat form, and in the completion form."""
    before = "".join(problem.put(_SOLVED) for problem in problems.shown)
    tasks = []
    for problem in problems.asked:
        words = f'"""\n{problem.words}\n{problem.tests[0]}\n"""'
        tasks += [
            _task(problem, prefix="", instruction=INSTRUCTION.format(prompt=words)),
            _task(problem, prefix=before + problem.put(_ASKED), instruction=""),
        ]
    return tasks


def program(task: Task, answer: str) -> str:
    """Return the program whose assertions tell whether an answer is right: in both forms it stands alone."""
    return f"{definitions(answer) if is_chat(task) else answer}\n"


def _problem(row: dict[str, Any]) -> Problem:
    tests = tuple(str(test) for test in row["test_list"])
    if not tests:
        raise ValueError(f"problem {row['task_id']} has no tests")
    return Problem(
        number=int(row["task_id"]),
        words=str(row["text"] if "text" in row else row["prompt"]).strip(),
        tests=tests,
        setup=str(row.get("test_setup_code") or "\n".join(row.get("test_imports", []))),
        solution=str(row["code"]).replace("\r\n", "\n"),
    )


def _task(problem: Problem, *, prefix: str, instruction: str) -> Task:
    test = problem.program
    return Task(
        id=digest_json(["mbpp", prefix, instruction, test]),
        suite="mbpp",
        kind="mbpp",
        group=f"Mbpp/{problem.number}",
        date=0,
        language="python",
        path="",
        prefix=prefix,
        suffix="",
        instruction=instruction,
        reference=problem.solution,
        context=(),
        check=Check("program", "", (), (), test, len(problem.tests), 0.0),
        verified="published with its tests",
    )
