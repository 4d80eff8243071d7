"""Train the adapter with a derived recipe; a stopped training goes on where it stopped.

example: inhouse train . --budget demo
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_pipeline, print_json, print_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

__all__ = ["parser", "run"]

_COLUMNS = ("rank", "learning rate", "validation loss", "tokens", "")


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    from inhouse.training.method import known_methods

    parser.add_repository()
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the training that was begun, or say what has changed",
    )
    parser.add_argument(
        "--allow",
        dest="training.allow",
        metavar="NAME",
        action="append",
        choices=["memory", "small_validation", "truncation"],
        help="pass a refusal over: memory, small_validation or truncation",
    )
    parser.add_argument(
        "--sweep", action="store_true", help="try ranks and learning rates in short trainings instead"
    )
    parser.add_argument(
        "--sweep-tokens", type=int, metavar="N", help="tokens of all of them (default: as a training has)"
    )
    lines = [f"  {name:<13} {method.line}" for name, method in known_methods().items()]
    parser.epilog = "\n".join(["methods:", *lines])


def run(arguments: argparse.Namespace) -> int:
    """Train and print the recipe with its reasons, and the curve."""
    from inhouse.workspace import MEASURED

    if arguments.sweep:
        return _sweep(arguments)
    with open_pipeline(arguments) as pipeline:
        pipeline.resume = arguments.resume
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
    method = getattr(arguments, "training.method")
    print("next: inhouse eval" + (f" --method {method}" if method is not None else ""))
    return 0


def _sweep(arguments: argparse.Namespace) -> int:
    with open_pipeline(arguments) as pipeline:
        artefact = pipeline.sweep(arguments.sweep_tokens)
        found = artefact.read_json("sweep.json")
        page = pipeline.sweep_report(artefact)
    if arguments.json:
        print_json({"sweep": found, "report": str(page)})
        return 0
    print_rows([_point(point, found["best"]["name"]) for point in found["points"]], _COLUMNS)
    print(found["sentence"])
    print(f"report: {page}")
    best = f"rank: {found['best']['rank']}, learning_rate: {found['best']['learning_rate']:g}"
    print(f"to take it: `training: {{{best}}}` in inhouse.yaml")
    return 0


def _point(point: Mapping[str, Any], best: str) -> dict[str, Any]:
    values = point["validation"]
    shown = "blew up"
    if values is not None:
        shown = f"{point['loss']:.4f} (too few examples for an interval)"
    if values is not None and values["value"] is not None:
        shown = f"{values['value']:.4f} [{values['low']:.4f}, {values['high']:.4f}] n={values['n']}"
    return {
        "rank": point["rank"],
        "learning rate": f"{point['learning_rate']:g}",
        "validation loss": shown,
        "tokens": f"{point['tokens']:,}",
        "": "best" if point["name"] == best else "",
    }
