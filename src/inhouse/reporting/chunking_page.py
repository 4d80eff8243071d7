"""The page of a comparison of chunking strategies: the table of trade-offs, and a plot of each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.reporting.page import environment, style, write_page
from inhouse.reporting.plots import Axis, Point, points_svg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Row = Mapping[str, Any]

__all__ = ["write_chunking_page"]

_ASKED = {
    "definition": "the rest of a function, asked by its docstring",
    "commit": "the files of code that a later commit changed, tests apart, asked by its message",
}
_WANTED = {"definition": "functions asked for", "commit": "files asked for"}
_SHORT = {"definition": "code", "commit": "files"}


class Bar(NamedTuple):
    """One strategy in a panel: a dot with its interval, or a bar from zero."""

    name: str
    tone: str
    left: float  # percent of the width
    width: float
    dot: float | None
    value: str
    interval: str


class Panel(NamedTuple):
    """One measure of all strategies."""

    title: str
    note: str
    bars: Sequence[Bar]


def write_chunking_page(found: Row, path: Path) -> None:
    """Write the page of what `inhouse chunking compare` found."""
    page = (
        environment()
        .get_template("chunking.html")
        .render(
            css=style("report.css", "chunking.css"),
            found=found,
            sentence=_sentence(found),
            tradeoff=_tradeoff(found),
            accuracy=list(_accuracy(found)),
            costs=list(_costs(found)),
            tables=[_table(found, approach) for approach in _approaches(found)],
            explained=[(kind, _ASKED[kind]) for kind in _kinds(found)],
        )
    )
    write_page(path, page)


def _sentence(found: Row) -> str:
    """Say which strategies surely find more or less than the one that they are compared with."""
    kind, budget = _kinds(found)[0], found["budgets"][0]
    reference = found["compared_with"]
    sure: dict[int, list[str]] = {-1: [], 0: [], 1: []}
    for row in found["strategies"]:
        if row["strategy"] != reference:
            difference = _recall(row, "search", kind, budget)["difference"]
            sure[difference["sure"]].append(row["strategy"])
    said = [
        f"{_find(sure[which])} {word} of the {_WANTED[kind]} than {reference}"
        for which, word in ((1, "more"), (-1, "less"))
        if sure[which]
    ]
    where = f"the whole search, {budget:,} tokens"
    if not said:
        return f"No strategy surely finds more or less of the {_WANTED[kind]} than {reference} ({where})."
    return f"{'; '.join(said)} ({where})."


def _find(names: Sequence[str]) -> str:
    return f"{names[0]} finds" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} find"


# ------------------------------------------------------------------ plots


def _tradeoff(found: Row) -> object:
    """Draw accuracy against context integrity: what is best lies on the upper right."""
    kind, budget = _kinds(found)[0], found["budgets"][0]
    points = [
        Point(
            row["strategy"],
            str(number),
            100 * (row["approaches"]["search"]["resolved"][str(budget)]["value"] or 0.0),
            100 * (_recall(row, "search", kind, budget)["value"] or 0.0),
            "good" if row["strategy"] == found["compared_with"] else "plain",
        )
        for number, row in enumerate(found["strategies"], 1)
    ]
    return points_svg(
        points,
        f"references whose definition is in the same {budget:,} tokens, %",
        f"{_SHORT[kind]} found in {budget:,} tokens, %",
    )


def _accuracy(found: Row) -> Iterator[Panel]:
    for kind in _kinds(found):
        for budget in found["budgets"]:
            rows = [(row, _recall(row, "search", kind, budget)) for row in found["strategies"]]
            yield Panel(
                f"{_SHORT[kind]} found in {budget:,} tokens",
                f"95% interval, n={rows[0][1]['n']}",
                _intervals(rows),
            )


def _costs(found: Row) -> Iterator[Panel]:
    rows, budget = found["strategies"], found["budgets"][-1]
    columns: tuple[tuple[str, str, Callable[[Row], float], str], ...] = (
        ("indexed in a second", "lines, one processor", lambda row: row["lines_per_second"], "{:,.0f}"),
        (
            "time of a query",
            "median ms, whole search",
            lambda row: row["approaches"]["search"]["query_ms"],
            "{:.1f}",
        ),
        ("index", "MB", lambda row: row["index_bytes"] / 1e6, "{:.1f}"),
        ("peak memory", "MB, of the process", lambda row: row["peak_memory_bytes"] / 1e6, "{:.0f}"),
        ("definitions whole", "% in one chunk", lambda row: 100 * (row["whole"]["value"] or 0), "{:.0f}"),
        (
            "references followed",
            f"% inside {budget:,} tokens",
            lambda row: 100 * (row["approaches"]["search"]["resolved"][str(budget)]["value"] or 0),
            "{:.0f}",
        ),
    )
    for title, note, measure, shape in columns:
        yield Panel(title, note, _bars([(row["strategy"], measure(row)) for row in rows], shape))


def _intervals(rows: Sequence[tuple[Row, Row]]) -> list[Bar]:
    edges = [
        edge for _, cell in rows for edge in (cell["low"], cell["high"], cell["value"]) if edge is not None
    ]
    axis = Axis.around(edges)
    return [_interval(row, cell, axis) for row, cell in rows]


def _interval(row: Row, cell: Row, axis: Axis) -> Bar:
    value = cell["value"]
    low, high = (value if cell[edge] is None else cell[edge] for edge in ("low", "high"))
    tone = {-1: "bad", 0: "plain", 1: "good"}[cell.get("difference", {"sure": 0})["sure"]]
    left, right = axis.percent(low), axis.percent(high)
    shown = f"{100 * low:.0f} to {100 * high:.0f}"
    return Bar(
        row["strategy"], tone, left, round(right - left, 2), axis.percent(value), f"{100 * value:.0f}%", shown
    )


def _bars(rows: Sequence[tuple[str, float]], shape: str) -> list[Bar]:
    most = max((value for _, value in rows), default=0.0) or 1.0
    return [
        Bar(name, "plain", 0.0, round(100 * value / most, 2), None, shape.format(value), "")
        for name, value in rows
    ]


# ------------------------------------------------------------------ tables


def _table(found: Row, approach: str) -> dict[str, Any]:
    kinds, budgets = _kinds(found), found["budgets"]
    cells = [(kind, budget) for kind in kinds for budget in budgets]
    columns = ["strategy", "chunks", "tokens", "lines/s", "query ms"]
    columns += [f"{_SHORT[kind]} in {budget // 1000}k" for kind, budget in cells]
    columns += ["index MB", "peak MB", "whole"]
    columns += [f"links in {budget // 1000}k" for budget in budgets]
    return {
        "approach": approach,
        "columns": columns,
        "rows": [_table_row(row, approach, cells, budgets) for row in found["strategies"]],
    }


def _table_row(
    row: Row, approach: str, cells: Sequence[tuple[str, int]], budgets: Sequence[int]
) -> list[str]:
    way = row["approaches"][approach]
    return [
        row["strategy"],
        f"{row['chunks']:,}",
        f"{row['tokens_per_chunk']:,}",
        f"{row['lines_per_second']:,}",
        f"{way['query_ms']:.1f}",
        *(_share(_recall(row, approach, kind, budget)) for kind, budget in cells),
        f"{row['index_bytes'] / 1e6:.1f}",
        f"{row['peak_memory_bytes'] / 1e6:.0f}",
        _share(row["whole"]),
        *(_share(way["resolved"][str(budget)]) for budget in budgets),
    ]


def _share(cell: Row) -> str:
    return "-" if cell["value"] is None else f"{100 * cell['value']:.0f}%"


def _recall(row: Row, approach: str, kind: str, budget: int) -> Row:
    cell: Row = row["approaches"][approach]["recall"][kind][str(budget)]
    return cell


def _kinds(found: Row) -> list[str]:
    return [kind for kind in _ASKED if found["questions"][kind]]


def _approaches(found: Row) -> list[str]:
    return list(found["strategies"][0]["approaches"])
