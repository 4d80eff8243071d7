"""What a file is, and what its name and neighbours say, decides between chunks that share the same words."""

from __future__ import annotations

import pytest

from inhouse.records import Chunk
from inhouse.retrieval.query import understand
from inhouse.retrieval.ranking.features import describe, kind_of, remember
from inhouse.retrieval.ranking.history import Table
from inhouse.retrieval.ranking.pool import Pool


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("src/core.py", "python", ""),
        ("src/core.c", "c", ""),
        ("tests/test_core.py", "python", "test"),
        ("testing/conftest.py", "python", "test"),
        ("pkg/core_test.go", "go", "test"),
        ("CHANGES.rst", "restructuredtext", "log"),
        ("doc/changes/3.1.rst", "restructuredtext", "log"),
        ("HISTORY.md", "markdown", "log"),
        ("src/history.py", "python", ""),
        ("docs/guide.md", "markdown", "document"),
        ("setup.cfg", "ini", "document"),
        ("docs/conf.py", "python", "example"),
        ("examples/cart/main.go", "go", "example"),
        ("third_party/zlib/inflate.c", "c", "vendored"),
        ("src/document.py", "python", ""),
        ("src/benchmark.py", "python", ""),
    ],
)
def test_the_kind_of_a_file(path: str, language: str, expected: str) -> None:
    assert kind_of(path, language) == expected


def _chunk(path: str, symbol: str = "", text: str = "") -> Chunk:
    return Chunk(path, "python", symbol, (), (), 1, 2, 0, 10, text)


def _pool(query: str, chunks: list[Chunk], scores: list[float]) -> Pool:
    asked = understand(query)
    known = [*asked.words, *asked.compounds]
    pool = Pool(asked, dict.fromkeys(known, 1), dict.fromkeys(known, 1.0))
    pool.chunks = dict(enumerate(chunks))
    pool.lexical = {number: score for number, score in enumerate(scores) if score}
    describe(pool)
    return pool


def test_words_of_a_file_are_summed_and_each_further_chunk_counts_half() -> None:
    chunks = [_chunk("a.py"), _chunk("a.py"), _chunk("a.py"), _chunk("b.py")]
    pool = _pool("anything", chunks, [4.0, 2.0, 8.0, 10.0])
    assert pool.shared["a.py"]["file"] == 1.0  # 8 + 4 / 2 + 2 / 4
    assert pool.shared["b.py"]["file"] == pytest.approx(10 / 10.5)
    assert [pool.value(number, "words") for number in range(4)] == [0.4, 0.2, 0.8, 1.0]


def test_names_count_by_what_they_share_with_the_query() -> None:
    pool = _pool(
        "parse the header", [_chunk("a.py", "parse_header"), _chunk("b.py", "parse"), _chunk("c.py")], []
    )
    assert [pool.value(number, "names") for number in range(3)] == [1.0, 0.5, 0.0]
    assert [pool.value(number, "code") for number in range(3)] == [1.0, 1.0, 0.0]


def test_a_file_is_called_so_only_when_its_whole_name_is_said_and_the_title_says_it_louder() -> None:
    paths = ["net/proxy.py", "net/proxy_cache.py", "net/limits.py", "net/__init__.py"]
    pool = _pool("The proxy hangs\n\nafter the limits are reached", [_chunk(path) for path in paths], [])
    assert [pool.shared[path]["called"] for path in paths] == [1.0, 0.0, 0.5, 0.0]


def test_a_quoted_message_counts_by_the_runs_of_words_that_stand_in_a_chunk() -> None:
    pool = _pool(
        'It prints "no number is assigned for table" today',
        [
            _chunk("a.py", text="warn('no number  is\n assigned for %s', name)"),
            _chunk("b.py", text="number is assigned"),
            _chunk("c.py", text="nothing"),
        ],
        [],
    )
    assert [pool.value(number, "quote") for number in range(3)] == [0.75, 0.25, 0.0]


def test_history_counts_by_the_logarithm_and_by_what_the_best_files_change_with() -> None:
    pool = _pool("anything", [_chunk(path) for path in ("a.py", "b.py", "c.py")], [])
    remember(pool, Table({"a.py": 3.0, "b.py": 1.0}, {"a.py": {"c.py": 0.5}}), {"a.py": 3.0, "b.py": 1.0})
    assert pool.shared["a.py"]["changes"] == 1.0
    assert pool.shared["b.py"]["changes"] == 0.5  # log 2 / log 4
    assert pool.shared["c.py"]["changes"] == 0.0
    assert pool.shared["c.py"]["together"] == 0.375  # 3 of 4 times a half
    assert pool.said["c.py", "together"] == "a.py"
    assert pool.shared["a.py"]["together"] == 0.0
