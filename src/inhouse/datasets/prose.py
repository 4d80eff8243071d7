"""New prose: runs of new lines of Markdown and reStructuredText, and of docstrings within code.

They are cut as code is (`items.Cutter`), with three differences: a run may be a single line, for a paragraph
may be one; it is cut where paragraphs and points of a list begin; and of a line beyond what is scored its
first sentences are taken. Of a file of code only the lines of docstrings count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.datasets.docstrings import docstring_lines
from inhouse.datasets.items import Cutter, FileLines, sample
from inhouse.datasets.material import PROSE
from inhouse.hygiene.generated import classify
from inhouse.languages import detect, is_code
from inhouse.records import Hunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.datasets.items import Piece
    from inhouse.datasets.material import Version
    from inhouse.records import Change, Item

__all__ = ["ProseCutter", "is_docstring", "is_document_change", "sample_prose"]

_STATUSES = frozenset("AMR")
_WORD = re.compile(r"[^\W\d_]{2}")
_POINT = re.compile(r" {0,3}(?:[-*+]|\d{1,3}[.)]|\.\.)[ \t]")
_SENTENCE_END = re.compile(r"[.!?:;](?=\s)")
_CHARACTERS = 16  # of a token, at most, where its text is looked for


class ProseCutter(Cutter):
    """Cuts the new prose of changed files into what is scored."""

    empty = "no words"

    def wanted(self, change: Change, hunk: Hunk) -> bool:
        """Tell whether a run of new lines may hold prose: of code that is known when it is read."""
        language = detect(change.path)
        return _is_written(change, hunk) and (language in PROSE or is_code(language))

    def found(self, version: Version) -> list[Piece]:
        """Return the candidates of a changed file. Code that hygiene removed has none: its items say why."""
        if version.removed and is_code(detect(version.change.path)):
            return []
        return super().found(version)

    def pieces(self, path: str, text: str, runs: Sequence[Hunk]) -> list[Piece]:
        """Return the candidates among the new lines of a file, as `Cutter.pieces` does."""
        if is_code(detect(path, text)):
            runs = _within(runs, docstring_lines(path, text))
        return super().pieces(path, text, runs)

    def lines(self, path: str, text: str) -> FileLines:
        """Return a file by lines; those with a word count, and paragraphs begin."""
        del path
        return _ProseLines(text)

    def beginning(self, text: str) -> str:
        """Return as much of the beginning of `text` as is scored: whole lines, else whole sentences."""
        kept = super().beginning(text)
        return kept if kept.strip() or not text.strip() else self._sentences(text)

    def _sentences(self, text: str) -> str:
        ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, self._max_tokens * _CHARACTERS)]
        fitting = [end for end in ends if len(self._tokenizer.encode(text[:end])) <= self._max_tokens]
        return text[: max(fitting, default=0)]


class _ProseLines(FileLines):
    """A document by lines."""

    def starts(self, low: int, high: int) -> list[int]:
        """Return the lines between two where paragraphs and points of a list begin."""
        lines = [self.text(line, line + 1) for line in range(low, high)]
        return [
            low + number
            for number in range(1, len(lines))
            if lines[number].strip() and (not lines[number - 1].strip() or _POINT.match(lines[number]))
        ]

    def counts(self, low: int, high: int) -> bool:
        """Tell whether any of the lines holds a word."""
        return any(_WORD.search(self.text(line, line + 1)) for line in range(low, high))


def is_document_change(change: Change, hunk: Hunk) -> bool:
    """Tell whether a run of new lines is of a document that someone wrote."""
    return _is_written(change, hunk) and detect(change.path) in PROSE


def is_docstring(item: Item) -> bool:
    """Tell whether an item of prose stands in code."""
    return item.language not in PROSE


def sample_prose(items: Sequence[Item], quota: int, seed: int) -> list[Item]:
    """Return at most `quota` items in their order, half of them docstrings where there are as many of both.

    Each half is sampled as `items.sample` does it; what one cannot use goes to the other.
    """
    docstrings = [item for item in items if is_docstring(item)]
    documents = [item for item in items if not is_docstring(item)]
    chosen = sample(documents, max(quota - quota // 2, quota - len(docstrings)), seed)
    chosen += sample(docstrings, quota - len(chosen), seed)
    ids = {item.id for item in chosen}
    return [item for item in items if item.id in ids]


def _is_written(change: Change, hunk: Hunk) -> bool:
    return hunk.new_count > 0 and change.status in _STATUSES and classify(change.path, "") is None


def _within(runs: Sequence[Hunk], blocks: Sequence[range]) -> list[Hunk]:
    """Return the parts of runs that lie in blocks of lines, which are counted from 0."""
    found = []
    for run in runs:
        for block in blocks:
            low = max(run.new_start - 1, block.start)
            high = min(run.new_start - 1 + run.new_count, block.stop)
            if low < high:
                found.append(Hunk(0, 0, low + 1, high - low))
    return found
