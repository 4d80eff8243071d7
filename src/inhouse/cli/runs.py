"""List the trainings of a workspace, show one, or compare two; unfinished and failed ones too.

example: inhouse runs
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_context, print_json, print_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from inhouse.training.runs import Run

__all__ = ["parser", "run"]

_COLUMNS = ("run", "state", "started", "method", "rank", "rate", "steps", "validation", "general", "tokens/s")


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "first", metavar="A", nargs="?", help="show this run, named by the beginning of its id"
    )
    parser.add_argument("second", metavar="B", nargs="?", help="compare A with this one")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the list, one run, or a comparison."""
    from inhouse.training.runs import compare_runs, find_run, list_runs

    with open_context(arguments, Path(), create=False) as context:
        runs = list_runs(context.workspace.folder)
    chosen = [find_run(runs, name) for name in (arguments.first, arguments.second) if name]
    if len(chosen) == 2:
        found = compare_runs(*chosen)
        print_json(found) if arguments.json else _print_comparison(found)
    elif chosen:
        print_json({**chosen[0].as_json(), "history": chosen[0].history})
    elif arguments.json:
        print_json({"runs": [one.as_json() for one in runs]})
    else:
        _print_list(runs)
    return 0


def _print_list(runs: Sequence[Run]) -> None:
    if not runs:
        print("nothing was trained here yet; train with: inhouse train")
        return
    print_rows([_row(one) for one in runs], _COLUMNS)
    for one in runs:
        if one.sentence:
            print(f"{one.id} {one.state}: {one.sentence}")


def _row(one: Run) -> dict[str, Any]:
    numbers, recipe = one.numbers, one.identity["recipe"]
    started = numbers["started"]
    base, kept = numbers.get("base_validation"), numbers.get("validation")
    return {
        "run": one.id,
        "state": one.state,
        "started": time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else "-",
        "method": recipe["method"],
        "rank": recipe["rank"],
        "rate": f"{recipe['learning_rate']:g}",
        "steps": f"{numbers['step'] or 0}/{numbers['steps'] or '?'}",
        "validation": "-" if kept is None else f"{kept:.3f}" if base is None else f"{base:.3f} → {kept:.3f}",
        "general": _share(numbers.get("general_forgotten")),
        "tokens/s": f"{numbers['tokens_per_second'] or 0:,.0f}",
    }


def _share(rise: float | None) -> str:
    return "-" if rise is None else f"{rise:+.1%}"


def _print_comparison(found: dict[str, Any]) -> None:
    print(found["validation"]["sentence"])
    for title in ("asked", "measured", "environment"):
        print()
        rows = [{title: row["field"], **row} for row in found[title]]
        if rows:
            print_rows(rows, [title, "first", "second"])
        else:
            print(f"{title}: no difference")
