"""The best candidates of a question in prose, scored again with every word that was said.

The database looks up words that are rare enough to be worth it. Once few chunks are left, "not", "if" and
"is" cost nothing and tell questions apart. The formula is BM25 (Robertson & Zaragoza, "The Probabilistic
Relevance Framework", 2009); what a chunk defines counts several times. Its numbers were chosen on the even
questions of CoSQA and the tune half of `benchmarks/data/code_search.jsonl`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from inhouse.retrieval.words import LANGUAGES, terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.records import Chunk
    from inhouse.retrieval.ranking.pool import Pool

__all__ = ["score_again"]

_SCORED = 50
_K1 = 1.2
_B = 0.75
_NAMED = 3  # times that a word of a definition's name counts beside those of the text
_FUNCTION_WORD = 0.2  # rarity of a word that was not looked up


def score_again(pool: Pool) -> dict[int, float]:
    """Return the scores of all candidates by words, the best 1; the others stay below those scored again."""
    ranked = sorted(pool.lexical, key=lambda number: -pool.lexical[number])  # equal ones stay by path
    found = {number: _words(pool.chunks[number]) for number in ranked[:_SCORED]}
    lengths = {number: words.total() for number, words in found.items()}
    mean = sum(lengths.values()) / (len(lengths) or 1) or 1
    asked = _asked(pool)
    scores = {number: _bm25(asked, words, lengths[number] / mean) for number, words in found.items()}
    most = max(scores.values(), default=0.0) or 1.0
    again = {number: score / most for number, score in scores.items()}
    least, best = min(again.values(), default=0.0), max(pool.lexical.values(), default=0.0) or 1.0
    rest = {number: min(least, pool.lexical[number] / best) for number in ranked[_SCORED:]}
    return again | rest


def _asked(pool: Pool) -> dict[str, float]:
    """Return all words of the question with their rarity."""
    words = (word for word in dict.fromkeys(terms(pool.asked.text)) if word not in LANGUAGES)
    return {word: pool.rarity.get(word, _FUNCTION_WORD) for word in words}


def _words(chunk: Chunk) -> Counter[str]:
    found = Counter(terms(chunk.text))
    for word in terms(" ".join((chunk.symbol, *chunk.defines))):
        found[word] += _NAMED
    return found


def _bm25(asked: Mapping[str, float], words: Mapping[str, int], length: float) -> float:
    """Return the score of a text whose length is given in lengths of the mean one."""
    dampened = _K1 * (1 - _B + _B * length)
    return sum(
        rarity * words[word] * (_K1 + 1) / (words[word] + dampened)
        for word, rarity in asked.items()
        if word in words
    )
