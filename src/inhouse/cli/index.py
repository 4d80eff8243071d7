"""Build or update the retrieval indexes: at the cut for evaluation, at the tip for search and serving.

example: inhouse index .
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, open_pipeline, print_json, print_rows

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_repository()


def run(arguments: argparse.Namespace) -> int:
    """Update the indexes and print their state."""
    with open_pipeline(arguments) as pipeline:
        states = pipeline.indexes.read_json("indexes.json")
    if arguments.json:
        print_json({"indexes": states})
        return 0
    rows = [
        {"index": name, "revision": state["revision"][:12], **state["status"]}
        for name, state in states.items()
    ]
    print_rows(rows, ["index", "revision", "files", "chunks", "symbols"])
    print("next: inhouse search 'what you look for'")
    return 0
