"""Functions stay whole, hierarchies have summaries, and a tree tells its neighbours."""

from __future__ import annotations

import pytest

from inhouse.languages import parse
from inhouse.retrieval.chunking import chunk_by, is_summary, outlines

_SOURCE = '''"""Module."""
import os


class Reader(Base):
    """Reads things.

    Slowly.
    """

    size = 3

    def first(self):
        """First of all."""
        return os.sep

    def second(self, what: str = "x") -> int:
        def inner():
            return 1

        return inner()


def lonely():
    return 2
'''


def test_every_function_is_a_chunk_and_none_is_cut() -> None:
    chunks = chunk_by(parse("a.py", _SOURCE), "a.py", _SOURCE, "function", max_bytes=20)
    whole = {chunk.symbol: chunk.text for chunk in chunks if chunk.symbol != "Reader" and chunk.symbol}
    assert list(whole) == ["Reader.first", "Reader.second", "lonely"]
    assert whole["Reader.second"].startswith("    def second")
    assert "return inner()" in whole["Reader.second"]


def test_summaries_are_made_of_signatures_and_docstrings_and_hold_nothing_of_the_file() -> None:
    chunks = chunk_by(parse("a.py", _SOURCE), "a.py", _SOURCE, "hierarchical")
    file, reader = [chunk for chunk in chunks if is_summary(chunk)]
    assert file.text == "a.py\n    class Reader(Base)  # Reads things.\n    def lonely()\n"
    assert reader.text == (
        "class Reader(Base)\nReads things.\n"
        "    def first(self)  # First of all.\n"
        '    def second(self, what: str = "x") -> int\n'
    )
    assert (reader.symbol, reader.start_line, reader.end_line) == ("Reader", 5, 21)
    assert (file.start_line, file.end_line, file.defines) == (1, _SOURCE.count("\n"), ())
    assert file.tokens > 0


def test_a_summary_stands_before_its_leaves_and_every_class_is_cut() -> None:
    chunks = chunk_by(parse("a.py", _SOURCE), "a.py", _SOURCE, "hierarchical")
    assert [("summary of " if is_summary(chunk) else "") + chunk.symbol for chunk in chunks] == [
        "summary of ",
        "",
        "summary of Reader",
        "Reader",
        "Reader.first",
        "Reader.second",
        "lonely",
    ]
    assert chunks[4].scope == ("class Reader(Base)",)


@pytest.mark.parametrize("path", ["a.md", "a.unknown"])
def test_a_file_without_definitions_has_no_summary(path: str) -> None:
    chunks = chunk_by(parse(path, "words\n"), path, "words\n", "hierarchical")
    assert [chunk.text for chunk in chunks] == ["words\n"]


_TREE = {
    "setup.py": "",
    "src/app/__init__.py": "",
    "src/app/client.py": "from app.retry import wait\n\ndef get():\n    return wait()\n",
    **{f"src/app/{name}.py": "" for name in ("a", "b", "c", "d", "e", "retry", "z")},
    "src/app/http/server.py": "",
    "lonely/one.py": "",
}


def test_a_file_is_told_its_package_then_what_it_imports_then_the_rest() -> None:
    told = outlines((path, parse(path, text)) for path, text in _TREE.items())
    assert told["src/app/client.py"] == (
        "src/app/ holds __init__.py · retry.py · a.py · b.py · c.py · d.py · 2 more files · http/",
    )
    assert told["setup.py"] == ("./ holds lonely/ · src/",)
    assert told["lonely/one.py"] == ()


def test_what_stands_beside_a_file_leads_the_scope_of_its_chunks() -> None:
    text = _TREE["src/app/client.py"]
    plain = chunk_by(parse("client.py", text), "client.py", text)
    chunks = chunk_by(parse("client.py", text), "client.py", text, "file_tree", neighbours=("src/ holds x",))
    assert [chunk.text for chunk in chunks] == [chunk.text for chunk in plain]
    assert [chunk.scope for chunk in chunks] == [("src/ holds x", *chunk.scope) for chunk in plain]


def test_includes_of_c_are_found_among_the_neighbours() -> None:
    tree = {"a.c": '#include "z.h"\n', **{f"{name}.h": "" for name in "bcdefghz"}}
    told = outlines((path, parse(path, text)) for path, text in tree.items())
    assert told["a.c"][0].startswith("./ holds z.h · b.h")
