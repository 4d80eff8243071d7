"""Show the definitions of a file, those inside others indented, with their lines.

example: inhouse outline src/client.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, print_json
from inhouse.cli.names import open_tip, symbol_row
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from inhouse.records import Symbol
    from inhouse.retrieval.store import Store

__all__ = ["parser", "run"]

_NEAR = 3


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("path", help="a file of the repository, or the end of its path")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the definitions."""
    with open_tip(arguments) as (_, index):
        path = _path(index.store, arguments.path)
        found = list(_nested(index.outline(path)))
    if arguments.json:
        rows: list[dict[str, Any]] = [{**symbol_row(symbol), "depth": depth} for symbol, depth in found]
        print_json({"path": path, "symbols": rows})
        return 0
    print(path)
    for symbol, depth in found:
        lines = f"{symbol.start_line}-{symbol.end_line}"
        print(f"{lines:>11}  {'  ' * depth}{symbol.signature}")
    return 0


def _path(store: Store, given: str) -> str:
    """Return the one path that is meant. Raises UserMistake where there is none, or several."""
    ending = given.removeprefix("./").strip("/")
    found = store.paths_ending([ending])
    if ending in found:
        return ending
    if len(found) == 1:
        return found[0]
    if found:
        raise UserMistake("an outline is of one file", given, f"write more of it: {', '.join(found[:_NEAR])}")
    raise UserMistake("a path is one of the index", given, "look for it with `inhouse search`")


def _nested(symbols: Sequence[Symbol]) -> Iterator[tuple[Symbol, int]]:
    """Yield each definition with the number of those around it."""
    around: list[Symbol] = []
    for symbol in sorted(symbols, key=lambda one: (one.start, -one.end)):
        while around and around[-1].end <= symbol.start:
            around.pop()
        yield symbol, len(around)
        around.append(symbol)
