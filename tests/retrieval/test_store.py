"""An index that was updated is an index that was built, however it got there."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from inhouse.digests import digest_text
from inhouse.errors import UserMistake
from inhouse.records import Hit
from inhouse.retrieval.chunking import chunk_file
from inhouse.retrieval.query import tokens
from inhouse.retrieval.store import SCHEMA, Index

_STDLIB = Path(sysconfig.get_path("stdlib"))
_SNIPPETS = (
    "def alpha():\n    return beta()\n",
    "class Gamma:\n    def delta(self):\n        return 'delta'\n",
    "int main(void) { return 0; }\n",
    "# Title\n\nSome prose about alpha.\n",
    "",
)


def _tree(files: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(path, digest_text(text), text) for path, text in sorted(files.items())]


def _index(path: Path, files: dict[str, str]) -> Index:
    index = Index.open(path)
    index.update(_tree(files))
    return index


_TREES = st.dictionaries(
    st.sampled_from(["a.py", "b.py", "c.c", "d/e.md", "d/f.py"]), st.sampled_from(_SNIPPETS)
)


@given(st.lists(_TREES, min_size=2, max_size=4))
def test_updates_equal_a_rebuild(trees: list[dict[str, str]]) -> None:
    updated = Index(_memory())
    for tree in trees:
        updated.update(_tree(tree))
    rebuilt = Index(_memory())
    rebuilt.update(reversed(_tree(trees[-1])))
    assert updated.digest() == rebuilt.digest()
    for query in ("alpha", "delta Gamma", "main"):
        assert _answers(updated.search(query)) == _answers(rebuilt.search(query))


def _memory() -> apsw.Connection:
    return Index.open(Path(":memory:"))._connection


def _answers(hits: list[Hit]) -> list[tuple[str, int, str]]:
    return [(hit.chunk.path, hit.chunk.start, hit.why) for hit in hits]


def test_an_update_that_was_cut_short_is_finished_by_the_next(tmp_path: Path) -> None:
    files = {f"{number}.py": f"def function_{number}():\n    pass\n" for number in range(6)}
    index = Index.open(tmp_path / "index.db")

    def cut_short() -> object:
        yield from _tree(files)[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.update(cut_short())  # type: ignore[arg-type]
    index.close()
    again = Index.open(tmp_path / "index.db")
    assert again.update(_tree(files)) == (3, 0, 0, 3)
    assert again.digest() == _index(tmp_path / "other.db", files).digest()


def test_the_definition_of_a_mentioned_name_comes_first(tmp_path: Path) -> None:
    files = {"use.py": "alpha_beta()\n" * 30, "define.py": "def alpha_beta():\n    '''Do it.'''\n"}
    hits = _index(tmp_path / "index.db", files).search("alpha_beta")
    assert hits[0].chunk.path == "define.py"
    assert "defines alpha_beta" in hits[0].why


def test_tests_come_after_what_they_test_unless_asked_for(tmp_path: Path) -> None:
    body = "def retry_policy():\n    return limit\n"
    index = _index(tmp_path / "index.db", {"retry.py": body, "tests/test_retry.py": body})
    assert index.search("retry policy limit")[0].chunk.path == "retry.py"
    assert {hit.chunk.path for hit in index.search("test of the retry policy limit")} == {
        "retry.py",
        "tests/test_retry.py",
    }


@pytest.mark.parametrize(
    "query", ["", " \n", '"', "NEAR(", "a AND", "* OR -", "é" * 10, "'); DROP TABLE chunk; --"]
)
def test_no_query_is_a_syntax_error(tmp_path: Path, query: str) -> None:
    index = _index(tmp_path / "index.db", {"a.py": _SNIPPETS[0]})
    assert index.search(query) == []


def test_a_query_of_a_megabyte_is_answered(tmp_path: Path) -> None:
    index = _index(tmp_path / "index.db", {"a.py": _SNIPPETS[0]})
    assert index.search("alpha " + "filler_word " * 90_000)[0].chunk.path == "a.py"


def test_symbols_are_found_by_simple_and_qualified_name(tmp_path: Path) -> None:
    index = _index(tmp_path / "index.db", {"a.py": _SNIPPETS[1]})
    assert [symbol.kind for symbol in index.symbols("delta")] == ["method"]
    assert index.symbols("delta") == index.symbols("Gamma.delta")


def test_the_status_counts_what_was_parsed_and_what_fell_back(tmp_path: Path) -> None:
    files = {"a.py": _SNIPPETS[0], "bad.py": "def broken(:\n", "notes.md": _SNIPPETS[3]}
    status = _index(tmp_path / "index.db", files).status()
    assert (status["files"], status["parsed"], status["with_syntax_errors"], status["plain_text"]) == (
        3,
        2,
        1,
        1,
    )


def test_an_index_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "index.db"))
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    with pytest.raises(UserMistake, match="newer version"):
        Index.open(tmp_path / "index.db")


def test_a_file_that_is_no_index_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_text("these are words, and not a database at all\n" * 100)
    with pytest.raises(UserMistake, match="delete it and run"):
        Index.open(tmp_path / "index.db")


def test_it_is_no_worse_than_plain_bm25_at_finding_functions_by_their_docstrings(tmp_path: Path) -> None:
    """The reference ranks the same chunks with the same words; CoSQA-like questions over real functions."""
    files, questions = _questions(["argparse.py", "inspect.py", "tarfile.py", "shutil.py", "zipfile.py"], 120)
    index = _index(tmp_path / "index.db", files)
    chunks = [chunk for path, text in sorted(files.items()) for chunk in chunk_file(path, text)]
    reference = BM25Okapi([tokens(f"{chunk.path} {chunk.symbol} {chunk.text}") for chunk in chunks])
    ours = theirs = 0.0
    for question, path, line in questions:
        found = [hit.chunk for hit in index.search(question, 10)]
        scores = reference.get_scores(tokens(question))
        best = sorted(range(len(chunks)), key=lambda place: -scores[place])[:10]
        ours += _reciprocal_rank(found, path, line)
        theirs += _reciprocal_rank([chunks[place] for place in best], path, line)
    assert len(questions) == 120
    assert ours >= theirs > 10


def _questions(names: list[str], limit: int) -> tuple[dict[str, str], list[tuple[str, str, int]]]:
    """Return files without docstrings, and (docstring, path, line) of the functions that had one."""
    files, questions = {}, []
    for name in names:
        path = (
            _STDLIB / name
            if (_STDLIB / name).exists()
            else _STDLIB / name.removesuffix(".py") / "__init__.py"
        )
        tree = ast.parse(path.read_text())
        found = []
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.FunctionDef)
                and (words := ast.get_docstring(node))
                and len(node.body) > 1
            ):
                node.body = node.body[1:]
                found.append((words.split("\n\n")[0], node.name))
        files[name] = ast.unparse(tree)
        lines = files[name].split("\n")
        for words, function in found:
            at = [place for place, line in enumerate(lines, 1) if f"def {function}(" in line]
            if len(at) == 1:
                questions.append((words, name, at[0]))
    step = len(questions) // limit
    return files, questions[::step][:limit]


def _reciprocal_rank(found: list, path: str, line: int) -> float:
    for rank, chunk in enumerate(found, 1):
        if chunk.path == path and chunk.start_line <= line <= chunk.end_line:
            return 1 / rank
    return 0.0
