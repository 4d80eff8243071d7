"""A migrated index is the index that was, whole or not there, and nothing but the index was read."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inhouse.digests import digest_text
from inhouse.errors import CheckFailed, UserMistake
from inhouse.retrieval import migration
from inhouse.retrieval.index import Index
from inhouse.retrieval.migration import migrate
from inhouse.retrieval.places import Address, open_store
from inhouse.retrieval.store import Store
from tests.postgres_server import PostgresServer

_FILES = {
    "src/reader.py": "import os\n\nclass Reader:\n    def read_all(self, path):\n        os.open(path)\n",
    "src/übung.py": "def read_all(x):\n    return 'tab\\t' + x  # \U0001f600 \0 \ud800\n",
    "docs/guide.md": "# Guide\n\nHow to read all.\n",
    "empty.py": "",
    "data.bin": "\0\0\0",
}


def _make(place: Path | Address, *, vectors: bool = True) -> str:
    with open_store(place) as store:
        index = Index(store)
        index.update([("gone.py", "d", "def gone(): pass\n")])
        index.update([(path, digest_text(text), text) for path, text in _FILES.items()])
        store.set("commit", "abc")
        if vectors:
            random = np.random.default_rng(5)
            numbers = list(store.without_vector(100))
            store.put_vectors("model 1", {number: random.normal(size=5) for number in numbers[:-1]})
        return index.digest()


def _everything(place: Path | Address) -> tuple[Any, ...]:
    with open_store(place) as store:
        contents = {
            facts.file.path: (facts, {place: vector.tobytes() for place, vector in vectors.items()})
            for facts, vectors in store.contents()
        }
        kept = {name: value for name, value in store.kept().items() if name != "vectors_state"}
        hits = Index(store).search("how does Reader read_all of a path")
        return Index(store).digest(), contents, kept, store.counts(), hits, _nearest(store)


def _nearest(store: Store) -> list[tuple[str, int, float]]:
    found = store.nearest(np.arange(5.0), 3) if store.get("vectors") else []
    chunks = store.chunks(number for number, _ in found)
    return [(chunks[number].path, chunks[number].start, score) for number, score in found]


@pytest.mark.parametrize("vectors", [True, False])
def test_there_and_back_again_nothing_is_lost(tmp_path: Path, place: Address, vectors: bool) -> None:
    first, last = tmp_path / "first.db", tmp_path / "last.db"
    digest = _make(first, vectors=vectors)
    migrated = migrate(first, place)
    assert (migrated.digest, migrated.counts["files"]) == (digest, len(_FILES))
    assert migrated.counts["vectors"] == (migrated.counts["chunks"] - 1 if vectors else 0)
    assert migrate(place, last) == migrated
    assert _everything(first) == _everything(place) == _everything(last)


def test_what_was_migrated_is_updated_like_any_other(tmp_path: Path, place: Address) -> None:
    _make(tmp_path / "first.db")
    migrate(tmp_path / "first.db", place)
    with open_store(place) as store:
        update = Index(store).update([(path, digest_text(text), text) for path, text in _FILES.items()])
        assert update == (0, 0, 0, len(_FILES))
        Index(store).apply([("new.py", "d", "def new(): pass\n")])
        assert len(Index(store).definitions("new")) == 1


def test_an_index_is_never_put_over_another(tmp_path: Path, place: Address) -> None:
    first, taken = tmp_path / "first.db", tmp_path / "taken.db"
    _make(first)
    _make(place)
    taken.write_bytes(b"what somebody else keeps")
    for target in (place, taken, first):
        with pytest.raises(UserMistake, match=r"a place of its own.*is there already"):
            migrate(first, target)
    assert taken.read_bytes() == b"what somebody else keeps"


def test_there_must_be_something_to_migrate(tmp_path: Path, place: Address) -> None:
    with pytest.raises(UserMistake, match="no index to migrate"):
        migrate(tmp_path / "absent.db", place)
    with pytest.raises(UserMistake, match="no index to migrate"):
        migrate(place, tmp_path / "new.db")
    open_store(tmp_path / "empty.db").close()
    with pytest.raises(UserMistake, match="without files"):
        migrate(tmp_path / "empty.db", place)
    assert not place.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]


def test_a_copy_that_is_another_is_thrown_away(
    tmp_path: Path, place: Address, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path / "first.db")
    copy = migration._batches
    monkeypatch.setattr(migration, "_batches", lambda contents: list(copy(contents))[1:])
    for target in (place, tmp_path / "new.db"):
        with pytest.raises(CheckFailed, match="not what was copied"):
            migrate(tmp_path / "first.db", target)
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["first.db"]


# ------------------------------------------------------------------ killed

_SLOWLY = """
import sys, time
from inhouse.retrieval import migration
from inhouse.retrieval.places import place_of

whole = migration._copy_vectors
def slowly(*arguments):
    whole(*arguments)
    print("copied", flush=True)
    time.sleep(60)
migration._copy_vectors = slowly
migration._BATCH_FILES = 2
migration.migrate(place_of(sys.argv[1]), place_of(sys.argv[2]))
"""


@pytest.mark.parametrize("to_server", [True, False])
def test_killed_at_any_moment_there_is_no_half_of_an_index(
    tmp_path: Path, place: Address, to_server: bool
) -> None:
    source = tmp_path / "first.db" if to_server else place
    target = place if to_server else tmp_path / "new.db"
    _make(source)
    with subprocess.Popen(
        [sys.executable, "-c", _SLOWLY, str(source), str(target)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "copied\n"
        process.send_signal(signal.SIGKILL)
    assert not target.exists()
    migrate(source, target)
    assert _everything(target) == _everything(source)
    assert list(tmp_path.glob("*.partial*")) == []


# ------------------------------------------------------------------ the command


def test_the_command_says_what_it_copied(tmp_path: Path, server: PostgresServer, place: Address) -> None:
    digest = _make(tmp_path / "first.db")
    done = _inhouse("migrate", tmp_path / "first.db", place, "--json")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    printed = json.loads(done.stdout)
    assert (printed["digest"], printed["counts"]["files"], printed["to"]) == (digest, 5, str(place))
    again = _inhouse("migrate", tmp_path / "first.db", place)
    assert again.returncode == 2
    assert again.stderr.startswith("error: an index is migrated to a place of its own")
    secret = _inhouse("migrate", tmp_path / "first.db", "postgresql://u:hunter2@h/d?index=a", "extra")
    assert (secret.returncode, "hunter2" in secret.stderr + secret.stdout) == (2, False)
    assert _inhouse("migrate", tmp_path / "first.db").returncode == 2


def _inhouse(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inhouse", "index", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
