"""Chunks put together are the file, whatever the file and the strategy."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.languages import parse
from inhouse.records import Chunk
from inhouse.retrieval.chunking import MAX_BYTES, STRATEGIES, chunk_by, is_summary, own_text

_STDLIB = Path(sysconfig.get_path("stdlib"))
_PATHS = ("a.py", "a.c", "a.rs", "a.go", "a.ts", "a.java", "a.md", "a.unknown")
_CHARACTERS = "ab(){}:;# \t\r\n\f\v\"'/*é語😀=\\0\ud800\udcff\u2028"
_LINES = st.sampled_from(
    [
        "def f(a):\n",
        "    return g(a)\r\n",
        "class C:\n",
        "\n",
        "// said\n",
        "int main(void) {\n",
        "}\n",
        "\f\n",
        "x" * 90,
        "é" * 40 + "\n",
        '"""\n',
        "# é\n",
        "func F() {\n",
        "\ud800\n",
    ]
)
_TEXTS = st.one_of(st.text(st.sampled_from(_CHARACTERS)), st.lists(_LINES, max_size=40).map("".join))
_SIZED = {"fixed", "sliding", "semantic"}
_MEASURED = {"definition", "file_tree", "hierarchical"}  # in bytes
_LONGEST_CHARACTER = 4


def _check(chunks: list[Chunk], text: str) -> None:
    """Spans are exact, ascend, cover everything, and know their lines."""
    source = text.encode("utf-8", "surrogatepass")
    reached = start = 0
    for chunk in chunks:
        assert start <= chunk.start <= reached
        start = chunk.start
        if is_summary(chunk):
            continue
        assert reached < chunk.end
        reached = chunk.end
        assert chunk.text.encode("utf-8", "surrogatepass") == source[chunk.start : chunk.end]
        assert chunk.start_line == source.count(b"\n", 0, chunk.start) + 1
        assert chunk.end_line == source.count(b"\n", 0, chunk.end) + (not chunk.text.endswith("\n"))
    assert reached == len(source)
    assert "".join(own_text(chunks)) == text


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=60, deadline=None)
@given(text=_TEXTS, path=st.sampled_from(_PATHS), size=st.integers(1, 40))
def test_any_text_is_covered_and_no_chunk_is_larger_than_allowed(
    strategy: str, text: str, path: str, size: int
) -> None:
    chunks = chunk_by(parse(path, text), path, text, strategy, max_bytes=size, max_tokens=size)
    _check(chunks, text)
    for chunk in chunks:
        if strategy in _SIZED:
            assert chunk.tokens <= size or len(chunk.text) == 1
        elif strategy in _MEASURED and not is_summary(chunk):
            assert chunk.end - chunk.start <= max(size, _LONGEST_CHARACTER)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_standard_library_is_covered(strategy: str) -> None:
    for path in sorted(_STDLIB.glob("[a-g]*.py")):
        text = path.read_text(encoding="utf-8")
        _check(chunk_by(parse(path.name, text), path.name, text, strategy), text)


@pytest.mark.parametrize("strategy", sorted(_SIZED | _MEASURED))
@pytest.mark.parametrize("line", ["x = [" + "'é', " * 20_000 + "]", "function f(){" + "g(1);" * 20_000 + "}"])
def test_one_huge_line_is_cut_between_characters(strategy: str, line: str) -> None:
    path = "a.py" if line.startswith("x") else "a.js"
    chunks = chunk_by(parse(path, line), path, line, strategy)
    leaves = [chunk for chunk in chunks if not is_summary(chunk)]
    _check(chunks, line)
    assert len(leaves) > 30
    assert max(chunk.end - chunk.start for chunk in leaves) <= MAX_BYTES


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_empty_file_has_no_chunks(strategy: str) -> None:
    assert chunk_by(parse("a.py", ""), "a.py", "", strategy) == []


def _by_words(text: str) -> int:
    return len(text.split())


def _by_characters(text: str) -> int:
    return len(text)


@pytest.mark.parametrize("count", [_by_words, _by_characters])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_tokens_are_counted_by_the_counter_that_is_given(strategy: str, count: Callable[[str], int]) -> None:
    text = (_STDLIB / "queue.py").read_text(encoding="utf-8")
    chunks = chunk_by(parse("queue.py", text), "queue.py", text, strategy, max_tokens=100, count=count)
    assert [chunk.tokens for chunk in chunks] == [count(chunk.text) for chunk in chunks]
    if strategy in _SIZED:
        assert max(chunk.tokens for chunk in chunks) <= 100
