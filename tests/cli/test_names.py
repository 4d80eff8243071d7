"""`inhouse definition`, `references` and `outline` over a workspace."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inhouse.cli.main import main
from inhouse.digests import digest_text
from inhouse.retrieval.index import Index
from inhouse.workspace import Workspace

_FILES = {
    "src/shop.py": 'class Shop:\n    """Sells."""\n\n    def sell(self, price: int) -> None:\n        pay()\n\n\ndef pay(): ...\n',
    "tests/test_shop.py": "from src.shop import Shop\n\n\ndef test_it():\n    Shop().sell(1)\n",
    "lib/shop.py": "",
}


@pytest.fixture
def home(tmp_path: Path) -> str:
    workspace = Workspace.open(tmp_path / ".inhouse")
    index = Index.open(workspace.folder / "index" / "tip.db")
    index.update((path, digest_text(text), text) for path, text in _FILES.items())
    index.close()
    workspace.close()
    return str(tmp_path)


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_definition_gives_the_place_and_the_signature(home: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _json(capsys, "definition", "Shop.sell", "--workspace", home) == {
        "definitions": [
            {
                "path": "src/shop.py",
                "start_line": 4,
                "end_line": 5,
                "name": "sell",
                "qualified_name": "Shop.sell",
                "kind": "method",
                "signature": "def sell(self, price: int) -> None",
                "docstring": "",
            }
        ]
    }
    assert main(["definition", "pay", "--workspace", home]) == 0
    assert capsys.readouterr().out == "src/shop.py:8-8  function  def pay()\n"


def test_references_say_how_sure_they_are_and_why(home: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "references", "sell", "--workspace", home)["references"]
    row = {
        "path": "tests/test_shop.py",
        "line": 5,
        "symbol": "test_it",
        "kind": "calls",
        "target_path": "src/shop.py",
        "target": "Shop.sell",
        "certainty": "resolved",
        "rule": "class of what the call before gives",
    }
    assert found == [row, row | {"kind": "tests", "rule": "called by a test"}]
    assert main(["references", "src/shop.py", "--workspace", home]) == 0
    assert capsys.readouterr().out == (
        "tests/test_shop.py:1  (file) tests src/shop.py  (inferred: a test named after the file)\n"
    )
    assert main(["references", "lib/shop.py", "--workspace", home]) == 0
    assert capsys.readouterr().out == "nothing in this repository refers to it\n"


def test_outline_is_nested(home: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "outline", "./src/shop.py", "--workspace", home)
    assert found["path"] == "src/shop.py"
    assert [(row["qualified_name"], row["depth"]) for row in found["symbols"]] == [
        ("Shop", 0),
        ("Shop.sell", 1),
        ("pay", 0),
    ]
    assert main(["outline", "tests/test_shop.py", "--workspace", home]) == 0
    assert capsys.readouterr().out == "tests/test_shop.py\n        4-5  def test_it()\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["definition", "Shpo"], "did you mean Shop?"),
        (["references", "seel"], "did you mean sell?"),
        (["definition", "\0"], "inhouse search"),
        (["outline", "nowhere.py"], "inhouse search"),
        (["outline", "shop.py"], "lib/shop.py, src/shop.py"),
    ],
)
def test_a_name_that_is_not_there_gives_one_sentence(
    home: str, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main([*words, "--workspace", home]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_without_an_index_the_next_command_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.open(tmp_path / ".inhouse").close()
    for verb in ("definition", "references", "outline"):
        assert main([verb, "x", "--workspace", str(tmp_path)]) == 2
        assert "inhouse index" in capsys.readouterr().err
