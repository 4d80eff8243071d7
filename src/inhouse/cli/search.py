"""Search the index of the newest indexed commit; the query may come from standard input.

A query is any text: words, an identifier, a path, code, an issue with its stack trace, a diff, path:line.

example: inhouse search "where are retries configured" -k 5
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, print_json
from inhouse.cli.names import open_tip
from inhouse.errors import UserMistake
from inhouse.records import Hit

if TYPE_CHECKING:
    import argparse

    from inhouse.retrieval.index import Index

__all__ = ["parser", "run"]

_MAX_BYTES = 4_000_000  # of standard input; a search reads less
_NOTHING = "nothing found; try other words, or `inhouse index` if the code is new"
_EMPTY = "nothing was asked; give words, an identifier, a path, code or an issue"


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "query", nargs="?", help="words, an identifier, a path, code (default: standard input)"
    )
    parser.add_argument("-k", type=int, default=10, help="how many results (default: 10)")
    parser.add_argument("--files", action="store_true", help="files, each with its best place")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the hits."""
    if arguments.k < 1:
        raise UserMistake("-k is a positive number", str(arguments.k), "try -k 10")
    query = _query(arguments)
    with open_tip(arguments, with_vectors=True) as (_, index):
        hits = _found(index, query, arguments)
    if arguments.json:
        print_json({"results": [_row(hit) for hit in hits]})
        return 0
    if not hits:
        print(_NOTHING if query.strip() else _EMPTY)
    for hit in hits:
        chunk = hit.chunk
        print(f"{chunk.path}:{chunk.start_line}-{chunk.end_line}  {chunk.symbol}  ({hit.why})")
    return 0


def _query(arguments: argparse.Namespace) -> str:
    """Return what is asked; bytes that are no text become U+FFFD."""
    if arguments.query is not None:
        return str(arguments.query)
    return sys.stdin.buffer.read(_MAX_BYTES).decode("utf-8", "replace")


def _found(index: Index, query: str, arguments: argparse.Namespace) -> list[Hit]:
    if not arguments.files:
        return index.search(query, arguments.k)
    found = index.files(query, arguments.k)
    return [Hit(file.best, file.score, file.why) for file in found]


def _row(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "path": chunk.path,
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "symbol": chunk.symbol,
        "score": hit.score,
        "why": hit.why,
    }
