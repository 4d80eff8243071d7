"""Questions to the documents of the repository, and how likely documents are that came after the cut.

measures    answer_exact: the answer holds what stands in the document
            answer_f1: of its words
            bits_per_byte (documents), (docstrings): of prose that came after the cut
            next_token_accuracy (documents), (docstrings): the same
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.datasets.prose import is_docstring
from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.evaluation.documents import asked_questions, contains, f1
from inhouse.evaluation.judging import judgement
from inhouse.evaluation.newer import SCORES
from inhouse.evaluation.placed import tree_at_cut
from inhouse.evaluation.results import score_judgements
from inhouse.evaluation.sampling import even_tasks
from inhouse.evaluation.tasks import Check, Task
from inhouse.records import Item, Score
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.evaluation.documents import Question
    from inhouse.evaluation.tasks import Completion, Judgement, Project

__all__ = ["SUITE", "Documents", "newer_documents"]

_NOTHING = Check("", "", (), (), "", 0, 0.0)


@dataclass(frozen=True, slots=True)
class Documents:
    """The suite."""

    name: str = "documents"
    title: str = "questions to the documents"
    answers_of: str = "documents"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return questions evenly over files. Raises UserMistake where the documents answer none."""
        found = [_task(project, question) for question in asked_questions(tree_at_cut(project))]
        if not found:
            raise UserMistake(
                "this suite asks what stands in headings, tables, requirements and docstrings",
                f"{project.name} has none that only one place answers",
                "choose another suite",
            )
        return even_tasks(found, project.settings.seed)[: project.settings.generation.tasks]

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Compare what was written with what stands there."""
        del project
        by_id = {task.id: task for task in tasks}
        for completion in completions:
            task = by_id.get(completion.task)
            if task is not None:
                exact = contains(completion.text, task.reference)
                note = "" if exact else f"expected: {task.reference}"
                yield judgement(self.name, "answer_exact", task, completion, exact, 1, note)
                yield judgement(
                    self.name, "answer_f1", task, completion, f1(completion.text, task.reference), 1
                )


SUITE = Documents()


def newer_documents(scores: Path, dataset: Path) -> Iterator[Judgement]:
    """Yield the scores of prose that came after the cut as judgements of this suite, grouped by commit.

    `scores` is the folder that `evaluation.newer` scored into.
    """
    items = {item.id: item for item in read_records(dataset, "documents", Item)}
    for score in read_records(scores, SCORES, Score):
        item = items[score.item]
        variant = "docstrings" if is_docstring(item) else "documents"
        yield from score_judgements(SUITE.name, score, item, variant)


def _task(project: Project, question: Question) -> Task:
    about = f"Answer in a few words, without an explanation. This is about the project {project.name}."
    return Task(
        id=digest_json([question.kind, question.asked, question.answer]),
        suite=SUITE.name,
        kind="question",
        group=question.path,
        date=0,
        language="",
        path="",
        prefix="",
        suffix="",
        instruction=f"{about}\n{question.asked}",
        reference=question.answer,
        context=(),
        check=_NOTHING,
        verified="",
    )
