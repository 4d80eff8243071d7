"""Ranking by rules that can be explained: words, then definitions, paths and tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from inhouse.languages import is_test
from inhouse.records import Chunk, Hit
from inhouse.retrieval.query import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.retrieval.query import Query

__all__ = ["CANDIDATES", "Candidate", "rank"]

CANDIDATES = 100
"""Chunks that the full-text search hands over to be ranked."""

_DEFINES = 0.6  # bonus for defining a name that was mentioned, as a share of the best word score
_PATH = 0.5  # bonus for a path that was mentioned
_TEST = 0.7  # factor on tests when the query is not about tests
_CHANGELOG = 0.5  # factor on change logs: they mention everything and define nothing
_CHANGES = re.compile(r"(?i)(?:^|/)(?:changes|changelog|history|news|releases?)(?:\.\w+)?$")
_SHOWN = 3


class Candidate(NamedTuple):
    """A chunk with its word score and the mentioned name that it defines, or ""."""

    chunk: Chunk
    words: float
    defines: str


def rank(asked: Query, terms: Mapping[str, float], candidates: Sequence[Candidate], k: int) -> list[Hit]:
    """Return the `k` best hits, best first; equal scores in the order of path and place."""
    best = max((candidate.words for candidate in candidates), default=0.0) or 1.0
    scored = [(_score(asked, candidate, best), candidate) for candidate in candidates]
    scored.sort(key=lambda pair: (-pair[0], pair[1].chunk.path, pair[1].chunk.start))
    return [Hit(found.chunk, round(score, 6), _why(asked, terms, found)) for score, found in scored[:k]]


def _score(asked: Query, candidate: Candidate, best: float) -> float:
    chunk, score = candidate.chunk, candidate.words
    if candidate.defines:
        score += _DEFINES * best
    if _is_named(asked, chunk):
        score += _PATH * best
    if is_test(chunk.path, chunk.language) and not asked.about_tests:
        score *= _TEST
    if _CHANGES.search(chunk.path):
        score *= _CHANGELOG
    return score


def _why(asked: Query, terms: Mapping[str, float], candidate: Candidate) -> str:
    chunk = candidate.chunk
    words = set(tokens(f"{chunk.path} {chunk.symbol} {chunk.text}"))
    shared = sorted(words.intersection(terms), key=lambda word: (-terms[word], word))[:_SHOWN]
    reasons = [
        f"defines {candidate.defines}" if candidate.defines else "",
        "its path is named" if _is_named(asked, chunk) else "",
        f"shares {', '.join(shared)}" if shared else "",
    ]
    return "; ".join(reason for reason in reasons if reason)


def _is_named(asked: Query, chunk: Chunk) -> bool:
    return any(chunk.path == path or chunk.path.endswith(f"/{path}") for path in asked.paths)
