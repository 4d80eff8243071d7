"""`inhouse context` prints what fits, says who counted, and refuses what cannot be."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from inhouse.cli.main import main
from inhouse.retrieval.chunking import estimate_tokens


def _context(home: Path, *words: str) -> int:
    return main(["context", *words, "--workspace", str(home)])


def test_without_a_tokenizer_it_estimates_and_says_so(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "inhouse.models.tokenizer", None)  # as where the libraries are missing
    assert _context(home, "book an entry", "--budget", "60", "--json") == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["exact"] is False
    assert answer["tokens"] == estimate_tokens(answer["text"]) <= answer["budget"] == 60
    assert "estimate" in answer["tokenizer"]
    assert "estimate" in err


def test_json_says_what_is_shown_and_what_is_not(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _context(home, "book an entry", "--budget", "500", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["commit"] == "0123456789abcdef"
    assert answer["text"].startswith("# commit 0123456789ab\n")
    first = answer["pieces"][0]
    assert set(first) == {"path", "start_line", "end_line", "symbol", "form", "why", "tokens"}
    assert {piece["form"] for piece in answer["pieces"]} == {"body"}
    assert answer["left_out"] == {"visible": 0, "repeated": 0, "no_room": 0, "shortened": 0, "unlisted": 0}


def test_a_task_comes_from_standard_input(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("book an entry"))
    assert _context(home) == 0
    assert "# ledger.py:1-3\nclass Ledger:\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["book", "--budget", "0"], "--budget is a positive number of tokens: 0; try 8000"),
        (["book", "--budget", "2"], "a context has room for a path at least: --budget 2; try"),
        (["book", "--model", "builtin:nothing"], "a base model is builtin:NAME"),
    ],
)
def test_a_mistake_is_one_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert _context(home, *words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_without_an_index_it_names_the_next_command(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".inhouse" / "index" / "tip.db").unlink()
    assert _context(home, "book") == 2
    assert "inhouse index" in capsys.readouterr().err


def test_nothing_found_is_no_mistake(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _context(home, "qqq zzz") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "nothing found" in err
