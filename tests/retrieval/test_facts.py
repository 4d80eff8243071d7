"""What is kept of a file hangs on its path and text alone, and no text is too strange for it."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.retrieval.facts import MAX_BYTES, read_file, reader
from inhouse.retrieval.store import FileFacts
from inhouse.retrieval.words import terms

_PYTHON = '''"""Retry."""

import os.path
from errors import Timeout as Late


class Policy:
    """When to try again."""

    def wait(self, attempt):
        # exponential
        return self.base(os.path.getsize("x"))
'''


def _read(text: str, path: str = "src/retry.py") -> FileFacts:
    return read_file(path, "d", text)


def test_definitions_calls_and_imports_are_kept_with_their_place() -> None:
    facts = _read(_PYTHON)
    assert [symbol.qualified_name for symbol in facts.symbols] == ["Policy", "Policy.wait"]
    used = {(one.kind, one.name, one.scope, one.line) for one in facts.references}
    assert {
        ("import", "os.path", "", 3),
        ("import", "errors", "", 4),
        ("call", "self.base", "Policy.wait", 12),
        ("call", "os.path.getsize", "Policy.wait", 12),
    } <= used
    [late] = [one for one in facts.references if one.kind == "import" and one.name == "errors"]
    assert late.bound == (("Late", "Timeout"),)


def test_each_field_has_its_own_words() -> None:
    facts = _read(_PYTHON)
    path, names, docs, body = (set(" ".join(field).split()) for field in zip(*facts.words, strict=True))
    (retry,), (policy,), (exponential,), (size,) = map(terms, ("retry", "policy", "exponential", "getsize"))
    assert retry in path - names
    assert policy in names - docs
    assert exponential in docs - path - names
    assert size in body - docs - names - path
    assert len(facts.words) == len(facts.chunks)


@pytest.mark.parametrize(
    ("path", "text", "state", "reason"),
    [
        ("a.py", "x = 1\n", "parsed", ""),
        ("a.py", "def broken(:\n    pass\n\ndef sound():\n    pass\n", "parsed", ""),
        ("notes.md", "# Title\n", "fallback", "no grammar for markdown"),
        ("notes.unheard", "words\n", "fallback", "its language is not known"),
        ("a.c", "int a;\0" + "x" * 20, "unindexed", "binary"),
        ("a.py", "x = 1\n" * (MAX_BYTES // 6 + 1), "unindexed", "larger than 10 MB"),
        ("a.py", "é" * (MAX_BYTES // 2 + 1), "unindexed", "larger than 10 MB"),
        ("empty.py", "", "parsed", ""),
    ],
)
def test_how_a_file_was_read_is_said_with_the_reason(path: str, text: str, state: str, reason: str) -> None:
    file = _read(text, path).file
    assert (file.state, file.reason) == (state, reason)


def test_code_that_no_grammar_takes_is_cut_as_text_and_says_so() -> None:
    facts = _read("#" * 3_000_000, "big.py")
    assert (facts.file.state, facts.file.reason) == ("fallback", "its syntax cannot be read")
    assert "".join(chunk.text for chunk in facts.chunks) == "#" * 3_000_000


@pytest.mark.parametrize("text", ["x" * 50_000_000, "x = 1\n" * 8_400_000])
def test_fifty_megabytes_are_left_out_at_once(text: str) -> None:
    start = time.perf_counter()
    assert _read(text).file.state == "unindexed"
    assert time.perf_counter() - start < 2.0


def test_a_line_of_nine_megabytes_is_read_in_reasonable_time() -> None:
    start = time.process_time()
    text = "var a=[" + "1234567," * 1_100_000 + "0]\n"
    facts = _read(text, "bundle.js")
    assert "".join(chunk.text for chunk in facts.chunks) == text
    assert time.process_time() - start < 30.0


@given(
    st.text(st.characters(), max_size=300), st.sampled_from(["a.py", "a.c", "b.md", "c.rs", "", "x/y.json"])
)
def test_any_text_gives_chunks_that_are_the_text(text: str, path: str) -> None:
    """Lone surrogates and control characters included."""
    facts = _read(text, path)
    if facts.file.state != "unindexed":
        assert "".join(chunk.text for chunk in facts.chunks) == text


def test_facts_travel_between_processes_unchanged() -> None:
    facts = _read(_PYTHON)
    assert pickle.loads(pickle.dumps(facts)) == facts


def test_another_way_of_cutting_is_another_reader() -> None:
    assert reader("function") != reader() == reader()
