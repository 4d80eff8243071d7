"""Which parts are shown: the best in full, the next as signatures, the last as paths, while there is room.

A choice adds up the sizes of its parts, each with its mark. In the text parts merge and share marks, so the
sum is close to the truth and not the truth: `fitting` counts the text.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inhouse.retrieval.context.offers import BODY, PATH, SIGNATURE, Part, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from inhouse.retrieval.context.layout import Layout
    from inhouse.retrieval.context.offers import Offer, Signature

__all__ = ["CURSOR", "TASK", "Choice", "Plan", "lines_of", "stands_in"]

_MIN_LINES = 3  # of a shortened body; fewer say less than the signature
_SAME = 0.8  # share of lines from which an offer counts as there already


@dataclass(frozen=True, slots=True)
class Plan:
    """Shares of the room up to which bodies, then signatures too, are chosen, before the rest is filled."""

    bodies: float
    signatures: float
    paths: bool
    shorten: bool  # every body that does not fit, not only the best


CURSOR = Plan(bodies=1.0, signatures=1.0, paths=False, shorten=True)
"""Code for a model that goes on writing: bodies as long as there is room; a list of paths is no help."""

TASK = Plan(bodies=0.6, signatures=0.9, paths=True, shorten=False)
"""An overview for a reader with a task. The shares were chosen on commits of four repositories."""


class Choice:
    """Parts that are being chosen, and the sum of their sizes."""

    def __init__(self, layout: Layout, cost: Callable[[str], int], seen: AbstractSet[str]) -> None:
        self.parts: list[Part] = []
        self.repeated: set[int] = set()  # ids of offers whose lines others show
        self.shortened: set[int] = set()
        self.covered: defaultdict[str, set[int]] = defaultdict(set)  # path: numbers of lines
        self._layout = layout
        self._cost = cost
        self._seen = seen  # lines that the reader sees anyway
        self._used = 0
        self._shown = set(seen)  # lines that it will have seen
        self._signed: set[tuple[str, str, int]] = set()
        self._files: Counter[str] = Counter()  # parts of each
        self._imports: defaultdict[str, set[str]] = defaultdict(set)

    def choose(self, offers: Sequence[Offer], room: float, plan: Plan) -> Choice:
        """Choose from offers, best first, within a sum of sizes."""
        whole = [offer for offer in offers if offer.lines and not stands_in(offer.lines, self._seen)]
        outlines = [offer for offer in offers if not offer.lines]
        left = [offer for offer in whole if not self._take(offer, room, plan)]
        for offer in (*left, *outlines):
            self.signatures(offer, plan.signatures * room)
        if plan.paths:
            for offer in left:
                self.path(offer, room)
        for offer in left:
            self.body(offer, room)
        return self

    def only(self, offer: Offer, form: str, plan: Plan) -> Choice:
        """Show one offer in one form, whatever its size, if it has that form and the plan wants it."""
        if form == BODY:
            self.body(offer, math.inf)
        elif form == SIGNATURE:
            self.signatures(offer, math.inf, most=1)
        elif plan.paths:
            self.path(offer, math.inf)
        return self

    def _take(self, offer: Offer, room: float, plan: Plan) -> bool:
        """Show an offer in full, or the best one as fully as there is any room."""
        first = not self.parts
        limit = room if first else plan.bodies * room
        if self.body(offer, limit) or ((first or plan.shorten) and self.beginning(offer, limit)):
            return True
        if first and not self.signatures(offer, room) and plan.paths:
            self.path(offer, room)
        return False

    # ------------------------------------------------------------ forms

    def body(self, offer: Offer, limit: float) -> bool:
        """Show the lines of an offer that are not shown yet; there may be none left to show."""
        parts = list(runs(offer, self.covered[offer.path]))
        if stands_in((line for part in parts for line in part.text.split("\n")), self._shown):
            self.repeated.add(id(offer))
            return True
        freed = self._made_needless(offer, parts)
        size = self._size(offer, parts)
        if self._used + size - sum(self._cost(self._layout.adds(part)) for part in freed) > limit:
            return False
        self._drop(freed)
        self._add(offer, parts, size)
        return True

    def beginning(self, offer: Offer, limit: float) -> bool:
        """Show as many of the first lines of an offer as there is room for, if they say something."""
        part = next(runs(offer, self.covered[offer.path]))
        lines = part.text.removesuffix("\n").split("\n")
        share = (limit - self._used) / max(1, self._size(offer, [part]))
        number = int(len(lines) * min(1.0, max(0.0, share)))
        while number >= _MIN_LINES:
            filled = [place for place in range(number) if lines[place].strip()]
            kept = lines[: filled[-1] + 1]
            if len(filled) < _MIN_LINES or stands_in(kept, self._shown):
                return False
            end = part.start_line + filled[-1]
            shorter = replace(part, end_line=end, text="\n".join(kept) + "\n", after="")
            if self._add_within(offer, [shorter], limit):
                self.shortened.add(id(offer))
                return True
            number = number * 7 // 8
        return False

    def signatures(self, offer: Offer, limit: float, most: int | None = None) -> bool:
        """Show definitions in one line each, those around them first; tell whether any was added."""
        added = False
        for signature in offer.signatures[:most]:
            new = [one for one in (*signature.above, signature) if self._is_news(offer, one)]
            parts = [_line(offer, one) for one in new]
            if new and new[-1] is signature and self._add_within(offer, parts, limit):
                self._signed.update(_key(offer, one) for one in new)
                added = True
        return added

    def path(self, offer: Offer, limit: float) -> bool:
        """Show the path of an offer, where nothing of the file is shown."""
        if self._files[offer.path]:
            return False
        return self._add_within(offer, [Part(offer, PATH, "", 0, 0, "")], limit)

    # ------------------------------------------------------------ sums

    def _add_within(self, offer: Offer, parts: Sequence[Part], limit: float) -> bool:
        size = self._size(offer, parts)
        if self._used + size > limit:
            return False
        self._add(offer, parts, size)
        return True

    def _size(self, offer: Offer, parts: Sequence[Part]) -> int:
        """Return about how much parts of one offer add to the text."""
        texts = ["" if self.parts or not parts else self._layout.opening(parts[0])]
        if parts and parts[0].form == BODY and self._layout.with_imports:
            known = self._imports[offer.path]
            texts += [f"{line}\n" for line in offer.imports if line not in known]
        new_file = not self._files[offer.path]
        texts += [
            self._layout.adds(part, new_file=new_file and not place) for place, part in enumerate(parts)
        ]
        return sum(self._cost(text) for text in texts if text)

    def _add(self, offer: Offer, parts: Sequence[Part], size: int) -> None:
        self._used += size
        self.parts += parts
        self._files[offer.path] += len(parts)
        for part in parts:
            if part.form == BODY:
                self._imports[offer.path].update(offer.imports)
                self.covered[offer.path].update(range(part.start_line, part.end_line + 1))
            self._shown.update(lines_of(part.text))

    def _drop(self, parts: Sequence[Part]) -> None:
        if not parts:
            return
        gone = set(map(id, parts))
        self.parts = [part for part in self.parts if id(part) not in gone]
        for part in parts:
            self._used -= self._cost(self._layout.adds(part))
            self._files[part.offer.path] -= 1

    def _made_needless(self, offer: Offer, parts: Sequence[Part]) -> list[Part]:
        """Return the signatures, or the path, that these bodies stand for."""
        if not self._files[offer.path]:
            return []
        lines = {number for part in parts for number in range(part.start_line, part.end_line + 1)}
        return [
            part
            for part in self.parts
            if part.offer.path == offer.path and part.form != BODY and part.start_line in {*lines, 0}
        ]

    def _is_news(self, offer: Offer, signature: Signature) -> bool:
        line = signature.text.strip()
        visible = not self._seen.isdisjoint((line, f"{line}:", f"{line} {{", f"{line};"))
        shown = signature.start_line in self.covered[offer.path]
        return not visible and not shown and _key(offer, signature) not in self._signed


def stands_in(lines: Iterable[str], seen: AbstractSet[str]) -> bool:
    """Tell whether all but a few of the lines that are not blank are among those seen."""
    filled = [line.strip() for line in lines if line.strip()]
    return not filled or sum(line in seen for line in filled) >= _SAME * len(filled)


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a text that are not blank, without what stands around them."""
    return (line.strip() for line in text.split("\n") if line.strip())


def _line(offer: Offer, signature: Signature) -> Part:
    lines = (signature.start_line, signature.end_line)
    return Part(offer, SIGNATURE, signature.symbol, *lines, f"{signature.text}\n")


def _key(offer: Offer, signature: Signature) -> tuple[str, str, int]:
    return offer.path, signature.symbol, signature.start_line
