"""Train the adapter with a derived recipe; a stopped training goes on where it stopped.

example: inhouse train . --budget demo
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
    """Train and print the recipe with its reasons, and the curve."""
    from inhouse.workspace import MEASURED

    with open_pipeline(arguments) as pipeline:
        weights = pipeline.weights
        result = {
            "recipe": pipeline.plan.read_json("recipe.json"),
            "reasons": pipeline.plan.read_json("reasons.json"),
            "estimate": pipeline.plan.read_json(MEASURED),
            "measured": weights.read_json(MEASURED),
            "history": weights.read_json("history.json"),
            "weights": str(weights.path / "adapter"),
        }
    if arguments.json:
        print_json(result)
        return 0
    rows = [
        {"recipe": k, "value": v, "why": result["reasons"].get(k, "")} for k, v in result["recipe"].items()
    ]
    print_rows(rows, ["recipe", "value", "why"])
    print(f"weights: {result['weights']}")
    print("next: inhouse eval")
    return 0
