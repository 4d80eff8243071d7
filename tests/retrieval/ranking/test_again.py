from __future__ import annotations

import math
from collections import Counter

import pytest

from inhouse.records import Chunk
from inhouse.retrieval.query import understand
from inhouse.retrieval.ranking import again
from inhouse.retrieval.ranking.again import score_again
from inhouse.retrieval.ranking.pool import Pool
from inhouse.retrieval.words import terms


def pool_of(question, texts, lexical, rarity):
    chunks = {
        number: Chunk(f"{number}.py", "python", "", (), (), 1, 1, 0, len(text), text)
        for number, text in enumerate(texts)
    }
    return Pool(understand(question), dict.fromkeys(rarity, 1), rarity, chunks, dict(enumerate(lexical)))


def test_scores_are_those_of_bm25_over_all_words_that_were_said():
    texts = ["file is empty", "file is not empty not", "a long file about many other things"]
    rarity = dict(zip(terms("file empty"), (1.5, 3.0), strict=True))
    found = score_again(pool_of("is the file not empty", texts, [1.0, 1.0, 0.5], rarity))

    def expected(text):
        words, mean = Counter(terms(text)), sum(len(terms(one)) for one in texts) / 3
        dampened = 1.2 * (1 - 0.75 + 0.75 * words.total() / mean)
        said = rarity | {"is": 0.2, "not": 0.2, "the": 0.2}
        return sum(said[word] * words[word] * 2.2 / (words[word] + dampened) for word in said)

    best = max(map(expected, texts))
    assert found == pytest.approx({number: expected(text) / best for number, text in enumerate(texts)})


def test_a_word_too_common_to_be_looked_up_decides_between_equals():
    texts = ["return the key if it is there", "return the key if it is not there"]
    found = score_again(pool_of("key is not there", texts, [2.0, 2.0], dict.fromkeys(terms("key"), 2.0)))
    assert found[1] == 1.0 > found[0]


def test_the_name_of_a_language_is_no_word():
    texts = ["python python", "sorted list"]
    found = score_again(
        pool_of("python sorted list", texts, [1.0, 2.0], dict.fromkeys(terms("sorted list"), 1.0))
    )
    assert found == {0: 0.0, 1: 1.0}


def test_what_is_not_scored_again_stays_below(monkeypatch):
    monkeypatch.setattr(again, "_SCORED", 2)
    texts = ["tree", "tree and a great many other words that make it long", "tree tree tree", "tree"]
    found = score_again(pool_of("tree", texts, [9.0, 8.0, 7.0, 1.0], {"tree": 1.0}))
    assert found[0] == 1.0 > found[1] >= found[2] > found[3] == pytest.approx(1 / 9)


def test_nothing_found_is_nothing():
    assert score_again(pool_of("tree", [], [], {})) == {}
    assert score_again(pool_of("tree", ["x"], [0.0], {})) == {0: 0.0}


def test_the_score_is_finite_for_an_empty_chunk():
    found = score_again(pool_of("tree", ["", "tree"], [1.0, 1.0], {"tree": 1.0}))
    assert all(math.isfinite(score) for score in found.values())
