"""Build training examples and held-out items, split by date, and account for every token.

example: inhouse dataset . --budget demo
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
    """Build the dataset and print the accounting."""
    with open_pipeline(arguments) as pipeline:
        dataset = pipeline.dataset
        accounting = dataset.read_json("accounting.json")
        reason = pipeline.split.reason
    print_json({"digest": dataset.digest, "split": reason, "accounting": accounting})
    return 0
