"""Search the index of the newest indexed commit; the query may come from standard input.

example: inhouse search "where are retries configured" -k 5
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_context, print_json
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse

    from inhouse.records import Hit

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "query", nargs="?", help="words, an identifier, a path, code (default: standard input)"
    )
    parser.add_argument("-k", type=int, default=10, help="how many results (default: 10)")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the hits."""
    from inhouse.retrieval.store import Index

    if arguments.k < 1:
        raise UserMistake("-k is a positive number", str(arguments.k), "try -k 10")
    query = arguments.query if arguments.query is not None else sys.stdin.read()
    with open_context(arguments, Path(), create=False) as context:
        path = context.workspace.folder / "index" / "tip.db"
        if not path.exists():
            raise UserMistake("there is no index yet", str(context.home), "build it with `inhouse index`")
        index = Index.open(path)
        try:
            hits = index.search(query, arguments.k)
        finally:
            index.close()
    if arguments.json:
        print_json({"results": [_row(hit) for hit in hits]})
        return 0
    if not hits:
        print("nothing found; try other words, or `inhouse index` if the code is new")
    for hit in hits:
        chunk = hit.chunk
        print(f"{chunk.path}:{chunk.start_line}-{chunk.end_line}  {chunk.symbol}  ({hit.why})")
    return 0


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
