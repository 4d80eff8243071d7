"""Compare base, retrieval, tuned, and tuned with retrieval on code written after the cut.

example: inhouse eval . --json
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, open_pipeline, print_json

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_repository()


def run(arguments: argparse.Namespace) -> int:
    """Score all arms and print the comparison."""
    from inhouse.cli.comparison import print_comparison

    with open_pipeline(arguments) as pipeline:
        summary = pipeline.scores.read_json("summary.json")
        budget = pipeline.settings.budget
    if arguments.json:
        print_json(summary)
        return 0
    print_comparison(summary, budget)
    print("next: inhouse run, which also registers the adapter and writes the report")
    return 0
