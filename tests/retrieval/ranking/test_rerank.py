"""A score is the sum of its parts, and what it is made of is said."""

from __future__ import annotations

import pytest

from inhouse.records import Chunk
from inhouse.retrieval.query import understand
from inhouse.retrieval.ranking.features import kind_of
from inhouse.retrieval.ranking.pool import Pool
from inhouse.retrieval.ranking.rerank import best_files, factor_of, hit, rank
from inhouse.retrieval.ranking.weights import FACTORS, WEIGHTS


def _pool(query: str, *paths: str, language: str = "python") -> Pool:
    pool = Pool(understand(query), {"word": 1}, {"word": 1.0})
    for number, path in enumerate(paths):
        pool.chunks[number] = Chunk(path, language, "", (), (), 1, 1, number, number + 1, "a word")
    return pool


def test_the_score_is_the_weighted_sum_times_what_the_file_is() -> None:
    pool = _pool("some word", "a.py", "tests/test_a.py")
    for number in (0, 1):
        pool.mark(number, "words", 0.5)
        pool.mark_file(pool.chunks[number].path, "file", 1.0)
    best, other = rank(pool)
    assert best.score == pytest.approx(0.5 * WEIGHTS["words"] + WEIGHTS["file"])
    assert other.score == pytest.approx(best.score * FACTORS["test"])
    assert other.parts == best.parts


def test_reasons_come_strongest_first_and_small_ones_are_left_out() -> None:
    pool = _pool("some word", "a.py")
    pool.mark(0, "words", 0.6)
    pool.mark(0, "defines", 1.0, "Word")
    pool.mark(0, "quote", 0.01, "unsaid")
    pool.mark_file("a.py", "named", 1.0)
    weights = {"words": 1.0, "defines": 0.7, "quote": 1.0, "named": 2.0}
    [only] = rank(pool, weights)
    assert hit(pool, only).why == "its path is named; defines Word; shares word"


def test_what_lowers_a_score_and_what_was_not_used_is_said_too() -> None:
    pool = _pool("some word", "CHANGES.md", language="markdown")
    pool.mark(0, "words", 1.0)
    pool.notes.append("by words only, because the server is down")
    why = hit(pool, rank(pool)[0]).why
    assert why == "shares word; less as a log of changes; by words only, because the server is down"


@pytest.mark.parametrize(
    ("query", "marked", "expected"),
    [
        ("retry the word", "", "test"),
        ("tests of the word", "", ""),
        ("test_word", "defines", ""),
        ("retry_word", "words", "test"),
        ("a_test.py:3", "place", ""),
        ("The word fails\n\nsee test_word", "defines", "test"),
    ],
)
def test_a_test_counts_less_unless_it_is_what_was_asked_for(query: str, marked: str, expected: str) -> None:
    pool = _pool(query, "tests/test_word.py")
    if marked:
        pool.mark(0, marked, 1.0)
    assert factor_of(pool, 0) == expected


def test_equal_scores_are_ordered_by_path_and_place_and_files_have_their_best() -> None:
    pool = _pool("some word", "b.py", "a.py", "a.py")
    for number in pool.chunks:
        pool.mark(number, "words", 1.0)
    ranked = rank(pool)
    assert [one.number for one in ranked] == [1, 2, 0]
    assert {path: one.number for path, one in best_files(pool, ranked).items()} == {"a.py": 1, "b.py": 0}


def test_every_kind_of_file_has_its_factor() -> None:
    kinds = {
        kind_of(path, "python") for path in ("a.py", "tests/a.py", "docs/a.py", "_vendor/a.py", "CHANGES")
    }
    assert kinds | {kind_of("a.md", "markdown")} <= FACTORS.keys()
