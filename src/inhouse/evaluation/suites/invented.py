"""Symbols that answers invent, and symbols of the repository that they should have used and did.

measures    invented_symbols: exist nowhere, of all that an answer uses
            internal_api_recall: of the symbols of the repository that the reference uses
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.invented import World, examine, expected_symbols, needed, used_names
from inhouse.evaluation.invented.machine import Headers, Members, read_headers, read_members
from inhouse.evaluation.judging import OfExecution, judgement
from inhouse.evaluation.mining.environment import PythonEnvironment
from inhouse.evaluation.placed import answers, place, tree_at_cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.invented.judge import Needed, Report
    from inhouse.evaluation.tasks import Completion, Judgement, Project, Task

__all__ = ["SUITE", "Invented"]


@dataclass(frozen=True, slots=True)
class Invented(OfExecution):
    """The suite. Modules and headers are looked up in the sandbox, once for all answers."""

    name: str = "invented"
    title: str = "invented symbols"

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Yield both measures for each answer in Python or C."""
        world = World.of(tree_at_cut(project))
        placed = list(answers(tasks, completions))
        members, headers = _look_up(project, needed(world, [answer for _, _, answer in placed]))
        for task, completion, answer in placed:
            report = examine(world, answer, members, headers)
            top, bottom = len(report.invented), report.used
            yield judgement(self.name, "invented_symbols", task, completion, top, bottom, _note(report))
            expected = expected_symbols(world, place(task, task.reference))
            missed = sorted(expected - used_names(answer))
            top, bottom = len(expected) - len(missed), len(expected)
            note = f"not used: {', '.join(missed)}" if missed else ""
            yield judgement(self.name, "internal_api_recall", task, completion, top, bottom, note)


SUITE = Invented()


def _look_up(project: Project, wanted: Needed) -> tuple[Members, Headers]:
    """Ask the machine what there is; nothing is asked where nobody uses it."""
    members, headers = Members({}, {}, frozenset()), Headers(frozenset(), ())
    if wanted.python:
        python = PythonEnvironment.probe(project.settings.execution.python, project.repository.path)
        members = read_members(
            project.sandbox(), str(python.executable), python.readable, wanted.paths, wanted.modules
        )
    if wanted.c:
        headers = read_headers(project.sandbox(), wanted.includes)
    for name, complete in (("modules of Python", members.complete), ("headers of C", headers.complete)):
        if not complete:
            project.progress.warn(f"{name} could not be read: what depends on them is not called invented")
    return members, headers


def _note(report: Report) -> str:
    unknown = f"{report.unknown} cannot be told" if report.unknown else ""
    return "; ".join(part for part in (", ".join(report.invented), unknown) if part)
