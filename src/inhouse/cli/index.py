"""Build or update the retrieval indexes: at the cut for evaluation, at the tip for search and serving.

`inhouse index migrate FROM TO` copies an index without the repository. Either is a file, or
postgresql://USER@HOST/DATABASE?index=NAME with the password in PGPASSWORD.

example: inhouse index .
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, open_pipeline, print_json, print_rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_MIGRATE = "migrate"


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "words", nargs="*", metavar="PATH", help="a git repository (default: .); or: migrate FROM TO"
    )
    parser.add_choices()


def run(arguments: argparse.Namespace) -> int:
    """Update the indexes and print their state, or migrate one."""
    words = list(arguments.words)
    if words[:1] == [_MIGRATE]:
        return _migrate(arguments, words[1:])
    if len(words) > 1:
        rule = "`inhouse index` takes one repository"
        raise UserMistake(rule, " ".join(words), "see `inhouse index --help`")
    from inhouse.retrieval.index import states_now
    from inhouse.retrieval.store import STATES

    arguments.path = Path(words[0]) if words else None
    with open_pipeline(arguments) as pipeline:
        recorded = pipeline.indexes.read_json("indexes.json")
        states = states_now(recorded, pipeline.workspace.folder, pipeline.settings.retrieval.store)
    if arguments.json:
        print_json({"indexes": states})
        return 0
    rows = [
        {
            "index": name,
            "revision": state["revision"][:12],
            **state["status"],
            "left out": sum(state["status"]["left_out_by_hygiene"].values()),
        }
        for name, state in states.items()
    ]
    counts = ["files", *STATES, "left out", "chunks", "symbols", "references", "vectors"]
    print_rows(rows, ["index", "revision", *counts])
    print("next: inhouse search 'what you look for'; `inhouse status` says what was left out and why")
    return 0


def _migrate(arguments: argparse.Namespace, words: list[str]) -> int:
    from inhouse.progress import Progress
    from inhouse.retrieval.migration import migrate
    from inhouse.retrieval.places import place_of, redacted

    if len(words) != 2:
        given = " ".join(map(redacted, words)) or "none was given"
        raise UserMistake("`inhouse index migrate` takes two places", given, "write FROM and TO")
    source, target = map(place_of, words)
    with Progress(quiet=arguments.quiet).task("migrating", unit="files") as task:
        copied = migrate(source, target, task)
    if arguments.json:
        print_json({"from": str(source), "to": str(target), "digest": copied.digest, "counts": copied.counts})
        return 0
    print_rows([copied.counts], list(copied.counts))
    print(f"digest {copied.digest}, the same in both\n{target}")
    if not isinstance(target, Path):
        print("next: name it as retrieval.store in inhouse.yaml")
    return 0
