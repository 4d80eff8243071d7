"""The page of chunking strategies shows what was measured, in colour only what is sure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from inhouse.reporting.chunking_page import write_chunking_page
from inhouse.reporting.plots import Axis, Point, points_svg


def _cell(value: float, sure: int | None = None) -> dict[str, Any]:
    cell: dict[str, Any] = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 40, "groups": 9}
    return cell if sure is None else {**cell, "difference": {"sure": sure}}


def _row(name: str, value: float, sure: int | None, kinds: tuple[str, ...] = ("definition", "commit")) -> Any:
    budgets = ("2000", "8000")
    way = {
        "query_ms": 3.21,
        "query_ms_p99": 9.0,
        "recall": {kind: {budget: _cell(value, sure) for budget in budgets} for kind in kinds},
        "resolved": {budget: _cell(0.25) for budget in budgets},
    }
    return {
        "strategy": name,
        "sentence": f"what {name} does",
        "chunks": 1_234,
        "tokens_per_chunk": 321,
        "lines_per_second": 45_678,
        "index_bytes": 3_400_000,
        "peak_memory_bytes": 64_000_000,
        "whole": _cell(0.97),
        "approaches": {"words": way, "search": way},
    }


def _page(tmp_path: Path, rows: list[Any], questions: tuple[int, int] = (40, 40)) -> str:
    found = {
        "repository": "shop <b>",
        "revision": "0123456789abcdef",
        "files": 12,
        "lines": 3_456,
        "budgets": [2_000, 8_000],
        "questions": dict(zip(("definition", "commit"), questions, strict=True)),
        "compared_with": rows[0]["strategy"],
        "strategies": rows,
    }
    path = tmp_path / "page.html"
    write_chunking_page(found, path)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("sure", "sentence"),
    [
        ((0, 0), "No strategy surely finds more or less of the functions asked for than definition"),
        ((-1, 0), "fixed finds less of the functions asked for than definition"),
        ((-1, -1), "fixed and file find less of the functions asked for than definition"),
        ((1, -1), "fixed finds more of the functions asked for than definition; file finds less of"),
    ],
)
def test_the_sentence_says_only_what_is_sure(tmp_path: Path, sure: tuple[int, int], sentence: str) -> None:
    page = _page(
        tmp_path, [_row("definition", 0.5, None), _row("fixed", 0.4, sure[0]), _row("file", 0.3, sure[1])]
    )
    assert f'<p class="verdict">{sentence}' in page
    tones = re.findall(r'class="measure (\w+)"><span class="name">fixed</span>', page)
    assert tones[:4] == [{-1: "bad", 0: "plain", 1: "good"}[sure[0]]] * 4
    assert set(tones[4:]) == {"plain"}


def test_every_number_of_the_table_is_there(tmp_path: Path) -> None:
    page = _page(tmp_path, [_row("definition", 0.5, None)])
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page.partition("<tbody>")[2].partition("</tbody>")[0])
    assert cells == [
        *("definition", "1,234", "321", "45,678", "3.2"),
        *("50%", "50%", "50%", "50%", "3.4", "64", "97%", "25%", "25%"),
    ]


def test_a_repository_without_later_commits_has_one_kind_of_question(tmp_path: Path) -> None:
    page = _page(tmp_path, [_row("definition", 0.5, None, ("definition",))], (40, 0))
    assert "files found in" not in page
    assert "code found in 2,000 tokens" in page


def test_names_are_escaped_and_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    page = _page(tmp_path, [_row("definition", 0.5, None)])
    assert "shop &lt;b&gt;" in page
    assert "shop <b>" not in page
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page


def test_points_stand_where_their_numbers_are() -> None:
    points = [Point("first", "1", 0.0, 10.0), Point("<second>", "2", 4.0, 30.0, "good")]
    drawn = str(points_svg(points, "across", "up"))
    x, y = Axis.around([0.0, 4.0]), Axis.around([10.0, 30.0])
    assert f"left:{x.percent(4.0)}%;bottom:{y.percent(30.0)}%" in drawn
    assert drawn.count("class='point good'") == 2  # in the plot and in the legend
    assert "<second>" not in drawn
    assert "nothing was measured" in points_svg([], "across", "up")
