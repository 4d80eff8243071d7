"""The arms of the comparison as data, and an item as each arm sees it.

Every arm has the same total number of tokens for what stands before the target. An arm that puts text in
front (retrieved text, or whatever a later arm brings) pays for it with the beginning of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.datasets.formats import item_context, item_target
from inhouse.datasets.offered import offered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from inhouse.engines.base import Engine
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Item
    from inhouse.retrieval.index import Index

__all__ = ["ARMS", "DIFFERENCES", "RETRIEVED", "Arm", "Bench", "Case", "Retriever", "available", "stand_ins"]

RETRIEVED = "retrieved"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to answer."""

    name: str
    tuned: bool
    text: str = ""  # which text it puts before the file: a key of the texts at hand, "" for none


ARMS = (
    Arm("base", tuned=False),
    Arm("retrieval", tuned=False, text=RETRIEVED),
    Arm("tuned", tuned=True),
    Arm("tuned_retrieval", tuned=True, text=RETRIEVED),
)

DIFFERENCES = (
    ("tuned", "base"),
    ("retrieval", "base"),
    ("tuned", "retrieval"),
    ("tuned_retrieval", "retrieval"),
    ("tuned_retrieval", "tuned"),
)
"""Pairs (first, second) of arms whose difference, first minus second, is reported."""


@dataclass(frozen=True, slots=True)
class Case:
    """An item as one arm sees it."""

    item: Item
    arm: str
    context: tuple[int, ...]
    target: tuple[int, ...]  # encoded apart from the context: no token stands for bytes of both
    adapter: str

    @property
    def tokens(self) -> int:
        """What scoring it costs."""
        return len(self.context) + len(self.target)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements of a run have in common."""

    engine: Engine
    tokenizer: Tokenizer
    adapter: str  # the name under which the engine has loaded the tuned weights
    repository: str
    context_tokens: int
    seed: int
    folder: Path
    progress: Progress

    def cases(
        self, item: Item, arms: Sequence[Arm], texts: Mapping[str, Callable[[Item], str]]
    ) -> list[Case]:
        """Return the item as each of the arms sees it; `texts` make what an arm puts before the file."""
        target = tuple(item_target(item, self.tokenizer))
        contexts = {name: self.context(item, texts[name](item) if name else "") for name in _texts_of(arms)}
        return [
            Case(item, arm.name, contexts[arm.text], target, self.adapter if arm.tuned else "")
            for arm in arms
        ]

    def context(self, item: Item, text: str, budget: int | None = None) -> tuple[int, ...]:
        """Return the tokens before the target: markers, `text`, and as much of the file as still fits."""
        budget = self.context_tokens if budget is None else budget
        return tuple(item_context(item, self.tokenizer, budget, self.repository, retrieved=text))


class Retriever:
    """The text that an index offers for an item, within a share of the context."""

    def __init__(self, index: Index, bench: Bench, share: float) -> None:
        self._index = index
        self._bench = bench
        self._share = share
        self._texts: dict[tuple[str, float], str] = {}

    def __call__(self, item: Item, scale: float = 1.0) -> str:
        """Return retrieved text, without what the model sees of the file anyway. `scale`: of the context."""
        key = item.id, scale
        if key not in self._texts:
            self._texts[key] = self._retrieve(item, round(self._bench.context_tokens * scale))
        return self._texts[key]

    def _retrieve(self, item: Item, tokens: int) -> str:
        bench = self._bench
        return offered(self._index, item, bench.tokenizer, bench.repository, tokens, self._share).text


def available(arms: Sequence[Arm], texts: Collection[str]) -> tuple[Arm, ...]:
    """Return the arms that can be scored with the texts at hand."""
    return tuple(arm for arm in arms if not arm.text or arm.text in texts)


def stand_ins(arms: Sequence[Arm], texts: Collection[str]) -> dict[str, str]:
    """Return for each arm without its text the arm that answers in just the same way."""
    plain = {arm.tuned: arm.name for arm in arms if not arm.text}
    return {arm.name: plain[arm.tuned] for arm in arms if arm.text and arm.text not in texts}


def _texts_of(arms: Sequence[Arm]) -> list[str]:
    return sorted({arm.text for arm in arms})
