"""Compare the ways to cut files into chunks on this repository: latency, accuracy, memory, context integrity.

example: inhouse chunking compare . --strategies definition semantic file
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_pipeline, print_json, print_rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=("compare",), help="measure the strategies on a repository")
    parser.add_repository()
    parser.add_argument(
        "--strategies", nargs="+", metavar="NAME", help="those to measure, after the path (default: all)"
    )
    parser.add_argument(
        "--questions", type=int, default=200, help="at most so many of each kind (default: 200)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table, write the page."""
    from inhouse.examination.chunking import compare_chunking
    from inhouse.retrieval.chunking import STRATEGIES

    if arguments.questions < 1:
        raise UserMistake("--questions is a positive number", str(arguments.questions), "try --questions 200")
    names = list(dict.fromkeys(arguments.strategies or STRATEGIES))
    with open_pipeline(arguments) as pipeline:
        found = compare_chunking(pipeline, names, arguments.questions)
    if arguments.json:
        print_json(found)
    else:
        _print(found)
    return 0


def _print(found: Mapping[str, Any]) -> None:
    rows = [row for strategy in found["strategies"] for row in _rows(strategy, found["budgets"])]
    asked = found["questions"]
    size = f"{found['files']:,} files, {found['lines']:,} lines"
    print(f"{found['repository']} at {found['revision'][:12]}: {size}")
    print(f"{asked['definition']} questions for code, {asked['commit']} for the files of later commits")
    print_rows(rows, list(rows[0]))
    print(f"page: {found['page']}")


def _rows(strategy: Mapping[str, Any], budgets: list[int]) -> Iterator[dict[str, str]]:
    """Yield a row for each approach; what does not hang on it stands in the first."""
    for number, (name, approach) in enumerate(strategy["approaches"].items()):
        first = number == 0
        recall = {
            f"{_SHORT[kind]} {budget // 1000}k": _share(approach["recall"].get(kind, {}).get(str(budget)))
            for kind in _SHORT
            for budget in budgets
        }
        yield {
            "strategy": strategy["strategy"] if first else "",
            "found by": name,
            "lines/s": f"{strategy['lines_per_second']:,}" if first else "",
            "query ms": f"{approach['query_ms']:.1f}",
            **recall,
            "index MB": f"{strategy['index_bytes'] / 1e6:.1f}" if first else "",
            "peak MB": f"{strategy['peak_memory_bytes'] / 1e6:.0f}" if first else "",
            "whole": _share(strategy["whole"]) if first else "",
            f"links {budgets[-1] // 1000}k": _share(approach["resolved"][str(budgets[-1])]),
        }


_SHORT = {"definition": "code", "commit": "files"}


def _share(found: Mapping[str, Any] | None) -> str:
    return "-" if found is None or found["value"] is None else f"{100 * found['value']:.0f}%"
