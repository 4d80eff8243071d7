"""What the suites have in common that judge the answers of the execution suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.tasks import Judgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.evaluation.tasks import Completion, Project, Task

__all__ = ["OfExecution", "judgement"]


@dataclass(frozen=True, slots=True)
class OfExecution:
    """A suite without tasks of its own."""

    name: str
    title: str
    answers_of: str = "execution"

    def tasks(self, project: Project) -> Sequence[Task]:  # noqa: ARG002 - of the protocol
        """Return nothing: the answers are another suite's."""
        return ()


def judgement(
    suite: str, measure: str, task: Task, completion: Completion, top: float, bottom: float, note: str = ""
) -> Judgement:
    """Return one measure of one completion."""
    return Judgement(
        suite,
        measure,
        task.id,
        task.group,
        completion.arm,
        completion.sample,
        float(top),
        float(bottom),
        note,
    )
