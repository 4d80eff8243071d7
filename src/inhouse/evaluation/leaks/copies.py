"""The longest passages that answers share with documents, in tokens of program text.

The passages of an answer are indexed by the hashes of their runs of 12 tokens; documents stream past once,
and where a run meets its like it is followed to both ends. What an answer could read in its prompt is no
copy.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["RUN", "Copy", "longest_copies", "tokens_of"]

RUN = 12
"""Tokens of the shortest passage that is looked for."""

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Copy:
    """The longest passage that one answer shares with any document."""

    tokens: int  # 0 where nothing of at least 12 tokens is shared
    document: str  # name of the first document that holds it


def tokens_of(text: str) -> list[str]:
    """Return words and signs; white space says nothing."""
    return _TOKEN.findall(text)


def longest_copies(answers: Sequence[tuple[str, str]], documents: Iterable[tuple[str, str]]) -> list[Copy]:
    """Return the longest copy in each answer, given as (answer, what it could read in its prompt).

    `documents` are (name, text), read once. The result does not depend on their order but for the name: it is
    that of the first document among equals.
    """
    read = [tokens_of(answer) for answer, _ in answers]
    runs: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, (tokens, (_, given)) in enumerate(zip(read, answers, strict=True)):
        seen = set(_runs(tokens_of(given)))
        for place, run in enumerate(_runs(tokens)):
            if run not in seen:
                runs[run].append((number, place))
    best = [Copy(0, "")] * len(read)
    for name, text in documents if runs else ():
        tokens = tokens_of(text)
        for place, run in enumerate(_runs(tokens)):
            for number, start in runs.get(run, ()):
                length = _extent(read[number], start, tokens, place)
                if length > best[number].tokens:
                    best[number] = Copy(length, name)
    return best


def _runs(tokens: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return zip(*(tokens[shift:] for shift in range(RUN)), strict=False)


def _extent(answer: Sequence[str], start: int, document: Sequence[str], place: int) -> int:
    """Return how long the passage around a shared run is."""
    low, below = start, place
    while low and below and answer[low - 1] == document[below - 1]:
        low, below = low - 1, below - 1
    high, above = start + RUN, place + RUN
    while high < len(answer) and above < len(document) and answer[high] == document[above]:
        high, above = high + 1, above + 1
    return high - low
