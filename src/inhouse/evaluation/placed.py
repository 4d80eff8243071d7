"""An answer in its place: the file that it completes, and which part of it was written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from inhouse.evaluation.syntax import byte_offset, encode
from inhouse.hygiene.corpus import Corpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.evaluation.tasks import Completion, Project, Task

__all__ = ["Placed", "answers", "place", "stub", "tree_at_cut"]

_NAMES = {"c": "answer.c", "python": "answer.py"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A file with an answer in it. Offsets are characters, the end is exclusive."""

    language: str
    path: str  # "answer.py" and the like for a task without a file
    text: str
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        """Where the answer stands."""
        return self.start, self.end

    @property
    def answer(self) -> str:
        """What was written."""
        return self.text[self.start : self.end]

    @property
    def given(self) -> str:
        """The file without the answer."""
        return self.text[: self.start] + self.text[self.end :]

    @property
    def source(self) -> bytes:
        """The file as parsers and compilers read it."""
        return encode(self.text)

    @property
    def byte_span(self) -> tuple[int, int]:
        """Where the answer stands in `source`."""
        return byte_offset(self.text, self.start), byte_offset(self.text, self.end)


def place(task: Task, answer: str) -> Placed:
    """Put an answer into the file of its task."""
    start = len(task.prefix)
    path = task.path or _NAMES.get(task.language, "answer")
    return Placed(task.language, path, task.prefix + answer + task.suffix, start, start + len(answer))


def stub(task: Task) -> Placed:
    """Put a statement that does nothing into the file of a task, and the braces that the reference closes."""
    reference = task.reference
    lead = reference[: len(reference) - len(reference.lstrip())]
    closing = max(0, reference.count("}") - reference.count("{")) if task.language == "c" else 0
    statement = {"python": "pass", "c": ";"}.get(task.language, "") + "\n}" * closing
    return place(task, lead + statement + reference[len(reference.rstrip()) :])


def answers(
    tasks: Sequence[Task], completions: Sequence[Completion]
) -> Iterator[tuple[Task, Completion, Placed]]:
    """Yield the completions that hold an answer, each with its task and its place."""
    by_id = {task.id: task for task in tasks}
    for completion in completions:
        task = by_id.get(completion.task)
        if task is not None and completion.answer.strip():
            yield task, completion, place(task, completion.answer)


def tree_at_cut(project: Project) -> Sequence[tuple[str, str]]:
    """Return (path, text) of the tree at the cut as far as it is the team's own: what is trained on.

    It is read once for all suites.
    """
    return _tree(project.corpus, project.history, project.split.cut)


@lru_cache(maxsize=1)
def _tree(corpus: Path, history: Path, revision: str) -> Sequence[tuple[str, str]]:
    """Return the files of a revision. Both folders are finished artefacts, which nobody changes."""
    return [(path, document.text) for path, document in Corpus(corpus).tree(history, revision, "train")]
