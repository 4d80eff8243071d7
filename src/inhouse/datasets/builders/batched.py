"""Builders whose rows hang on one file or commit at a time, so that batches of them can be made anywhere."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.items import evenly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inhouse.datasets.builders.contract import Past
    from inhouse.records import Example

__all__ = ["BATCH", "Batched", "in_batches", "in_turns"]

BATCH = 200_000
"""Characters of text in a batch: a fifth of a second or so."""

_Batch = TypeVar("_Batch")
_Value = TypeVar("_Value")


class Batched(Builder, Generic[_Batch]):
    """Makes the rows of batches; each group in a batch (a file, a commit) gives `turn` before any gives more.

    `batches` runs in one process, in order; `groups` reads nothing but its batch and may run in any.
    """

    turn: ClassVar[int]
    spread: ClassVar[bool] = True
    """Are the rows of a turn taken at equal distances, and not one after the other?"""

    @abstractmethod
    def batches(self, past: Past) -> Iterator[_Batch]:
        """Yield what rows are made of, best first, in parts that take some tenths of a second each."""

    @abstractmethod
    def groups(self, batch: _Batch) -> Iterator[list[Example]]:
        """Yield the rows of each group of a batch."""

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, best first, in turns of the groups."""
        for row in in_turns(self._all_groups(past), self.turn, spread=self.spread):
            self.tally.tokens_waiting -= len(row.input_ids)
            yield row

    def _all_groups(self, past: Past) -> Iterator[list[Example]]:
        for batch in self.batches(past):
            for group in self.groups(batch):
                self.tally.tokens_waiting += sum(len(row.input_ids) for row in group)
                yield group


def in_turns(groups: Iterable[Sequence[_Value]], turn: int, *, spread: bool) -> Iterator[_Value]:
    """Yield `turn` values of each group as it comes, and then turns of what is left, until nothing is."""
    waiting: deque[Sequence[_Value]] = deque()
    for group in groups:
        yield from _next_turn(group, turn, waiting, spread=spread)
    while waiting:
        yield from _next_turn(waiting.popleft(), turn, waiting, spread=spread)


def in_batches(
    values: Iterable[_Value], size: Callable[[_Value], int], most: int = BATCH
) -> Iterator[list[_Value]]:
    """Yield the values in runs whose sizes, in characters, come to `most` or a little more."""
    batch: list[_Value] = []
    total = 0
    for value in values:
        batch.append(value)
        total += size(value)
        if total >= most:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _next_turn(
    group: Sequence[_Value], turn: int, waiting: deque[Sequence[_Value]], *, spread: bool
) -> list[_Value]:
    numbers = range(len(group))
    now = set(evenly(numbers, turn) if spread else islice(numbers, turn))
    later = [group[number] for number in numbers if number not in now]
    if later:
        waiting.append(later)
    return [group[number] for number in sorted(now)]
