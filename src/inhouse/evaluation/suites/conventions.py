"""The conventions of the repository at the cut, and the share of them that answers keep.

measures    conventions_kept: of the conventions that apply to an answer
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.conventions import profile
from inhouse.evaluation.judging import OfExecution, judgement
from inhouse.evaluation.placed import answers, tree_at_cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.tasks import Completion, Judgement, Project, Task

__all__ = ["SUITE", "Conventions"]


@dataclass(frozen=True, slots=True)
class Conventions(OfExecution):
    """The suite."""

    name: str = "conventions"
    title: str = "the repository's conventions"

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Yield how many conventions apply to each answer and how many it keeps."""
        mined = profile(tree_at_cut(project))
        for task, completion, placed in answers(tasks, completions):
            found = mined.judge(placed.language, placed.text, placed.span, placed.path)
            yield judgement(
                self.name,
                "conventions_kept",
                task,
                completion,
                found.kept,
                found.applicable,
                " | ".join(found.notes),
            )


SUITE = Conventions()
