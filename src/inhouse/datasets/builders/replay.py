"""Replay: general code beside the repository's, so that what the model knew is not forgotten.

Ibrahim et al. 2024, "Simple and scalable strategies to continually pre-train large language models"
(https://arxiv.org/abs/2403.08763). The rows are windows like those of `continuation`, with the package in the
place of the repository. `dataset.replay` asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.batched import in_batches
from inhouse.datasets.builders.windowed import Windowed
from inhouse.datasets.formats import markers
from inhouse.datasets.mixing import REPLAY
from inhouse.datasets.windows import split_lines
from inhouse.languages import detect, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.general import GeneralFile
    from inhouse.hygiene.duplicates import SpansWithin
    from inhouse.records import Example

__all__ = ["BUILDER", "Replay"]


_Batch = tuple[list["GeneralFile"], "SpansWithin"]


class Replay(Windowed[_Batch]):
    """Makes windows of files of others; one that holds a span of the held-out period is dropped."""

    kind = REPLAY
    line = "general code under permissive licences, in windows, against forgetting"
    turn = 2

    def batches(self, past: Past) -> Iterator[_Batch]:
        """Yield the general files, and what no row may hold."""
        for files in in_batches(past.general, lambda file: len(file.text)):
            yield files, past.heldout

    def groups(self, batch: _Batch) -> Iterator[list[Example]]:
        """Yield the rows of each file."""
        files, heldout = batch
        for file in files:
            yield [row for row in self.file_rows(file) if self._is_new(row, heldout)]

    def file_rows(self, file: GeneralFile) -> list[Example]:
        """Return the windows of a file as rows."""
        head = markers(self.bench.tokenizer, file.package, file.path, "", self.bench.length)
        parsed = parse(file.path, file.text, detect(file.path))
        return self.cut(head, split_lines(file.text), parsed, file.lineage)

    def _is_new(self, row: Example, heldout: SpansWithin) -> bool:
        if heldout.find(row.text) is None:
            return True
        self.skip("holds a span of the held-out period")
        self.tally.tokens_dropped += len(row.input_ids)
        return False


BUILDER = Replay
