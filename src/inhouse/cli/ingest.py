"""Read the history and remove what must not be learnt; every removal has a reason.

example: inhouse ingest .
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
    """Build the corpus and print what was kept and removed."""
    with open_pipeline(arguments) as pipeline:
        counts = pipeline.corpus.read_json("counts.json")
        reason = pipeline.split.reason
    if arguments.json:
        print_json({"corpus": counts, "split": reason})
        return 0
    print(f"in {counts['in']} = kept {counts['kept']} + removed {sum(counts['removed'].values())}")
    print_rows([{"removed": reason, "n": n} for reason, n in counts["removed"].items()], ["removed", "n"])
    print(reason)
    print("next: inhouse dataset")
    return 0
