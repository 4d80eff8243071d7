"""The score of a candidate: the weighted sum of its features, times what its file is. And how to say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inhouse.records import Hit
from inhouse.retrieval.ranking.features import kind_of
from inhouse.retrieval.ranking.weights import FACTORS, WEIGHTS
from inhouse.retrieval.words import terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.records import Chunk
    from inhouse.retrieval.query import Query
    from inhouse.retrieval.ranking.pool import Pool

__all__ = ["Scored", "best_files", "factor_of", "hit", "place_of", "rank"]

_COUNTED = 0.04  # of the score: a feature that gives less is not named
_SHOWN = 3  # words
_DIGITS = 6
_OF_THE_FILE = frozenset({"file", "module", "called", "named", "stack", "changes", "together"})
_SAYINGS = {
    "words": "shares {}",
    "title": "has words of the title",
    "names": "is named with {}",
    "defines": "defines {}",
    "frame": "is a frame of the trace: {}",
    "place": "is the place named: {}",
    "quote": "has the quoted “{}”",
    "meaning": "is close in meaning ({})",
    "graph": "is near the best in the graph: {}",
    "file": "more of it in the file",
    "module": "its path says {}",
    "called": "its file is called so",
    "named": "its path is named",
    "stack": "its file is on the stack",
    "changes": "its file changed often lately",
    "together": "its file changes with {}",
}
_KINDS = {
    "test": "a test",
    "document": "a document",
    "log": "a log of changes",
    "vendored": "third-party",
    "example": "an example",
    "other": "in another language",
}
_EXACT = ("defines", "place", "named")  # who asks so exactly wants even a test


class Scored(NamedTuple):
    """A candidate with what each feature adds."""

    number: int
    score: float
    parts: dict[str, float]
    factor: str


def rank(pool: Pool, weights: Mapping[str, float] = WEIGHTS) -> list[Scored]:
    """Return the candidates, best first; equal scores in the order of path and place."""
    scored = [_score(pool, number, weights) for number in pool.chunks]
    return sorted(scored, key=lambda one: (-one.score, *place_of(pool.chunks[one.number])))


def best_files(pool: Pool, ranked: list[Scored]) -> dict[str, Scored]:
    """Return each file with its best candidate, best first."""
    found: dict[str, Scored] = {}
    for one in ranked:
        found.setdefault(pool.chunks[one.number].path, one)
    return found


def hit(pool: Pool, scored: Scored) -> Hit:
    """Return a hit that names the features that counted, strongest first."""
    return Hit(pool.chunks[scored.number], scored.score, _why(pool, scored))


def _score(pool: Pool, number: int, weights: Mapping[str, float]) -> Scored:
    values = pool.values(number)
    parts = {name: weight * values[name] for name, weight in weights.items() if name in values}
    factor = factor_of(pool, number)
    return Scored(number, round(sum(parts.values()) * FACTORS[factor], _DIGITS), parts, factor)


def factor_of(pool: Pool, number: int) -> str:
    """Return the name of the factor on a candidate: what its file is, "" when that does not count."""
    chunk, asked = pool.chunks[number], pool.asked
    kind = kind_of(chunk.path, chunk.language)
    if kind and (_is_asked_for(asked, kind) or _is_exact(pool, number)):
        return ""
    if not kind and asked.languages and chunk.language not in asked.languages:
        return "other"
    return kind


def _is_asked_for(asked: Query, kind: str) -> bool:
    return kind == "test" and asked.about_tests


def _is_exact(pool: Pool, number: int) -> bool:
    exact = not {"identifier", "path", "cursor", "diff"}.isdisjoint(pool.asked.kinds)
    return exact and any(pool.value(number, name) for name in _EXACT)


def place_of(chunk: Chunk) -> tuple[str, int, int]:
    """Return what chunks of equal score are ordered by."""
    return chunk.path, chunk.start, chunk.end


# ------------------------------------------------------------------ why


def _why(pool: Pool, scored: Scored) -> str:
    total = sum(scored.parts.values()) or 1.0
    counted = sorted(scored.parts, key=lambda name: (-scored.parts[name], name))
    said = [_say(pool, scored.number, name) for name in counted if scored.parts[name] >= _COUNTED * total]
    if scored.factor:
        said.append(f"less as {_KINDS[scored.factor]}")
    return "; ".join([*filter(None, said), *pool.notes])


def _say(pool: Pool, number: int, name: str) -> str:
    if name not in _SAYINGS:
        return ""
    key = pool.chunks[number].path if name in _OF_THE_FILE else number
    detail = _shared_words(pool, number) if name == "words" else pool.said.get((key, name), "")
    return _SAYINGS[name].format(detail)


def _shared_words(pool: Pool, number: int) -> str:
    chunk = pool.chunks[number]
    own = set(terms(" ".join((chunk.path, chunk.symbol, *chunk.defines, *chunk.scope, chunk.text))))
    shared = sorted(own.intersection(pool.rarity), key=lambda word: (-pool.rarity[word], word))
    return ", ".join(shared[:_SHOWN])
