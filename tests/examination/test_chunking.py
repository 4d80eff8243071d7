"""`inhouse chunking compare`: strategies on a repository's own questions, as a table, a page and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inhouse.cli.main import main
from tests.gitrepo import GitRepo

_THINGS = (
    "kettle",
    "lantern",
    "anchor",
    "compass",
    "barrel",
    "hammer",
    "ladder",
    "mirror",
    "needle",
    "pillow",
)
_DOING = ("polish", "repair", "weigh", "paint")


def _module(thing: str, more: str = "") -> str:
    functions = "".join(
        f'def {doing}_{n}(value):\n    """Will {doing} every {thing} that somebody has brought here."""\n'
        f"    {thing}_{doing}_cost = value * {n + 2}\n    total = {thing}_{doing}_cost\n"
        "    return total\n\n\n"
        for n, doing in enumerate(_DOING)
    )
    return f"{functions}{more}"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = GitRepo(tmp_path_factory.mktemp("chunking") / "workshop")
    for thing in _THINGS:
        repo.write(f"src/{thing}.py", _module(thing))
        repo.commit(f"Add the {thing}")
    for n, thing in enumerate(_THINGS * 3):
        more = f"def later_{n}(value):\n    {thing}_later = value + {n}\n    return {thing}_later\n"
        repo.write(f"src/{thing}.py", _module(thing, more))
        repo.commit(f"Give the {thing} a better handle than before")
    return repo.path


@pytest.fixture(scope="module")
def found(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    workspace = tmp_path_factory.mktemp("workspace")
    words = ["chunking", "compare", str(repository), "--workspace", str(workspace), "--quiet"]
    words += ["--strategies", "definition", "file", "hierarchical", "--questions", "30"]
    assert main(words) == 0
    (told,) = (workspace / ".inhouse" / "reports").glob("chunking-*.json")
    return {**json.loads(told.read_text()), "folder": str(told.parent.parent)}


def test_questions_come_from_docstrings_and_from_commits_after_the_cut(found: dict[str, Any]) -> None:
    assert found["questions"]["definition"] == 30
    assert 5 <= found["questions"]["commit"] <= 30
    assert found["files"] == 10


def test_the_commits_that_are_asked_for_name_their_files(found: dict[str, Any]) -> None:
    for row in found["strategies"]:
        cell = row["approaches"]["search"]["recall"]["commit"]["8000"]
        assert (cell["value"], cell["n"]) == (1.0, found["questions"]["commit"])


def test_what_was_asked_for_was_cut_out_of_the_index(found: dict[str, Any]) -> None:
    """All functions of a file resemble each other but for their docstrings and names of variables."""
    cell = found["strategies"][0]["approaches"]["words"]["recall"]["definition"]["2000"]
    assert cell["n"] == 30
    assert cell["groups"] == 10
    assert cell["value"] > 0.9  # of words in variables; the words of the docstrings are gone


def test_every_strategy_but_the_reference_is_compared_with_it(found: dict[str, Any]) -> None:
    assert found["compared_with"] == "definition"
    cells = {
        row["strategy"]: row["approaches"]["words"]["recall"]["definition"]["2000"]
        for row in found["strategies"]
    }
    assert "difference" not in cells["definition"]
    difference = cells["file"]["difference"]
    assert difference["value"] == pytest.approx(
        cells["file"]["value"] - cells["definition"]["value"], abs=1e-5
    )
    assert difference["sure"] in (-1, 0, 1)


def test_the_page_stands_beside_the_reports_and_nothing_else_is_left(found: dict[str, Any]) -> None:
    folder = Path(found["folder"])
    (page,) = (folder / "reports").glob("chunking-*.html")
    assert "workshop" in page.read_text(encoding="utf-8")
    assert list(folder.glob("chunking-*")) == []


def test_the_table_has_a_row_for_each_strategy_and_way(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["chunking", "compare", str(repository), "--workspace", str(tmp_path), "--questions", "3"]
    assert main([*words, "--quiet", "--strategies", "fixed"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("workshop at ")
    assert lines[1] == "3 questions for code, 3 for the files of later commits"
    assert [line.split()[:2] for line in lines[3:5]] == [["fixed", "words"], ["search", lines[4].split()[1]]]
    assert lines[-1].startswith("page: ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--strategies", "definitions"], "a strategy is one of those that exist"),
        (["--questions", "0"], "--questions is a positive number"),
    ],
)
def test_mistakes_are_one_sentence(
    repository: Path, tmp_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = [str(repository), "--workspace", str(tmp_path), "--quiet"]
    assert main(["chunking", "compare", *place, *words]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: {sentence}")


def test_a_repository_without_docstrings_and_messages_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = GitRepo(tmp_path / "silent")
    for n in range(20):
        repo.write("a.py", f"x = {n}\ny = {n}\n")
        repo.commit("x")
    assert main(["chunking", "compare", str(repo.path), "--quiet"]) == 2
    assert "has neither; try another repository" in capsys.readouterr().err
