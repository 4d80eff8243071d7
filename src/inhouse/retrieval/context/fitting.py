"""The fullest choice whose whole text fits, found with a few counts of it instead of one for each part."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from inhouse.retrieval.context.choice import Choice, lines_of, stands_in
from inhouse.retrieval.context.offers import BODY, PATH, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inhouse.retrieval.context.choice import Plan
    from inhouse.retrieval.context.layout import Layout
    from inhouse.retrieval.context.offers import Offer, Part

__all__ = ["Fitted", "fit"]

_ROUNDS = 8
_SLACK = 0.01  # of the budget, that may stay unused


class Fitted(NamedTuple):
    """A text with its true size, its parts with the best first, and how many offers are not in it."""

    parts: tuple[Part, ...]
    text: str
    tokens: int
    visible: int  # offers that the reader sees anyway
    repeated: int  # whose lines others show
    no_room: int
    shortened: int  # that are shown in part
    unlisted: int  # definitions of outlines


def fit(
    offers: Sequence[Offer],
    budget: int,
    count: Callable[[str], int],
    layout: Layout,
    plan: Plan,
    already: str = "",
) -> Fitted:
    """Return the fullest choice of offers, best first, whose text `count` finds within `budget`.

    Each round chooses by the sum of sizes and counts the text; the next has as much more or less room as the
    sum was wrong. `already` is what the reader sees anyway.
    """
    return _Search(offers, budget, count, layout, plan, already).run()


class _Search:
    def __init__(
        self,
        offers: Sequence[Offer],
        budget: int,
        count: Callable[[str], int],
        layout: Layout,
        plan: Plan,
        already: str,
    ) -> None:
        self._offers = offers
        self._budget = budget
        self._count = count
        self._cost = lru_cache(maxsize=None)(count)
        self._layout = layout
        self._plan = plan
        self._seen = frozenset(lines_of(already))

    def run(self) -> Fitted:
        best = self._counted(self._choice())
        low, high, room = 0, math.inf, self._budget  # rooms: fitted, did not fit, is tried
        for _ in range(_ROUNDS):
            found = self._counted(self._choice().choose(self._offers, room, self._plan))
            slack = self._budget - found.tokens
            if slack >= 0:
                low, best = room, max(best, found, key=lambda one: one.tokens)
                if slack <= _SLACK * self._budget or not _lacks_something(found):
                    break
            else:
                high = room
            room = int(room + slack if low == 0 or high == math.inf else (low + high) // 2)
            if not low < room < high:
                break
        return best if self._has_first(best) else self._alone() or best

    def _choice(self) -> Choice:
        return Choice(self._layout, self._cost, self._seen)

    def _alone(self) -> Fitted | None:
        """Return the best offer alone, in the fullest form that fits whatever the sums say."""
        first = self._first()
        if first is None:
            return None
        for form in (BODY, SIGNATURE, PATH):
            found = self._counted(self._choice().only(first, form, self._plan))
            if found.parts and found.tokens <= self._budget:
                return found
        return None

    def _first(self) -> Offer | None:
        whole = (offer for offer in self._offers if offer.lines)
        return next((offer for offer in whole if not stands_in(offer.lines, self._seen)), None)

    def _has_first(self, found: Fitted) -> bool:
        first = self._first()
        return first is None or any(part.offer.path == first.path for part in found.parts)

    def _counted(self, choice: Choice) -> Fitted:
        """Return a choice with its text and its true size."""
        rank = {id(offer): number for number, offer in enumerate(self._offers)}
        named = {part.offer.path for part in choice.parts if part.form != PATH}
        kept = [part for part in choice.parts if part.form != PATH or part.offer.path not in named]
        parts = sorted(kept, key=lambda part: (rank[id(part.offer)], part.start_line, -part.end_line))
        text = self._layout.text(parts)
        shown = {id(part.offer) for part in choice.parts}
        repeated = choice.repeated - shown
        left = [offer for offer in self._offers if offer.lines and id(offer) not in shown | repeated]
        visible = sum(stands_in(offer.lines, self._seen) for offer in left)
        return Fitted(
            parts=tuple(parts),
            text=text,
            tokens=self._count(text) if text else 0,
            visible=visible,
            repeated=len(repeated),
            no_room=len(left) - visible,
            shortened=len(choice.shortened),
            unlisted=self._unlisted(choice),
        )

    def _unlisted(self, choice: Choice) -> int:
        listed = {(part.offer.path, part.start_line) for part in choice.parts if part.form == SIGNATURE}
        return sum(
            (offer.path, one.start_line) not in listed and one.start_line not in choice.covered[offer.path]
            for offer in self._offers
            if not offer.lines
            for one in offer.signatures
        )


def _lacks_something(found: Fitted) -> bool:
    short = any(part.form != BODY for part in found.parts)
    return bool(short or found.no_room or found.shortened or found.unlisted)
