"""Tasks: a commit as (task, context, constraints, solution), in as many files as it changed.

The message has to be an instruction, by the rules of CommitPackFT (`messages`); the context is the code
before the commit, chosen by retrieval (`edits`). Commits that answer a ticket, or only change the shape of
code, are of other kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.batched import Batched, in_batches
from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.edits import constraints, context_before, fenced_diff, unusable
from inhouse.datasets.messages import read_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.messages import Message
    from inhouse.datasets.patches import Patch
    from inhouse.records import Example

__all__ = ["BUILDER", "CommitBuilder", "EditBuilder", "Tasks"]


class EditBuilder(Builder):
    """Makes a row of each patch whose message is of the kind that is wanted."""

    wanted: str
    """Kind of message."""

    def of_patch(self, patch: Patch, message: Message) -> Iterator[Example]:
        """Yield the row of a patch, if it makes one; else tally why not."""
        self.tally.sources += 1
        if message.kind != self.wanted:
            self.skip(message.reason or f"another kind: {message.kind}")
            return
        reason = unusable(patch, self.bench)
        if reason:
            self.skip(reason)
            return
        row = self.row(patch, message)
        if row is not None:
            yield row

    def row(self, patch: Patch, message: Message) -> Example | None:
        """Return the conversation of a patch, None when it does not fit into a row."""
        answer = self.answer(patch, message)
        asked = self.asked(patch, message)
        context = context_before(patch, message.words, self.bench, asked, answer)
        if context is None:
            self.skip("what is changed does not fit into a row")
            return None
        shown = f"\n\nThe code before the change:\n\n{context}" if context else "\n"
        return self.conversation(asked + shown.rstrip("\n") + "\n", answer, patch.sources, [patch.commit])

    def asked(self, patch: Patch, message: Message) -> str:
        """Return the question up to the code."""
        project = self.bench.repository
        return f"Task: {message.words}\n\nProject: {project}\nConstraints:\n{constraints(patch)}".rstrip()

    def answer(self, patch: Patch, message: Message) -> str:  # noqa: ARG002
        """Return the solution."""
        return fenced_diff(patch)


class CommitBuilder(EditBuilder, Batched[list["Patch"]]):
    """Does so for single commits."""

    turn = 1

    def batches(self, past: Past) -> Iterator[list[Patch]]:
        """Yield the commits, newest first."""
        return in_batches(past.patches, _characters)

    def groups(self, batch: list[Patch]) -> Iterator[list[Example]]:
        """Yield the row of each."""
        for patch in batch:
            yield list(self.of_patch(patch, read_message(patch.message)))


def _characters(patch: Patch) -> int:
    """Return a measure of the work that a patch makes."""
    return sum(len(file.before) + len(file.after) for file in patch.files) // 2


class Tasks(CommitBuilder):
    """Makes rows of commits that say what they do."""

    kind = "task"
    line = "from a commit's message, its constraints and the code before it to the diff, of all its files"
    wanted = "task"


BUILDER = Tasks
