"""Refactorings with their reasons: commits that say that they change the shape of code and not what it does.

The answer begins with the author's reasons, so a message without a body gives no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.tasks import CommitBuilder
from inhouse.datasets.edits import fenced_diff

if TYPE_CHECKING:
    from inhouse.datasets.messages import Message
    from inhouse.datasets.patches import Patch
    from inhouse.records import Example

__all__ = ["BUILDER", "Refactors"]

_MIN_WORDS = 8  # of a reason


class Refactors(CommitBuilder):
    """Makes rows of refactorings."""

    kind = "refactor"
    line = "from code to a refactoring that keeps its behaviour: the author's reasons, then the diff"
    wanted = "refactor"

    def row(self, patch: Patch, message: Message) -> Example | None:
        """Return the conversation, None when the author gave no reasons."""
        if len(message.body.split()) < _MIN_WORDS:
            self.skip("no reasons given")
            return None
        return super().row(patch, message)

    def asked(self, patch: Patch, message: Message) -> str:
        """Return the question: what to do, the reasons left to the answer."""
        keep = "Keep the behaviour as it is. Give your reasons first, then a unified diff."
        paths = ", ".join(f"`{file.old_path or file.path}`" for file in patch.files)
        return f"{message.subject.rstrip('.')}, in {paths} of {self.bench.repository}. {keep}"

    def answer(self, patch: Patch, message: Message) -> str:
        """Return the reasons and the diff."""
        return f"{message.body}\n\n{fenced_diff(patch)}"


BUILDER = Refactors
