"""An index that was updated is an index that was built, however it got there."""

from __future__ import annotations

import ast
import random
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from inhouse.digests import digest_text
from inhouse.errors import UserMistake
from inhouse.records import Edge, Hit
from inhouse.retrieval import index as module
from inhouse.retrieval.chunking import chunk_file
from inhouse.retrieval.graph import Graph
from inhouse.retrieval.index import Index, states_now
from inhouse.retrieval.sqlite import SqliteStore
from inhouse.retrieval.words import tokens
from tests.gitrepo import GitRepo

_STDLIB = Path(sysconfig.get_path("stdlib"))
_SNIPPETS = (
    "def alpha():\n    return beta()\n",
    "from a import alpha\n\n\nclass Gamma:\n    def delta(self):\n        return alpha()\n",
    '#include "c.h"\n\nint main(void) { return helper(0); }\n',
    "int helper(int value);\n",
    "# Title\n\nSome prose about alpha.\n",
    "limit:\n  retries: 3\n",
    "bad(:\n\ud800 \0",
    "",
)
_PATHS = ("a.py", "b.py", "main.c", "c.h", "d/e.md", "d/f.py", "tests/test_a.py", "settings.yaml")
_QUERIES = ("alpha", "delta Gamma", "main helper", "retries limit")


def _tree(files: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(path, digest_text(text), text) for path, text in sorted(files.items())]


def _index(path: Path, files: dict[str, str]) -> Index:
    index = Index.open(path)
    index.update(_tree(files))
    return index


def _memory() -> Index:
    return Index(SqliteStore(Path(":memory:")))


def _built(tree: list[tuple[str, str, str]]) -> Index:
    index = _memory()
    index.update(tree)
    return index


def _answers(hits: list[Hit]) -> list[tuple[str, int, float, str]]:
    return [(hit.chunk.path, hit.chunk.start, hit.score, hit.why) for hit in hits]


def _edges(index: Index) -> list[list[Edge]]:
    paths = [file.path for file in index.store.files()]
    graph = Graph(index.store)
    return [way(path) for path in paths for way in (graph.edges_from, graph.edges_to)]


def _assert_same(one: Index, other: Index) -> None:
    assert list(one.store.rows()) == list(other.store.rows())
    assert one.digest() == other.digest()
    assert one.store.counts() == other.store.counts()
    assert _edges(one) == _edges(other)
    for query in _QUERIES:
        assert _answers(one.search(query)) == _answers(other.search(query))


# ------------------------------------------------------------------ an update equals a rebuild

_TREES = st.dictionaries(st.sampled_from(_PATHS), st.sampled_from(_SNIPPETS))


@settings(deadline=None, max_examples=60)
@given(st.lists(_TREES, min_size=2, max_size=4))
def test_updates_equal_a_rebuild_with_inbound_edges_and_scores(trees: list[dict[str, str]]) -> None:
    updated = _memory()
    for tree in trees:
        updated.update(_tree(tree))
    _assert_same(updated, _built(_tree(trees[-1])[::-1]))


@settings(deadline=None, max_examples=40)
@given(st.lists(_TREES, min_size=2, max_size=4))
def test_commits_that_are_applied_equal_a_rebuild(trees: list[dict[str, str]]) -> None:
    applied = _memory()
    before: dict[str, str] = {}
    for tree in trees:
        changed = {path: text for path, text in tree.items() if before.get(path) != text}
        done = applied.apply(_tree(changed), before.keys() - tree.keys())
        assert done.removed == len(before.keys() - tree.keys())
        assert (done.added + done.changed, done.unchanged) == (len(changed), len(tree) - len(changed))
        before = tree
    _assert_same(applied, _built(_tree(trees[-1])))


def _commits(repo: GitRepo) -> Iterator[list[tuple[str, str, str]]]:
    for commit in repo.git("rev-list", "--reverse", "HEAD").decode().split():
        paths = repo.git("ls-tree", "-r", "-z", "--name-only", commit).decode().split("\0")[:-1]
        texts = {path: repo.git("show", f"{commit}:{path}").decode("utf-8", "replace") for path in paths}
        yield _tree(texts)


def test_a_history_with_moves_deletions_and_a_revert_is_followed_exactly(tmp_path: Path) -> None:
    """Callers of a function that moves, a header that comes and goes, a name that returns."""
    repo = GitRepo(tmp_path / "project")
    steps: list[dict[str, str | None]] = [
        {"a.py": _SNIPPETS[0], "b.py": _SNIPPETS[1]},
        {"main.c": _SNIPPETS[2]},
        {"c.h": _SNIPPETS[3]},
        {"a.py": None, "lib/a.py": _SNIPPETS[0]},
        {"c.h": None},
        {"a.py": _SNIPPETS[0], "lib/a.py": None, "c.h": _SNIPPETS[3]},
        {"a.py": "def alpha():\n    return 1\n" * 3, "tests/test_a.py": "from a import alpha\n\nalpha()\n"},
    ]
    for number, step in enumerate(steps):
        for path, text in step.items():
            if text is None:
                repo.git("rm", "-q", path)
            else:
                repo.write(path, text)
        repo.commit(f"Step {number}")
    updated = _memory()
    trees = list(_commits(repo))
    assert len(trees) == len(steps)
    for tree in trees:
        updated.update(tree)
        _assert_same(updated, _built(tree))


def test_the_number_of_workers_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        (path.name, digest_text(text), text)
        for path in sorted(_STDLIB.glob("[a-f]*.py"))
        if (text := path.read_text(encoding="utf-8"))
    ]
    alone, shared = Index.open(tmp_path / "alone.db"), Index.open(tmp_path / "shared.db")
    alone.update(files)
    monkeypatch.setattr(module, "_ALONE_CHARACTERS", 0)
    monkeypatch.setattr(module, "_BATCH_CHARACTERS", 200_000)
    assert shared.update(files, workers=2) == (len(files), 0, 0, 0)
    assert shared.digest() == alone.digest()


def test_only_what_differs_has_to_be_read(tmp_path: Path) -> None:
    index = _index(tmp_path / "i.db", {"a.py": "a = 1\n", "b.py": "b = 1\n", "gone.py": ""})
    tree = {"a.py": digest_text("a = 1\n"), "b.py": "other", "new.py": "n"}
    assert index.differences(tree) == (["b.py", "new.py"], ["gone.py"])


def test_what_other_grammars_read_is_read_anew(tmp_path: Path) -> None:
    files = {"a.py": _SNIPPETS[0]}
    index = _index(tmp_path / "i.db", files)
    index.store.set("reader", "of an older version")
    with pytest.raises(UserMistake, match="read anew as a whole"):
        index.apply([("b.py", "d", "x = 1\n")])
    assert index.differences({"a.py": digest_text(files["a.py"])}) == (["a.py"], [])
    assert index.update(_tree(files)) == (1, 0, 0, 0)


# ------------------------------------------------------------------ the graph that is kept


def test_the_graph_is_kept_until_anybody_changes_the_index(tmp_path: Path) -> None:
    files = {"a.py": "def go(): pass\n", "b.py": "from a import go\ngo()\n"}
    index = _index(tmp_path / "i.db", files)
    reader = Index.open(tmp_path / "i.db", read_only=True)
    assert reader.graph() is reader.graph()
    assert [edge.source_path for edge in reader.references("go")] == ["b.py", "b.py"]
    kept = reader.graph()
    index.update(_tree({**files, "b.py": "from a import go\n"}))
    assert [edge.kind for edge in reader.references("go")] == ["imports"]
    assert reader.graph() is not kept


def test_the_graph_of_an_index_that_was_built_anew_with_as_many_rows_is_another(tmp_path: Path) -> None:
    _index(tmp_path / "i.db", {"a.py": "def go(): pass\n", "b.py": "from a import go\n"}).close()
    reader = Index.open(tmp_path / "i.db", read_only=True)
    assert len(reader.references("go")) == 1
    for file in tmp_path.iterdir():
        file.unlink()
    _index(tmp_path / "i.db", {"a.py": "def og(): pass\n", "b.py": "from a import og\n"}).close()
    assert reader.references("go") == []
    assert len(reader.references("og")) == 1


def test_a_state_is_told_as_the_index_is_now_and_why_where_it_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    index = _index(tmp_path / "index" / "tip.db", {"a.py": "def go(): pass\n"})
    recorded = {"tip": {"revision": "1", "status": index.status() | {"left_out_by_hygiene": {"binary": 2}}}}
    index.update(_tree({"a.py": "def go(): pass\n", "b.py": "def come(): pass\n"}))
    index.close()
    [(name, state)] = states_now(recorded, tmp_path, "").items()
    assert (name, state["revision"], state["status"]["files"]) == ("tip", "1", 2)
    assert state["status"]["left_out_by_hygiene"] == {"binary": 2}
    assert "problem" not in state
    (tmp_path / "index" / "tip.db").unlink()
    [state] = states_now(recorded, tmp_path, "").values()
    assert state["status"] == recorded["tip"]["status"]
    assert state["problem"].startswith("there is no index yet")


# ------------------------------------------------------------------ killed


def test_an_update_that_was_cut_short_is_finished_by_the_next(tmp_path: Path) -> None:
    """What was put in by then stays: all but the last batch."""
    files = {f"{number:03}.py": f"def function_{number}():\n    pass\n" for number in range(150)}
    index = Index.open(tmp_path / "index.db")

    def cut_short() -> Iterator[tuple[str, str, str]]:
        yield from _tree(files)[:140]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.update(cut_short())
    index.close()
    again = Index.open(tmp_path / "index.db")
    assert again.update(_tree(files)) == (22, 0, 0, 128)
    assert again.digest() == _index(tmp_path / "other.db", files).digest()


_UPDATE = """
import os, signal, sys, threading, time
from pathlib import Path
from inhouse.digests import digest_text
from inhouse.retrieval import index as module
module._ALONE_CHARACTERS = 50_000
module._BATCH_CHARACTERS = 10_000


def killed_in_write(store, number, seconds):
    # The write of this number goes on until the whole process group is killed so many seconds after it began.
    whole, kill = store.replace, threading.Timer(seconds, os.killpg, [os.getpgrp(), signal.SIGKILL])
    left = iter(range(number))

    def replace(*arguments):
        if next(left, None) is None:
            kill.start()
            whole(*arguments)
            time.sleep(60)
        whole(*arguments)

    store.replace = replace


if __name__ == "__main__":
    texts = {path.name: path.read_text() for path in sorted(Path(sys.argv[2]).iterdir())}
    files = [(name, digest_text(text), text) for name, text in texts.items()]
    index = module.Index.open(Path(sys.argv[1]))
    if len(sys.argv) > 3:
        killed_in_write(index.store, int(sys.argv[3]), float(sys.argv[4]))
    index.update(files, workers=2)
"""


def test_killed_at_any_moment_the_same_command_ends_with_the_same_index(tmp_path: Path) -> None:
    """kill -9 of a real process with workers, in six writes of its update, each time over an older tree."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "update.py").write_text(_UPDATE)
    sources = sorted(_STDLIB.glob("[a-c]*.py"))
    for path in sources:
        (tmp_path / "tree" / path.name).write_text(path.read_text(encoding="utf-8"))
    tree = [(path.name, digest_text(path.read_text()), path.read_text()) for path in sources]
    wanted = _built(tree).digest()
    command = [sys.executable, str(tmp_path / "update.py"), str(tmp_path / "i.db"), str(tmp_path / "tree")]
    choose = random.Random(5)
    _index(tmp_path / "i.db", {"old.py": _SNIPPETS[0], sources[0].name: "x = 1\n"}).close()
    for write in (0, 1, 4, 2, 1, 5):
        moment = [str(write), str(choose.uniform(0.0, 0.05))]
        killed = subprocess.run([*command, *moment], capture_output=True, start_new_session=True)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    subprocess.run(command, check=True, capture_output=True)
    index = Index.open(tmp_path / "i.db")
    assert index.digest() == wanted
    assert sum(1 for _ in index.store.files()) == len(tree)
    expected = _built(tree)
    for query in ("parse arguments", "calendar week", "base64 decode"):
        assert _answers(index.search(query)) == _answers(expected.search(query))


# ------------------------------------------------------------------ strange trees


def test_lone_surrogates_and_nuls_in_text_paths_and_names_come_back(tmp_path: Path) -> None:
    text = "# \ud800 caf\udce9\ndef alpha():\n    return '\udfff'\n"
    index = _index(tmp_path / "i.db", {"a.py": text, "caf\udce9.py": "def beta(): pass\n"})
    assert index.update(_tree({"a.py": text, "caf\udce9.py": "def beta(): pass\n"})) == (0, 0, 0, 2)
    [hit] = [hit for hit in index.search("alpha") if hit.chunk.symbol == "alpha"]
    assert "".join(chunk.text for chunk in index.store.chunks_of("a.py").values()) == text
    assert hit.chunk.path == "a.py"
    assert [symbol.path for symbol in index.outline("caf\udce9.py")] == [r"caf\udce9.py"]
    assert index.definitions("\ud800") == []


def test_mixed_encodings_in_one_tree(tmp_path: Path) -> None:
    word = "prüfsumme"
    files = {
        name: f"# {word}\ndef {name}(): pass\n".encode(encoding).decode("utf-8", "replace")
        for name, encoding in (("one", "utf-8"), ("two", "latin-1"), ("three", "utf-16"), ("four", "cp1252"))
    }
    index = _index(tmp_path / "i.db", {f"{name}.py": text for name, text in files.items()})
    assert index.search(word)[0].chunk.path == "one.py"
    assert index.definitions("two")[0].path == "two.py"
    assert index.status()["reasons"] == {"binary": 1}  # utf-16 read as utf-8 is full of NULs


def test_ten_thousand_files_in_one_folder(tmp_path: Path) -> None:
    files = [(f"all/f{number}.py", str(number), f"def f{number}(): pass\n") for number in range(10_000)]
    index = Index.open(tmp_path / "i.db")
    assert index.update(files) == (10_000, 0, 0, 0)
    start = time.process_time()
    assert index.apply([("all/f7.py", "new", "def seven(): pass\n")], ["all/f8.py"]) == (0, 1, 1, 9_998)
    assert time.process_time() - start < 1.0
    assert index.search("f9999", 1)[0].chunk.path == "all/f9999.py"
    assert index.definitions("f8") == []


# ------------------------------------------------------------------ answers


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
    assert [symbol.kind for symbol in index.definitions("delta")] == ["method"]
    assert index.definitions("delta") == index.definitions("Gamma.delta")


def test_the_status_counts_what_was_parsed_and_what_fell_back(tmp_path: Path) -> None:
    files = {"a.py": _SNIPPETS[0], "bad.py": "def broken(:\n", "notes.md": _SNIPPETS[3]}
    status = _index(tmp_path / "index.db", files).status()
    assert (status["files"], status["parsed"], status["with_syntax_errors"], status["fallback"]) == (
        3,
        2,
        1,
        1,
    )


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
