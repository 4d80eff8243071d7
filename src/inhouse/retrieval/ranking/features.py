"""Features that follow from the candidates themselves; the stages of `search` add those of a lookup.

names     how much of the query the names say that are defined here
code      it is a definition, and no text between definitions
quote     how much of a message or string stands here, in runs of three words
file      how much more of the words there is in the rest of the file
module    how much of the query the path says
called    the file's own name is said in full
changes   how often the file changed lately
together  how often it changed with the files that look best
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from inhouse.hygiene.vendored import vendored_by_name
from inhouse.languages import is_code, is_test
from inhouse.retrieval.ranking.again import score_again
from inhouse.retrieval.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inhouse.records import Chunk
    from inhouse.retrieval.query import Query
    from inhouse.retrieval.ranking.history import Table
    from inhouse.retrieval.ranking.pool import Pool

__all__ = ["describe", "kind_of", "remember"]

_DECAY = 0.5  # of each further chunk of a file, best first
_TITLE = 1.5  # weight of a word that the title says
_HALF_SAID = 0.5  # a file's name that stands in the text, but not in the title
_RUN = 3  # words
_MAX_RUNS = 20
_GENERIC = frozenset({"index", "init", "lib", "main", "mod"})
_LOG = re.compile(
    r"(?i)(?:^|/)(?:changes|changelog|change_log|history|news|releases?|release[-_]?notes|authors|contributors|thanks)"
    r"(?:[.-]\w+)*$|(?:^|/)(?:changelog|changes|news|releases?|newsfragments)(?:\.d)?/"
)
_EXAMPLES = re.compile(
    r"(?i)(?:^|/)(?:docs?|documentation|examples?|tutorials?|samples?|demos?|bench(?:marks?)?)/"
)
_TEST_FOLDERS = re.compile(r"(?i)(?:^|/)(?:testing|testdata|fixtures?|mocks?|e2e)/")


@lru_cache(maxsize=50_000)
def kind_of(path: str, language: str) -> str:
    """Return what a file is by its path: log (of changes), test, vendored, example, document, or "": code."""
    if not is_code(language) and _LOG.search(path):
        return "log"
    if is_test(path, language) or _TEST_FOLDERS.search(path):
        return "test"
    if vendored_by_name(path):
        return "vendored"
    if not is_code(language):
        return "document"
    return "example" if _EXAMPLES.search(path) else ""


def describe(pool: Pool) -> None:
    """Fill in the features above that need no history."""
    if pool.asked.kinds == ("prose",):
        pool.lexical = score_again(pool)
    _describe_words(pool)
    _describe_names(pool)
    _describe_files(pool)
    if pool.asked.quotes:
        _describe_quotes(pool)


def remember(pool: Pool, history: Table, best: Mapping[str, float]) -> None:
    """Fill in what the history says, given the score of the files that look best."""
    paths = {chunk.path for chunk in pool.chunks.values()}
    most = max((history.changes.get(path, 0.0) for path in paths), default=0.0)
    for path in paths if most else ():
        pool.mark_file(path, "changes", math.log1p(history.changes.get(path, 0.0)) / math.log1p(most))
    total = sum(best.values()) or 1.0
    for path in paths:
        shares = {
            other: score * history.together.get(other, {}).get(path, 0.0)
            for other, score in best.items()
            if other != path
        }
        if strongest := max(shares, key=lambda other: (shares[other], other), default=""):
            pool.mark_file(path, "together", sum(shares.values()) / total, strongest)


# ------------------------------------------------------------------ of the chunk


def _describe_words(pool: Pool) -> None:
    best = max(pool.lexical.values(), default=0.0) or 1.0
    for number, score in pool.lexical.items():
        pool.mark(number, "words", score / best)


def _describe_names(pool: Pool) -> None:
    weights = _weights(pool)
    shared = {
        number: [
            word for word in dict.fromkeys(terms(" ".join((chunk.symbol, *chunk.defines)))) if word in weights
        ]
        for number, chunk in pool.chunks.items()
    }
    scores = {number: sum(weights[word] for word in words) for number, words in shared.items()}
    best = max(scores.values(), default=0.0) or 1.0
    for number, chunk in pool.chunks.items():
        pool.mark(number, "names", scores[number] / best, ", ".join(shared[number][:_RUN]))
        if chunk.symbol or chunk.defines:
            pool.mark(number, "code", 1.0)


def _describe_quotes(pool: Pool) -> None:
    quotes = [(quote, runs) for quote in pool.asked.quotes[:_MAX_RUNS] if (runs := list(_runs(quote)))]
    for number, chunk in pool.chunks.items():
        text = " ".join(chunk.text.lower().split())
        for quote, runs in quotes:
            pool.mark(number, "quote", sum(run in text for run in runs) / len(runs), quote)


def _runs(quote: str) -> Iterator[str]:
    words = quote.lower().split()
    for first in range(min(_MAX_RUNS, max(1, len(words) - _RUN + 1))):
        yield " ".join(words[first : first + _RUN])


def _weights(pool: Pool) -> dict[str, float]:
    """Return the words of the query with their rarity, those of the title first."""
    title = {*pool.asked.title, *pool.asked.compounds}
    return {word: rarity * (_TITLE if word in title else 1.0) for word, rarity in pool.rarity.items()}


# ------------------------------------------------------------------ of its file


def _describe_files(pool: Pool) -> None:
    files = _by_file(pool.chunks)
    evidence = {
        path: _decayed([pool.lexical.get(number, 0.0) for number in numbers])
        for path, numbers in files.items()
    }
    most = max(evidence.values(), default=0.0) or 1.0
    weights = _weights(pool)
    said = {path: [word for word in _path_words(path) if word in weights] for path in files}
    module = {path: sum(weights[word] for word in words) for path, words in said.items()}
    best = max(module.values(), default=0.0) or 1.0
    for path in files:
        pool.mark_file(path, "file", evidence[path] / most)
        pool.mark_file(path, "module", module[path] / best, ", ".join(said[path][:_RUN]))
        pool.mark_file(path, "called", _called(path, pool.asked, pool.rarity))


def _called(path: str, asked: Query, occurring: Mapping[str, float]) -> float:
    name = path.rpartition("/")[2].partition(".")[0]
    own = set(terms(name)) - _GENERIC
    if not own or not own <= occurring.keys():
        return 0.0
    return _HALF_SAID if own.isdisjoint({*asked.title, *asked.compounds}) else 1.0


def _path_words(path: str) -> list[str]:
    return list(dict.fromkeys(terms(path.rpartition(".")[0] or path)))


def _by_file(chunks: Mapping[int, Chunk]) -> dict[str, list[int]]:
    files = defaultdict(list)
    for number, chunk in chunks.items():
        files[chunk.path].append(number)
    return files


def _decayed(scores: list[float]) -> float:
    return sum(score * _DECAY**place for place, score in enumerate(sorted(scores, reverse=True)))
