"""Take a git checkout all the way to a measured, registered adapter and a report.

example: inhouse run . --budget demo
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
    """Run the pipeline and print the comparison."""
    from inhouse.cli.comparison import print_comparison

    with open_pipeline(arguments) as pipeline:
        result = pipeline.run()
        home = pipeline.workspace.folder.parent
    if arguments.json:
        print_json(result)
        return 0
    print_comparison(result, result["budget"]["name"])
    print(f"split:   {result['split']['reason']}")
    print(f"adapter: {result['adapter']['name']}")
    print(f"report:  {result['report']}")
    print(f"next:    inhouse serve --workspace {home}")
    return 0
