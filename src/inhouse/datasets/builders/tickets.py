"""Tickets and pull requests to the change that closed them.

Two sources: merges of the main line, whose message is the pull request and whose change is that of the whole
branch; and commits that name what they answer ("fixes #12", "(#34)" with a description, "Closes ABC-7").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.tasks import EditBuilder
from inhouse.datasets.edits import constraints
from inhouse.datasets.messages import read_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.messages import Message
    from inhouse.datasets.patches import Patch
    from inhouse.records import Example

__all__ = ["BUILDER", "Tickets"]


class Tickets(EditBuilder):
    """Makes rows of pull requests and of commits that answer a ticket."""

    kind = "ticket"
    line = "from a ticket or pull request, and the code before it, to the combined diff of its branch"
    wanted = "ticket"

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows: of branches first, then of single commits."""
        merged: set[str] = set()
        for branch in past.branches:
            if branch.commits == 1:
                self.skip("a branch of one commit, which has its own row")
                continue
            message = read_message(branch.message, merged=True)
            for row in self.of_patch(branch, message):
                merged.add(message.subject.casefold())
                yield row
        for patch in past.patches:
            message = read_message(patch.message)
            if message.subject.casefold() in merged:
                self.skip("its branch gave a row")
            else:
                yield from self.of_patch(patch, message)

    def asked(self, patch: Patch, message: Message) -> str:
        """Return the question up to the code."""
        title = f"# {message.subject}\n\n{message.body}".strip()
        what = f"Resolve this ticket of {self.bench.repository}."
        return f"{what}\n\n{title}\n\nConstraints:\n{constraints(patch)}".rstrip()


BUILDER = Tickets
