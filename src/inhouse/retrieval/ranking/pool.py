"""What the stages of a search found, and what they say of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inhouse.records import Chunk
    from inhouse.retrieval.query import Query

__all__ = ["Pool"]


def _features() -> defaultdict[str, float]:
    return defaultdict(float)


@dataclass(slots=True)
class Pool:
    """Candidates and their features, each between 0 and 1, 0 where nothing is said."""

    asked: Query
    frequencies: dict[str, int]  # in how many chunks those of the query's words are that occur
    rarity: dict[str, float]  # the same as inverse document frequency
    chunks: dict[int, Chunk] = field(default_factory=dict)
    lexical: dict[int, float] = field(default_factory=dict)  # BM25
    own: defaultdict[int, defaultdict[str, float]] = field(default_factory=lambda: defaultdict(_features))
    shared: defaultdict[str, defaultdict[str, float]] = field(default_factory=lambda: defaultdict(_features))
    said: dict[tuple[int | str, str], str] = field(default_factory=dict)  # (chunk or path, feature): detail
    notes: list[str] = field(default_factory=list)  # what was not used, and why

    def mark(self, number: int, feature: str, value: float, detail: str = "") -> None:
        """Say something of a chunk; the strongest of several holds."""
        if value > self.own[number][feature]:
            self.own[number][feature] = value
            self.said[number, feature] = detail

    def mark_file(self, path: str, feature: str, value: float, detail: str = "") -> None:
        """Say something of a file."""
        if value > self.shared[path][feature]:
            self.shared[path][feature] = value
            self.said[path, feature] = detail

    def values(self, number: int) -> dict[str, float]:
        """Return the features of a chunk, and of its file those that it has not itself."""
        return {**self.shared.get(self.chunks[number].path, {}), **self.own.get(number, {})}

    def value(self, number: int, feature: str) -> float:
        """Return a feature of a chunk, or of its file."""
        own = self.own[number].get(feature)
        return self.shared[self.chunks[number].path].get(feature, 0.0) if own is None else own
