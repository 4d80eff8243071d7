"""Write a short, commented inhouse.yaml; everything in it is optional.

example: inhouse init
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, print_json
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="where to write it (default: .)")


def run(arguments: argparse.Namespace) -> int:
    """Write the file unless there is one."""
    from inhouse.cli.trust import trust
    from inhouse.config import template

    path = arguments.folder / "inhouse.yaml"
    if not arguments.folder.is_dir():
        raise UserMistake(
            "settings are written into a folder that exists", str(arguments.folder), "make it first"
        )
    if path.exists():
        raise UserMistake("init never overwrites settings", str(path), "edit it, or remove it and run again")
    path.write_text(template(), encoding="utf-8")
    trust(path)
    if arguments.json:
        print_json({"settings": str(path)})
    else:
        print(f"wrote {path}; see what it means with: inhouse config --explain")
    return 0
