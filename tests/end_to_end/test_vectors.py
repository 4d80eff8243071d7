"""`inhouse index` and `inhouse search` with vectors, a server that is down, and one that a stranger named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.command import git, inhouse
from tests.tiny import make_tiny_model


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number, name in enumerate(("reader", "writer", "parser", "printer")):
        (folder / f"{name}.py").write_text(
            f"def {name}(path):\n    return path.{name}_{number}\n", encoding="utf-8"
        )
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", f"Add {name}", date=f"2025-0{number + 1}-01T00:00:00Z")
    return folder


def _settings(tmp_path: Path, source: str) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(f"retrieval: {{vectors: {{source: '{source}', model: m}}}}\n", encoding="utf-8")
    return file


def test_an_index_gets_vectors_and_searches_and_contexts_use_them(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_tiny_model(tmp_path / "model")
    settings = _settings(tmp_path, f"static:{tmp_path / 'model'}")
    done = inhouse("index", repository, "--settings", settings, "--json")
    assert done.code == 0, done.err
    state = done.json["indexes"]["tip"]["status"]
    assert state["vectors"] == state["chunks"] > 0
    assert state["vectors_of"]["model"].startswith("static:")
    found = inhouse("search", "parse a path", "--workspace", repository, "--settings", settings, "--json")
    assert found.code == 0, found.err
    assert any("meaning" in hit["why"] for hit in json.loads(found.out)["results"])
    words = ("context", "parse a path", "--workspace", repository, "--budget", "500", "--json")
    words += ("--model", tmp_path / "model")
    by_words, with_vectors = inhouse(*words), inhouse(*words, "--settings", settings)
    assert not any("meaning" in piece["why"] for piece in by_words.json["pieces"])
    assert any("meaning" in piece["why"] for piece in with_vectors.json["pieces"])


def test_a_server_that_is_down_leaves_words_and_both_verbs_say_so(tmp_path: Path, repository: Path) -> None:
    settings = _settings(tmp_path, "http://127.0.0.1:9/v1")
    done = inhouse("index", repository, "--settings", settings)
    assert done.code == 0, done.err
    assert "must answer" in done.err
    assert "by words" in done.err
    found = inhouse("search", "parser", "--workspace", repository, "--settings", settings, "--json")
    assert found.code == 0, found.err
    first = json.loads(found.out)["results"][0]
    assert first["path"] == "parser.py"
    assert "by words only" in first["why"]


def test_a_server_in_the_settings_of_a_checkout_is_not_asked_without_trust(repository: Path) -> None:
    _settings(repository, "http://127.0.0.1:9/v1").rename(repository / "inhouse.yaml")
    refused = inhouse("index", repository)
    assert refused.code == 2
    assert "must be trusted before it may open the network" in refused.err
