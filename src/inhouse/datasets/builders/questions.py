"""Questions that the documents answer, without a model: headings, tables, requirements and docstrings.

Of the training tree alone, and never one that evaluation asks (`datasets.questions.is_held_out`).
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.questions import Question, is_held_out, questions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.records import Example

__all__ = ["BUILDER", "Questions"]


class Questions(Builder):
    """Makes a row of each question."""

    kind = "question"
    line = "questions that headings, tables, requirements and docstrings answer; none that evaluation asks"

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, the kinds of questions in turn."""
        lineage: dict[str, tuple[str, ...]] = {}

        def read() -> Iterator[tuple[str, str]]:
            for file in past.files:
                self.tally.sources += 1
                lineage[file.path] = file.lineage[:1]
                yield file.path, file.text

        by_kind: dict[str, list[Question]] = {}
        for question in questions(read()):
            if is_held_out(question):
                self.skip("kept for evaluation")
            else:
                by_kind.setdefault(question.kind, []).append(question)
        for turn in zip_longest(*(by_kind[kind] for kind in sorted(by_kind))):
            for question in filter(None, turn):
                asked = f"{question.asked}\nThis is about the project {self.bench.repository}."
                row = self.conversation(asked, question.answer, lineage[question.path], [question.path])
                if row is not None:
                    yield row


BUILDER = Questions
