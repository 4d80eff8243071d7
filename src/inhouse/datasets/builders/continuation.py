"""Continuation: the files of the training tree as they stand, in windows that open with document markers.

Files come in turns from the top-level folders, the most recently changed first, and give a few windows at a
time: a small budget sees many files and not one long one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.datasets.builders.windowed import Windowed
from inhouse.datasets.formats import markers
from inhouse.datasets.windows import lines_with_code, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Bench, Past
    from inhouse.datasets.material import SourceFile
    from inhouse.records import Example

__all__ = ["BUILDER", "Continuation"]

_NAMES = re.compile(r"copyright|author|©", re.IGNORECASE)
_WORD = re.compile(r"\w+")


class Continuation(Windowed):
    """Makes windows of the repository's files."""

    kind = "continuation"
    line = "the files as they stand, in windows that open with repository, message and path"
    turn = 4

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._headers = {""}

    def by_file(self, past: Past) -> Iterator[list[Example]]:
        """Yield the rows of each file of the tree."""
        return map(self.file_rows, past.files)

    def file_rows(self, file: SourceFile) -> list[Example]:
        """Return a file's windows as rows; a header that another file had too is not repeated."""
        bench, lines = self.bench, split_lines(file.text)
        head = markers(bench.tokenizer, bench.repository, file.path, file.message, bench.length)
        return self.cut(head, lines, file.parsed, file.lineage, self._known_header(file, lines))

    def _known_header(self, file: SourceFile, lines: list[str]) -> int:
        """Return how many lines a file's first comments have, if they are known but for who and when."""
        has_code = lines_with_code(file.text, file.parsed)
        end = next((n for n, line in enumerate(lines) if has_code[n] or not line.strip()), 0)
        header = " ".join(_WORD.findall("".join(line for line in lines[:end] if not _NAMES.search(line))))
        if header not in self._headers:
            self._headers.add(header)
            return 0
        self.tally.skipped["known header"] += end > 0
        return next((n for n, line in enumerate(lines) if n >= end and line.strip()), end)


BUILDER = Continuation
