"""List the base models that this machine has, and how to get the one it lacks.

example: inhouse models
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, print_json, print_rows

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "reference", nargs="?", help="check one: builtin:NAME, a folder, a GGUF file or a hub id"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the list, or resolve one reference."""
    from inhouse.models.resolve import list_models, resolve
    from inhouse.progress import Progress

    if arguments.reference:
        model = resolve(arguments.reference, Progress(quiet=arguments.quiet))
        print_json(
            {
                "reference": model.reference,
                "folder": str(model.folder),
                "digest": model.digest,
                "revision": model.revision,
                "licence": model.licence,
            }
        )
        return 0
    rows = [
        {
            "reference": known.reference,
            "name": known.name,
            "state": known.state,
            "licence": known.licence,
            "next": known.next_step,
        }
        for known in list_models()
    ]
    if arguments.json:
        print_json({"models": rows})
    else:
        print_rows(rows, ["reference", "state", "licence", "next"])
    return 0
