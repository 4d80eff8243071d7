"""`inhouse search` answers any bytes, in exactly the fields that scripts rely on."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from inhouse.cli.main import main


def _search(home: Path, *words: str) -> int:
    return main(["search", *words, "--workspace", str(home)])


class _Stdin:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_json_has_exactly_the_promised_fields(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _search(home, "book an entry", "-k", "1", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    [row] = answer.pop("results")
    assert answer == {}
    assert set(row) == {"path", "start_line", "end_line", "symbol", "score", "why"}
    assert (row["path"], row["start_line"], row["end_line"]) == ("ledger.py", 1, 3)
    assert row["score"] > 0
    assert "shares" in row["why"]


def test_files_are_each_named_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _search(home, "book report", "--files", "--json") == 0
    paths = [row["path"] for row in json.loads(capsys.readouterr().out)["results"]]
    assert paths == ["report.py", "ledger.py"]


@pytest.mark.parametrize("content", [b"book\xff entry\n", b"book " * 300_000, b"\xef\xbb\xbfbook"])
def test_a_query_of_any_bytes_comes_from_standard_input(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(sys, "stdin", _Stdin(content))
    assert _search(home, "--json") == 0
    assert "ledger.py" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "nothing was asked"),
        ("  \n", "nothing was asked"),
        ("the of and", "nothing found"),
        ("\x1b[2J", "nothing"),
    ],
)
def test_what_asks_for_nothing_is_answered_in_one_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], query: str, said: str
) -> None:
    assert _search(home, query) == 0
    out = capsys.readouterr().out
    assert said in out
    assert out.count("\n") == 1


def test_a_number_of_results_below_one_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _search(home, "book", "-k", "0") == 2
    assert "-k is a positive number" in capsys.readouterr().err
