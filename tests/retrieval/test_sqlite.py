"""An index file is ours, whole, and never silently something else."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import apsw
import numpy as np
import pytest

from inhouse.errors import UserMistake
from inhouse.retrieval import sqlite
from inhouse.retrieval.facts import read_file
from inhouse.retrieval.index import Index
from inhouse.retrieval.sqlite import SCHEMA, SqliteStore

_CODE = "def alpha():\n    return beta()\n"


def _filled(path: Path, **files: str) -> SqliteStore:
    store = SqliteStore(path)
    store.replace([read_file(f"{name}.py", name, text) for name, text in (files or {"a": _CODE}).items()])
    return store


def _pragma(path: Path, name: str) -> int:
    connection = apsw.Connection(str(path))
    value = next(connection.execute(f"PRAGMA {name}"))[0]
    connection.close()
    return int(value)


def test_an_index_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    _filled(tmp_path / "i.db").close()
    connection = apsw.Connection(str(tmp_path / "i.db"))
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    with pytest.raises(UserMistake, match=f"newer version.*schema {SCHEMA + 1}.*upgrade inhouse"):
        SqliteStore(tmp_path / "i.db")
    assert _pragma(tmp_path / "i.db", "user_version") == SCHEMA + 1


def test_an_older_index_is_emptied_and_not_half_read(tmp_path: Path) -> None:
    """The tables of schema 1 as they were, without an application id."""
    connection = apsw.Connection(str(tmp_path / "i.db"))
    connection.execute("""
        CREATE TABLE file (id INTEGER PRIMARY KEY, path TEXT, digest TEXT, language TEXT, errors INTEGER);
        CREATE TABLE chunk (id INTEGER PRIMARY KEY, file INTEGER, text TEXT);
        CREATE TABLE symbol (file INTEGER, name TEXT);
        CREATE VIRTUAL TABLE words USING fts5 (path, names, body, content = '', contentless_delete = 1);
        CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
        INSERT INTO file VALUES (1, 'old.py', 'd', 'python', 0);
        PRAGMA user_version = 1;
    """)
    connection.close()
    with pytest.raises(UserMistake, match="older version"):
        SqliteStore(tmp_path / "i.db", read_only=True)
    index = Index.open(tmp_path / "i.db")
    assert list(index.store.files()) == []
    assert index.update([("old.py", "d", _CODE)]) == (1, 0, 0, 0)
    assert _pragma(tmp_path / "i.db", "user_version") == SCHEMA


@pytest.mark.parametrize("version", [0, 1, SCHEMA, 99])
def test_a_file_of_another_program_is_refused_and_not_written(tmp_path: Path, version: int) -> None:
    path = tmp_path / "i.db"
    connection = apsw.Connection(str(path))
    connection.execute(
        f"CREATE TABLE bookmark (url); INSERT INTO bookmark VALUES (1); PRAGMA user_version = {version}"
    )
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UserMistake, match="a file that inhouse made"):
        SqliteStore(path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["i.db"]


def test_words_in_a_file_are_no_index(tmp_path: Path) -> None:
    (tmp_path / "i.db").write_text("these are words, and not a database at all\n" * 100)
    with pytest.raises(UserMistake, match="delete it and run"):
        SqliteStore(tmp_path / "i.db")


def test_a_damaged_index_is_one_sentence_whenever_it_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "i.db"
    _filled(path, **{f"f{number}": _CODE * 40 for number in range(40)}).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(UserMistake, match=r"damaged.*delete it and run"):
        store = SqliteStore(path)
        list(store.rows())


def test_a_cut_off_index_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "i.db"
    _filled(path, **{f"f{number}": _CODE * 40 for number in range(40)}).close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserMistake, match="damaged"):
        store = SqliteStore(path)
        list(store.rows())


def test_readers_go_on_while_one_writes_and_a_second_writer_says_who_has_it(tmp_path: Path) -> None:
    _filled(tmp_path / "i.db").close()
    other = apsw.Connection(str(tmp_path / "i.db"))
    other.execute("BEGIN IMMEDIATE")
    store = SqliteStore(tmp_path / "i.db", wait=0.2)
    assert store.counts()["files"] == 1
    with pytest.raises(UserMistake, match=r"one process at a time.*0\.2 seconds.*run again"):
        store.remove(["a.py"])
    other.execute("ROLLBACK")
    store.remove(["a.py"])
    assert store.counts()["files"] == 0


def test_a_writer_waits_for_another_one_that_ends(tmp_path: Path) -> None:
    _filled(tmp_path / "i.db").close()
    other = apsw.Connection(str(tmp_path / "i.db"))
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.4, lambda: other.execute("COMMIT"))
    timer.start()
    store = SqliteStore(tmp_path / "i.db", wait=20)
    store.remove(["a.py"])
    timer.join()
    assert store.counts()["files"] == 0


def test_one_reading_sees_one_state(tmp_path: Path) -> None:
    reader, writer = _filled(tmp_path / "i.db"), SqliteStore(tmp_path / "i.db")
    with reader.reading():
        assert reader.counts()["files"] == 1
        writer.remove(["a.py"])
        assert [file.path for file in reader.files()] == ["a.py"]
    assert reader.counts()["files"] == 0


def test_an_index_deleted_while_serving_is_read_on_and_its_successor_after_it(tmp_path: Path) -> None:
    path = tmp_path / "i.db"
    _filled(path).close()
    serving = Index.open(path)
    assert serving.search("alpha")
    for one in tmp_path.iterdir():
        one.unlink()
    assert serving.search("alpha")
    with pytest.raises(UserMistake, match=r"deleted or replaced.*run the same command again"):
        serving.store.remove(["a.py"])
    _filled(path, b="def gamma():\n    pass\n").close()
    assert [hit.chunk.path for hit in serving.search("gamma")] == ["b.py"]
    assert serving.search("alpha") == []


def test_an_index_that_is_only_read_is_neither_made_nor_written(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="no index yet"):
        SqliteStore(tmp_path / "i.db", read_only=True)
    assert list(tmp_path.iterdir()) == []
    _filled(tmp_path / "i.db").close()
    store = SqliteStore(tmp_path / "i.db", read_only=True)
    assert store.counts()["files"] == 1
    with pytest.raises(UserMistake, match="read-only"):
        store.remove(["a.py"])


def test_a_read_only_disk_can_be_searched_and_says_why_it_cannot_be_updated(tmp_path: Path) -> None:
    """A mount namespace of its own, so that it is read-only for root too."""
    (tmp_path / "disk").mkdir()
    _filled(tmp_path / "disk" / "i.db").close()
    program = (
        "import sys; from pathlib import Path; from inhouse.retrieval.index import Index\n"
        "index = Index.open(Path(sys.argv[1]))\n"
        "print([hit.chunk.path for hit in index.search('alpha')])\n"
        "try:\n    index.update([('b.py', 'd', 'x = 1')])\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1/i.db"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path / "disk"), sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount")
    found, said = done.stdout.splitlines()
    assert found == "['a.py']"
    assert said.startswith("UserMistake an index is written where its disk allows it")


def test_vectors_of_another_model_or_size_are_refused_and_those_of_replaced_files_go(tmp_path: Path) -> None:
    store = _filled(tmp_path / "i.db")
    [number] = store.without_vector(10)
    store.put_vectors("m", {number: np.array([3.0, 4.0], np.float32)})
    assert store.nearest(np.array([0.0, 2.0], np.float32), 5) == [(number, 0.8)]
    other = np.array([1.0, 0.0, 0.0], np.float32)
    for model, vector in (("other", other[:2]), ("m", other)):
        with pytest.raises(UserMistake, match="vectors of one model"):
            store.put_vectors(model, {number: vector})
    with pytest.raises(UserMistake, match="vectors of one model"):
        store.nearest(other, 5)
    store.replace([read_file("a.py", "new", "def gamma():\n    pass\n")])
    assert store.counts()["vectors"] == 0
    assert store.nearest(np.array([0.0, 2.0], np.float32), 5) == []


def test_a_server_sees_new_vectors(tmp_path: Path) -> None:
    writer, server = _filled(tmp_path / "i.db", a=_CODE, b=_CODE), SqliteStore(tmp_path / "i.db")
    first, second = writer.without_vector(10)
    writer.put_vectors("m", {first: np.array([1.0, 0.0], np.float32)})
    asked = np.array([0.0, 1.0], np.float32)
    for _ in range(3):
        assert server.nearest(asked, 5) == [(first, 0.0)]
    held = len(sqlite._READ)
    for cosine in (0.0, 0.6, 1.0):
        writer.put_vectors("m", {second: np.array([(1 - cosine**2) ** 0.5, cosine], np.float32)})
        assert server.nearest(asked, 1) == [(first if cosine == 0 else second, cosine)]
    assert server.nearest(asked, 5) == [(second, 1.0), (first, 0.0)]
    assert len(sqlite._READ) == held  # the old ones are let go: they are large


def test_the_room_of_vectors_that_were_taken_out_is_given_back(tmp_path: Path) -> None:
    """vec0 uses it for no others: an index that lives long would be read for what is no longer there."""
    random = np.random.default_rng(1)
    paths = [f"{number}.py" for number in range(1_000)]
    with SqliteStore(tmp_path / "i.db") as store, SqliteStore(tmp_path / "i.db") as server:
        for number in range(60):
            some = paths if number == 0 else random.choice(paths, 100, replace=False)
            store.replace([read_file(path, str(number), "x = 1\n") for path in some])
            made = {chunk: random.normal(size=4).astype(np.float32) for chunk in store.without_vector(1_000)}
            store.put_vectors("m", made)
            assert server.nearest(made[max(made)], 1) == [(max(made), 1.0)]
        assert server.counts()["vectors"] == 1_000
    connection = apsw.Connection(str(tmp_path / "i.db"))
    [(places,)] = connection.execute("SELECT count(*) FROM vector_chunks")
    assert places <= 12  # of 256 vectors each


@pytest.mark.parametrize("dimension", [3, 576])
def test_the_first_question_and_later_ones_are_answered_alike(tmp_path: Path, dimension: int) -> None:
    """One is answered from the file, the others from memory, which add up in different orders."""
    random = np.random.default_rng(dimension)
    store = _filled(tmp_path / "i.db", **{f"f{number}": f"x = {number}\n" for number in range(500)})
    numbers = list(store.without_vector(500))
    some = random.normal(size=(40, dimension)).astype(np.float32)
    store.put_vectors("m", {number: some[random.integers(40)] * random.integers(0, 3) for number in numbers})
    store.close()
    for limit in (1, 10, 100, 499, 600):
        asked = some[0] + random.normal(size=dimension) / 3
        with SqliteStore(tmp_path / "i.db", read_only=True) as opened:
            first, later = opened.nearest(asked, limit), opened.nearest(asked, limit)
            assert len(first) == min(limit, 500)
            assert first == later


def test_vectors_too_wide_for_the_database_are_refused(tmp_path: Path) -> None:
    store = _filled(tmp_path / "i.db")
    [number] = store.without_vector(10)
    with pytest.raises(UserMistake, match="at most 8,191 numbers"):
        store.put_vectors("m", {number: np.ones(8_192, np.float32)})
    assert store.get("vectors") is None
    store.put_vectors("m", {number: np.ones(8_191, np.float32)})
    assert store.nearest(np.ones(8_191), 1) == [(number, 1.0)]


def test_an_extension_that_cannot_be_loaded_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite_vec.loadable_path", lambda: str(tmp_path / "vec0"))
    with pytest.raises(UserMistake, match="needs the extension sqlite-vec"):
        SqliteStore(tmp_path / "i.db")
