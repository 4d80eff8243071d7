"""What formatter, linter, type checker, compiler and security rules say of answers.

measures    findings (syntax), findings (format), findings (lint), findings (types), findings (compiler),
            findings (security): brought in by an answer; greedy answers only, the checkers take their time
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.evaluation.judging import OfExecution, judgement
from inhouse.evaluation.mining.environment import PythonEnvironment
from inhouse.evaluation.placed import answers, place, stub
from inhouse.evaluation.static_checks import Case, check
from inhouse.hygiene.corpus import Corpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.evaluation.static_checks import Checked, Diagnostic
    from inhouse.evaluation.tasks import Completion, Judgement, Project, Task

__all__ = ["SUITE", "Static"]

_READ = frozenset({".c", ".cfg", ".clang-format", ".h", ".ini", ".py", ".pyi", ".toml", ".typed"})
_SHOWN = 5  # diagnostics in a note


@dataclass(frozen=True, slots=True)
class Static(OfExecution):
    """The suite. All checkers run in the sandbox: the repository's settings for them may name programs."""

    name: str = "static"
    title: str = "static checks"

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Yield the findings of each kind for each answer; what was not checked has a reason and no value."""
        greedy = [completion for completion in completions if not completion.sample]
        placed = list(answers(tasks, greedy))
        cases = [Case(answer, stub(task), place(task, task.reference)) for task, _, answer in placed]
        interpreter, readable = _python(project, cases)
        found = check(project.sandbox, _tree(project), cases, interpreter, readable)
        missing = {why for one in found for why in one.reasons.values() if why.endswith("is not installed")}
        for why in sorted(missing):
            project.progress.warn(f"static checks: {why}")
        for (task, completion, _), checked in zip(placed, found, strict=True):
            for measure, top, bottom, note in _rows(checked):
                yield judgement(self.name, measure, task, completion, top, bottom, note)


SUITE = Static()


def _python(project: Project, cases: Sequence[Case]) -> tuple[str, Sequence[Path]]:
    if not any(case.answer.language == "python" for case in cases):
        return "", ()
    found = PythonEnvironment.probe(project.settings.execution.python, project.repository.path)
    return str(found.executable), found.readable


def _tree(project: Project) -> dict[str, str]:
    """Return what checkers read of the tree at the cut: code and settings."""
    tree = Corpus(project.corpus).tree(project.history, project.split.cut, "index")
    return {path: document.text for path, document in tree if _suffix(path) in _READ}


def _suffix(path: str) -> str:
    name = PurePosixPath(path).name
    return PurePosixPath(path).suffix or name


def _rows(checked: Checked) -> Iterator[tuple[str, int, int, str]]:
    for kind, found in checked.introduced.items():
        yield f"findings ({kind})", len(found), 1, _note(found)
    for kind, why in checked.reasons.items():
        yield f"findings ({kind})", 0, 0, why


def _note(found: Sequence[Diagnostic]) -> str:
    shown = [f"line {one.line}: {one.code} {one.message}".strip() for one in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "; ".join([*shown, *more])
