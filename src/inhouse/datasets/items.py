"""Items: runs of new lines, cut to what is scored, each with its file before it and its commit.

    the file after the commit     | unchanged | run 1 | unchanged | run 2 ........................ | ...
    prefix and target of item 1   |--prefix---|target-|
    of two items of run 2         |----------- prefix ------------|target-|  (cut at a definition)
                                  |-------------- prefix ------------------------|target-|

Nothing is dropped without a reason: a candidate that cannot be used is yielded with the reason why.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise, zip_longest
from typing import TYPE_CHECKING, TypeVar

from inhouse.datasets.encoded import Encoded
from inhouse.datasets.formats import first_lines, space_at_end, target_text, text_needed
from inhouse.datasets.split import MOST_OF_A_FILE, is_candidate
from inhouse.datasets.windows import definition_starts, lines_with_code, split_lines, surely_code
from inhouse.digests import digest_json
from inhouse.languages import Parsed, detect, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.config import Budget, Evaluation
    from inhouse.datasets.material import Version
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Change, Hunk, Item

__all__ = [
    "MIN_BYTES",
    "CodeLines",
    "Cutter",
    "FileLines",
    "Piece",
    "evenly",
    "item_quota",
    "sample",
]

MIN_BYTES = 40
"""Of a target, blanks apart."""

_TARGET_TOKENS = 64  # what a target has on average, with the default limit of 96
_HELDOUT_SHARE, _VALIDATION_SHARE = 0.6, 0.25  # of the scored tokens; the rest measures what was forgotten
_FEWEST_ARMS = 2
_AT_MARGIN = re.compile(r"[^\W\d]|[@#/]")

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of new lines, or a part of one. `reason` says why it cannot be an item, or is ""."""

    line: int  # where it begins
    prefix: str
    target: str
    tokens_cut: int  # of its last lines, which are beyond what is scored
    reason: str = ""


def item_quota(budget: Budget, evaluation: Evaluation) -> tuple[int, int]:
    """Return how many held-out and how many validation items the scored tokens pay for.

    An item costs its context and about 64 tokens of target. Held-out items take 60% of `budget.scored` and
    are scored by at least two arms: by four where retrieval is used, and then evaluation takes an even half
    of them. Validation items are scored by the base model once for each retrieval share (zero included) and
    take 25%; general code, to measure what was forgotten, takes the rest.
    """
    cost = evaluation.context_tokens + min(_TARGET_TOKENS, evaluation.max_target_tokens)
    shares = 1 + len(evaluation.retrieval_shares)
    heldout = int(_HELDOUT_SHARE * budget.scored / (_FEWEST_ARMS * cost))
    validation = int(_VALIDATION_SHARE * budget.scored / (shares * cost))
    return max(1, heldout), max(1, validation)


class Cutter:
    """Cuts the new lines of changed files into what is scored: here, lines of code."""

    empty = "blank or comment"
    """Why lines with nothing of what is measured are no item."""

    def __init__(self, tokenizer: Tokenizer, evaluation: Evaluation) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = evaluation.max_target_tokens
        self._max_prefix = text_needed(evaluation.context_tokens)

    def wanted(self, change: Change, hunk: Hunk) -> bool:
        """Tell whether a run of new lines may hold items."""
        return is_candidate(change, hunk)

    def found(self, version: Version) -> list[Piece]:
        """Return the candidates of a changed file; of one that hygiene removed its runs, with the reason."""
        runs = [hunk for hunk in version.change.hunks if self.wanted(version.change, hunk)]
        if version.removed:
            return [Piece(run.new_start, "", "", 0, version.removed) for run in runs]
        return self.pieces(version.change.path, version.text, runs)

    def pieces(self, path: str, text: str, runs: Sequence[Hunk]) -> list[Piece]:
        """Return the candidates among the new lines of a file, whose text after the commit is `text`.

        A run of more than the scored tokens is cut where definitions begin. Of the usable pieces four are
        kept, at equal distances. Each ends with the last whole line that can be scored, blank ones apart.
        """
        file = self.lines(path, text)
        found: list[Piece] = []
        for run in runs:
            low, high = run.new_start - 1, run.new_start - 1 + run.new_count
            if high >= len(file.offsets):
                found.append(Piece(run.new_start, "", "", 0, "text does not match the change"))
            else:
                found += [self._piece(file, *part) for part in self._parts(file, low, high)]
        usable = [piece for piece in found if not piece.reason]
        chosen = {piece.line for piece in evenly(usable, MOST_OF_A_FILE)}
        too_many = f"more than {MOST_OF_A_FILE} in one file"
        return [
            piece if piece.reason or piece.line in chosen else replace(piece, reason=too_many)
            for piece in found
        ]

    def lines(self, path: str, text: str) -> FileLines:
        """Return a file by lines, as it is cut."""
        return CodeLines(path, text)

    def beginning(self, text: str) -> str:
        """Return as much of the beginning of `text` as is scored: whole lines."""
        return first_lines(text, self._tokenizer, self._max_tokens)

    def _parts(self, file: FileLines, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Yield a run's parts: from definition to definition, as many together as can be scored."""
        before = self._tokens_before(file, low, high)
        inner = file.starts(low, high) if before[-1] > self._max_tokens else []
        first = low
        for middle, end in pairwise([*inner, high]):
            if before[end - first] - before[low - first] > self._max_tokens:
                yield low, middle
                low = middle
        yield low, high

    def _tokens_before(self, file: FileLines, low: int, high: int) -> Sequence[int]:
        """Return about how many tokens of a run stand before each of its lines, and before its end."""
        text = file.text(low, high)
        if len(text.encode()) <= self._max_tokens:
            return [0] * (high - low + 1)
        sizes = (len(file.text(line, line + 1).encode()) for line in range(low, high))
        offsets = list(accumulate(sizes, initial=0))
        return list(map(int, Encoded(text, self._tokenizer).tokens_before(offsets)))

    def _piece(self, file: FileLines, low: int, high: int) -> Piece:
        prefix, run = file.prefix(low, self._max_prefix), file.text(low, high)
        before = space_at_end(prefix)
        target = _without_blank_lines(self.beginning(before + run)[len(before) :])
        reason = ""
        if not target:
            reason = "a line beyond what is scored"
        elif not file.counts(low, low + len(split_lines(target))):
            reason = self.empty
        elif len("".join(target.split()).encode()) < MIN_BYTES:
            reason = f"under {MIN_BYTES} bytes"
        return Piece(low + 1, prefix, target, self._cut_off(prefix, run, target), reason)

    def _cut_off(self, prefix: str, run: str, target: str) -> int:
        if run.rstrip() == target.rstrip():
            return 0
        whole, kept = (len(self._tokenizer.encode(target_text(prefix, part))) for part in (run, target))
        return whole - kept


class FileLines(ABC):
    """A file by lines, counted from 0."""

    def __init__(self, content: str) -> None:
        self.content = content
        self._lines = split_lines(content)
        self.offsets = tuple(accumulate(map(len, self._lines), initial=0))
        """Of each line's first character, and the end."""

    @abstractmethod
    def starts(self, low: int, high: int) -> list[int]:
        """Return the lines between two where something begins: a definition, a paragraph."""

    @abstractmethod
    def counts(self, low: int, high: int) -> bool:
        """Tell whether any of the lines from `low` up to `high` holds what is measured."""

    def text(self, low: int, high: int) -> str:
        """Return the lines from `low` up to `high`, `high` left out."""
        return self.content[self.offsets[low] : self.offsets[high]]

    def prefix(self, low: int, most: int) -> str:
        """Return the lines before `low`: the last ones, of at most about `most` characters."""
        end = self.offsets[low]
        if end <= most:
            return self.content[:end]
        return self.content[self.content.find("\n", end - most) + 1 : end]


class CodeLines(FileLines):
    """A file of code by lines: definitions begin, and what is more than a comment counts.

    It is parsed only where it must be: most runs are short and show at a glance that they are code.
    """

    def __init__(self, path: str, text: str) -> None:
        super().__init__(text)
        self._path = path
        self._language = detect(path, text)

    def starts(self, low: int, high: int) -> list[int]:
        """Return the lines between two where definitions begin, with the comments above them."""
        first, lines, parsed = self._around(low, high)
        starts = {first + line - 1 for line in definition_starts(parsed, lines).values()}
        return sorted(line for line in starts if low < line < high)

    def counts(self, low: int, high: int) -> bool:
        """Tell whether any of the lines holds code."""
        sure = (
            surely_code(self.content, self.offsets[line], self._lines[line], self._language)
            for line in range(low, high)
        )
        if any(sure):
            return True
        first, lines, parsed = self._around(low, high)
        return any(lines_with_code("".join(lines), parsed)[low - first : high - first])

    def _around(self, low: int, high: int) -> tuple[int, list[str], Parsed]:
        """Return the blocks at the margin that hold some lines, where they begin, and their parse.

        Of blocks that do not parse by themselves the whole file.
        """
        first = next((line for line in range(low, 0, -1) if self._opens_block(line)), 0)
        last = next((line for line in range(high, len(self._lines)) if self._opens_block(line)), None)
        lines = self._lines[first:last]
        parsed = parse(self._path, "".join(lines), self._language)
        return (0, self._lines, self._parsed) if parsed.errors else (first, lines, parsed)

    def _opens_block(self, line: int) -> bool:
        """Tell whether a line stands at the margin, after an empty one."""
        return not self._lines[line - 1].strip() and _AT_MARGIN.match(self._lines[line]) is not None

    @cached_property
    def _parsed(self) -> Parsed:
        return parse(self._path, self.content, self._language)


def sample(items: Sequence[Item], quota: int, seed: int) -> list[Item]:
    """Return at most `quota` items, spread evenly over commits and then over time, in their order.

    `items` are in time order. Commits give one item each in turn, which one is decided by `seed` alone: never
    by size, which would favour long or short runs. The last turn goes to commits at equal distances.
    """
    by_commit: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_commit[item.commit].append(item)
    for own in by_commit.values():
        own.sort(key=lambda item: digest_json([seed, item.id]))
    chosen: set[str] = set()
    for turn in zip_longest(*by_commit.values()):
        available = [item.id for item in turn if item is not None]
        chosen.update(evenly(available, quota - len(chosen)))
    return [item for item in items if item.id in chosen]


def evenly(values: Sequence[_Value], count: int) -> list[_Value]:
    """Return at most `count` of the values, at equal distances, the first among them."""
    if len(values) <= count:
        return list(values)
    return [values[number * len(values) // count] for number in range(count)]


def _without_blank_lines(text: str) -> str:
    """Return whole lines without the blank ones that close them."""
    end = text.find("\n", len(text.rstrip()))
    return text[: end + 1] if end >= 0 else text
