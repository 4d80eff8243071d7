"""An index on a PostgreSQL server, from the settings on: indexed, searched, shared, and not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.retrieval.index import Index
from inhouse.retrieval.places import address
from tests.end_to_end.command import inhouse
from tests.gitrepo import GitRepo
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture
def repository(tmp_path: Path) -> GitRepo:
    repository = GitRepo(tmp_path / "shop")
    for number in range(3):
        repository.write(f"src/part_{number}.py", f"def deliver_{number}(order):\n    return order\n")
        repository.commit(f"Add part {number}")
    return repository


def _settings(folder: Path, url: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "mine.yaml"
    file.write_text(f"retrieval:\n  store: {url}\n")
    return file


def test_indexed_and_searched_on_a_server_that_two_workspaces_share(
    tmp_path: Path, repository: GitRepo, server: PostgresServer
) -> None:
    url = server.url("shop")
    file = _settings(tmp_path / "settings", url)
    one, two = tmp_path / "one", tmp_path / "two"
    built = inhouse("index", repository.path, "--workspace", one, "--settings", file, "--json")
    assert built.code == 0, built.err
    tip = built.json["indexes"]["tip"]
    assert (tip["status"]["files"], "postgresql" in tip["status"]) == (3, True)
    assert not (one / ".inhouse" / "index" / "tip.db").exists()
    index = Index.open(address(url))
    assert (index.digest(), index.store.get("commit")) == (tip["digest"], tip["revision"])
    found = inhouse("search", "deliver_1", "--workspace", one, "--settings", file, "--json")
    assert found.json["results"][0]["path"] == "src/part_1.py"
    again = inhouse("index", repository.path, "--workspace", two, "--settings", file, "--json")
    assert again.json["indexes"]["tip"]["digest"] == index.digest()
    index.close()
    other = GitRepo(tmp_path / "bank")
    for number in range(3):
        other.write("a.py", f"x = {number}\n")
        other.commit("Change")
    refused = inhouse("index", other.path, "--workspace", tmp_path / "three", "--settings", file)
    assert refused.code == 2
    assert "an index holds one repository" in refused.err
    server.stop()
    for words in (("search", "x", "--workspace", one), ("index", repository.path, "--workspace", one)):
        away = inhouse(*words, "--settings", file)
        assert (away.code, "must answer" in away.err, "Traceback" in away.err) == (2, True, False)
    server.start()


def test_the_settings_of_a_stranger_open_no_connection(
    tmp_path: Path, repository: GitRepo, server: PostgresServer
) -> None:
    repository.write("inhouse.yaml", f"retrieval:\n  store: {server.url('strange')}\n")
    refused = inhouse("index", repository.path)
    assert (refused.code, "must be trusted before it may open the network" in refused.err) == (2, True)
    assert not address(server.url("strange")).exists()


def test_a_password_in_the_settings_is_refused_and_not_repeated(tmp_path: Path, repository: GitRepo) -> None:
    file = _settings(tmp_path / "settings", "postgresql://u:hunter2@h/d?index=a")
    refused = inhouse("index", repository.path, "--settings", file, "--json")
    assert refused.code == 2
    assert "retrieval.store: a settings file holds no password; put it in PGPASSWORD" in refused.err
    assert "hunter2" not in refused.err + refused.out
