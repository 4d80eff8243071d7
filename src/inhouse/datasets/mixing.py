"""Kinds of examples mixed into one exact budget of tokens.

All other kinds first fill their shares, continuation takes all that is left, and what it cannot use flows
back to them, the last first. The last row of continuation is shortened so that the budget is used up. Nothing
is repeated unless a kind is given epochs of its own: passes over all rows are the recipe's decision.

General code replay has its share of all that is trained on, so never more than the repository has room for
beside it: where the repository does not fill the budget, replay does not either.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from inhouse.config import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inhouse.datasets.spill import Place, Spill
    from inhouse.progress import Task
    from inhouse.records import Example

    Shorten = Callable[[Example, int], Example | None]

__all__ = ["REPLAY", "SHARES", "Pool", "mix"]

SHARES = Dataset().kinds
"""Of the budget, by kind, where settings say nothing."""

REPLAY = "replay"
"""Kind of the rows of general code."""

_REST = "continuation"  # takes what the others leave: there is always more of it

_MISSES = 16  # after so many rows that do not fit, no smaller one is looked for


class Pool:
    """The rows of one kind, best first, made as they are asked for; what is kept lies in a spill.

    `shorten(row, room)` returns a row of at most `room` tokens, or None; without it a row that does not fit
    is set aside for later. Each row stands `epochs` times among the kept ones: of 2.5 every row twice, and
    the first ones, half of the tokens, once more.
    """

    def __init__(
        self,
        rows: Iterable[Example],
        spill: Spill,
        shorten: Shorten | None = None,
        task: Task | None = None,
        epochs: float = 1.0,
    ) -> None:
        self.kept: list[Place] = []
        self.tokens_kept = 0
        self.tokens_repeated = 0  # of those kept, in copies
        self._rows: Iterator[Example] = iter(rows)
        self.spill = spill
        self._shorten = shorten
        self._task = task
        self._whole, self._broken = int(epochs), epochs - int(epochs)
        self._once_more = 0  # rows of which there is one copy more than of the others
        self._own: list[Place] = []
        self._own_tokens = 0
        self._aside: list[Example] = []
        self._cut_off = 0

    @property
    def rows_left_out(self) -> int:
        """Rows that were made and do not fit into the budget."""
        return len(self._aside)

    @property
    def tokens_left_out(self) -> int:
        """Tokens that were made and do not fit into the budget."""
        return self._cut_off + sum(len(row.input_ids) for row in self._aside)

    def take(self, room: int) -> int:
        """Keep the best rows that fit into `room` tokens with all their copies; return what is left of it."""
        once = int(room / (self._whole + self._broken))
        room -= self._whole * (once - self._take_once(once))
        return self._repeat_best(room)

    def _take_once(self, room: int) -> int:
        waiting = iter(self._aside)
        aside: list[Example] = []
        for row in chain(waiting, self._rows) if room > 0 else ():
            if len(row.input_ids) <= room:
                room -= self._keep(row)
                if room == 0:
                    break
                continue
            short = self._shorten(row, room) if self._shorten is not None else None
            if short is not None:
                self._cut_off += len(row.input_ids) - len(short.input_ids)
                room -= self._keep(short)
            else:
                aside.append(row)
            if short is not None or len(aside) == _MISSES:
                break
        self._aside = [*aside, *waiting]
        return room

    def _keep(self, row: Example) -> int:
        place = self.spill.add(row)
        self._own.append(place)
        self._own_tokens += place.tokens
        for copy in range(self._whole):
            self._count(place, copy)
        return place.tokens

    def _repeat_best(self, room: int) -> int:
        """Add one copy more of the first rows: as many as the broken part of the epochs comes to."""
        wanted = self._broken * self._own_tokens - sum(one.tokens for one in self._own[: self._once_more])
        while self._once_more < len(self._own):
            place = self._own[self._once_more]
            if place.tokens > min(wanted, room):
                break
            self._count(place, self._whole)
            self._once_more += 1
            wanted -= place.tokens
            room -= place.tokens
        return room

    def _count(self, place: Place, copy: int) -> None:
        self.kept.append(place.again(copy) if copy else place)
        self.tokens_kept += place.tokens
        self.tokens_repeated += place.tokens if copy else 0
        if self._task is not None:
            self._task.advance(place.tokens)


def mix(
    pools: Mapping[str, Pool], budget: int, shares: Mapping[str, float] = SHARES, replay: float = 0.0
) -> int:
    """Fill the pools of all kinds from one budget of tokens; return what could not be used.

    `replay` is the share of REPLAY of all tokens; `shares` are those of the other kinds among each other.
    """
    general = pools.get(REPLAY)
    own = {kind: pool for kind, pool in pools.items() if kind != REPLAY}
    reserved = int(budget * replay) if general is not None else 0
    room = _mix_own(own, budget - reserved, shares)
    if general is None or not reserved:
        return room
    wanted = min(reserved, int((budget - reserved - room) * replay / (1 - replay)))
    return _refill(own, room + reserved - wanted + general.take(wanted))


def _mix_own(pools: Mapping[str, Pool], budget: int, shares: Mapping[str, float]) -> int:
    room = budget
    for kind in (kind for kind in pools if kind != _REST):
        share = min(room, int(budget * shares[kind]))
        room -= share - pools[kind].take(share)
    return _refill(pools, room)


def _refill(pools: Mapping[str, Pool], room: int) -> int:
    """Give what is left to continuation, then to the others, the last first; return what nothing can use."""
    others = [kind for kind in pools if kind != _REST]
    for kind in (*(kind for kind in pools if kind == _REST), *reversed(others)):
        room = pools[kind].take(room)
    return room
