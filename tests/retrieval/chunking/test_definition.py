"""Definitions stay whole where they fit, and know where they stand."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from inhouse.retrieval.chunking import chunk_file, estimate_tokens

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


def test_no_chunk_is_longer_than_allowed() -> None:
    text = (_STDLIB / "argparse.py").read_text()
    assert max(chunk.end - chunk.start for chunk in chunk_file("argparse.py", text, 1_000)) <= 1_000


def test_a_line_that_is_longer_than_a_chunk_is_cut_between_characters() -> None:
    chunks = chunk_file("a.txt", "é" * 10 + "\nab\n", max_bytes=7)
    assert [chunk.text for chunk in chunks] == ["ééé", "ééé", "ééé", "é\nab\n"]
    assert [(chunk.start_line, chunk.end_line) for chunk in chunks] == [(1, 1), (1, 1), (1, 1), (1, 2)]


def test_a_chunk_tells_what_it_defines_and_how_many_tokens_it_has() -> None:
    chunks = chunk_file("a.py", _SOURCE, max_bytes=80)
    assert [chunk.defines for chunk in chunks] == [
        ("LIMIT",),
        ("wait",),
        (),
        ("Reader",),
        ("Reader.first",),
        ("Reader.second",),
    ]
    assert [chunk.tokens for chunk in chunks] == [estimate_tokens(chunk.text) for chunk in chunks]


def test_an_empty_file_has_no_chunks() -> None:
    assert chunk_file("a.py", "") == []
