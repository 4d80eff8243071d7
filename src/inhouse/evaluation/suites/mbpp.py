"""MBPP: short Python problems with three assertions each (Austin et al. 2021, arXiv 2108.07732).

    chat          the prompt of EvalPlus, with the problem and its first assertion; greedy
    completion    a docstring with the problem and its first assertion, as InCoder was measured; greedy

The file is named in the settings (`generation.mbpp`): `mbpp.jsonl` or `sanitized-mbpp.json` of its authors.
Only problems 11 to 510, the published test split, are asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.evaluation.prompts import is_chat
from inhouse.evaluation.suites.execution import run_programs
from inhouse.evaluation.suites.human_eval import INSTRUCTION, chosen, judged_by_form
from inhouse.evaluation.tasks import Check, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.evaluation.tasks import Completion, Judgement, Project

__all__ = ["SUITE", "Mbpp", "problem_tasks", "program", "read_problems"]

_SPLIT = range(11, 511)
_NEXT = "name mbpp.jsonl or sanitized-mbpp.json"


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


def read_problems(path: Path) -> list[dict[str, Any]]:
    """Return the problems of the test split. Raises UserMistake for a file that holds something else."""
    try:
        text = path.read_text(encoding="utf-8")
        rows = json.loads(text) if text.lstrip().startswith("[") else map(json.loads, text.splitlines())
        problems = [row for row in rows if int(row["task_id"]) in _SPLIT]
        for problem in problems:
            _parts(problem)
    except (OSError, ValueError, TypeError, KeyError) as error:
        given = f"{path} ({type(error).__name__}: {error})"
        raise UserMistake("MBPP needs its problems", given, _NEXT) from None
    if not problems:
        raise UserMistake("MBPP needs problems 11 to 510", str(path), _NEXT)
    return problems


def problem_tasks(problems: Sequence[dict[str, Any]]) -> list[Task]:
    """Return two tasks for each problem: in the chat form, and in the completion form."""
    tasks = []
    for problem in problems:
        words, first, test, solution = _parts(problem)
        prompt = f'"""\n{words}\n{first}\n"""\n'
        common = {"name": f"Mbpp/{problem['task_id']}", "test": test, "reference": solution}
        tasks += [
            _task(prefix="", instruction=INSTRUCTION.format(prompt=prompt.strip()), **common),
            _task(prefix=prompt, instruction="", **common),
        ]
    return tasks


def program(task: Task, answer: str) -> str:
    """Return the program whose assertions tell whether an answer is right."""
    return f"{answer}\n" if is_chat(task) else f"{task.prefix.rstrip()}\n{answer}\n"


def _parts(problem: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the problem in words, its first assertion, the test program and the solution."""
    words = str(problem["text"] if "text" in problem else problem["prompt"]).strip()
    setup = problem.get("test_setup_code") or "\n".join(problem.get("test_imports", []))
    tests = [str(test) for test in problem["test_list"]]
    solution = str(problem["code"]).replace("\r\n", "\n")
    return words, tests[0], "\n".join([setup, *tests]).strip() + "\n", solution


def _task(*, name: str, prefix: str, instruction: str, reference: str, test: str) -> Task:
    return Task(
        id=digest_json(["mbpp", prefix, instruction, test]),
        suite="mbpp",
        kind="mbpp",
        group=name,
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
