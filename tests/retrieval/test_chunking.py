"""Chunks put together are the file, whatever the file."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.records import Chunk
from inhouse.retrieval.chunking import chunk_file

_STDLIB = Path(sysconfig.get_path("stdlib"))
_SOURCE = '''"""Module."""
import os
from time import monotonic as now

LIMIT = 3


# waits politely
@decorated
def wait(seconds):
    """Wait."""
    return now() + seconds


class Reader:
    """Reads."""

    def first(self):
        return os.sep

    def second(self):
        return 2
'''


def _tiles(chunks: list[Chunk], text: str) -> None:
    assert "".join(chunk.text for chunk in chunks) == text
    assert [chunk.start for chunk in chunks[1:]] == [chunk.end for chunk in chunks[:-1]]
    line = 1
    for chunk in chunks:
        assert chunk.start_line == line
        line += chunk.text.count("\n")
        assert chunk.end_line == line - chunk.text.endswith("\n")


@pytest.mark.parametrize(
    "name", ["queue.py", "argparse.py", "inspect.py", "typing.py", "opcode.py", "this.py"]
)
@pytest.mark.parametrize("max_bytes", [200, 2400, 100_000])
def test_real_files_are_tiled(name: str, max_bytes: int) -> None:
    text = (_STDLIB / name).read_text()
    _tiles(chunk_file(name, text, max_bytes), text)


@given(
    st.text(st.sampled_from("ab(){}:;# \t\r\n\"'/*é=\\0")),
    st.sampled_from(["a.py", "a.c", "a.rs", "a.go", "a.ts", "a.md", "a.unknown"]),
    st.integers(1, 60),
)
def test_any_text_is_tiled(text: str, path: str, max_bytes: int) -> None:
    _tiles(chunk_file(path, text, max_bytes), text)


def test_definitions_are_whole_and_know_their_place() -> None:
    chunks = {chunk.symbol: chunk for chunk in chunk_file("a.py", _SOURCE)}
    assert chunks["wait"].text.startswith("# waits politely\n@decorated\ndef wait")
    assert chunks["wait"].imports == ("from time import monotonic as now",)
    assert "def second" in chunks["Reader"].text


def test_a_class_that_does_not_fit_is_cut_at_its_methods() -> None:
    chunks = [
        chunk for chunk in chunk_file("a.py", _SOURCE, max_bytes=80) if chunk.symbol.startswith("Reader")
    ]
    assert [chunk.symbol for chunk in chunks] == ["Reader", "Reader.first", "Reader.second"]
    assert [chunk.scope for chunk in chunks] == [("class Reader",)] * 3
    assert chunks[1].imports == ("import os",)


def test_no_chunk_of_several_lines_is_longer_than_allowed() -> None:
    text = (_STDLIB / "argparse.py").read_text()
    assert max(chunk.end - chunk.start for chunk in chunk_file("argparse.py", text, 1_000)) <= 1_000


def test_an_empty_file_has_no_chunks() -> None:
    assert chunk_file("a.py", "") == []
