"""Continuation: the files of the training tree as they stand, in windows that open with document markers.

Files come in turns from the top-level folders, the most recently changed first, and give a few windows at a
time: a small budget sees many files and not one long one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.datasets.builders.batched import in_batches
from inhouse.datasets.builders.windowed import Windowed
from inhouse.datasets.formats import markers
from inhouse.datasets.windows import lines_with_code, split_lines, surely_code
from inhouse.languages import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Bench, Past
    from inhouse.datasets.material import SourceFile
    from inhouse.records import Example

__all__ = ["BUILDER", "Continuation"]

_NAMES = re.compile(r"copyright|author|©", re.IGNORECASE)
_WORD = re.compile(r"\w+")

_Batch = list[tuple["SourceFile", int, bool]]  # with the lines to pass over; are they a header?


class Continuation(Windowed[_Batch]):
    """Makes windows of the repository's files."""

    kind = "continuation"
    line = "the files as they stand, in windows that open with repository, message and path"
    turn = 4

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._headers = {""}

    def batches(self, past: Past) -> Iterator[_Batch]:
        """Yield the files of the tree, each with the lines of a header that another file had too."""
        told = ((file, *self._known_header(file)) for file in past.files)
        return in_batches(told, lambda one: len(one[0].text))

    def groups(self, batch: _Batch) -> Iterator[list[Example]]:
        """Yield the rows of each file."""
        for file, first, has_header in batch:
            self.tally.skipped["known header"] += has_header
            yield self.file_rows(file, first)

    def file_rows(self, file: SourceFile, first: int = 0) -> list[Example]:
        """Return a file's windows as rows; its `first` lines are passed over."""
        bench = self.bench
        head = markers(bench.tokenizer, bench.repository, file.path, file.message, bench.length)
        return self.cut(head, split_lines(file.text), file.parsed, file.lineage, first)

    def _known_header(self, file: SourceFile) -> tuple[int, bool]:
        """Return how many lines a file's first comments have, if they are known but for who and when."""
        lines = split_lines(file.text)
        end = _first_code(file, lines)
        header = " ".join(_WORD.findall("".join(line for line in lines[:end] if not _NAMES.search(line))))
        if header not in self._headers:
            self._headers.add(header)
            return 0, False
        return next((n for n, line in enumerate(lines) if n >= end and line.strip()), end), end > 0


def _first_code(file: SourceFile, lines: list[str]) -> int:
    """Return the first line that is blank or holds code; parsed is no more than what may be comments."""
    offset = end = 0
    for line in lines:
        if surely_code(file.text, offset, line, file.language):
            break
        offset += len(line)
        end += 1
    head = file.text[:offset]
    has_code = lines_with_code(head, parse(file.path, head, file.language))
    behind = end if end < len(lines) else 0  # a file of comments alone has no header
    return next((n for n, line in enumerate(lines[:end]) if has_code[n] or not line.strip()), behind)


BUILDER = Continuation
