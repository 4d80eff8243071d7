"""List the registered adapters, or show the manifest of one.

example: inhouse adapters
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, open_context, print_json, print_rows

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", nargs="?", help="show this adapter's manifest")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the list or the manifest."""
    from inhouse.registry.adapters import Registry

    with open_context(arguments, Path(), create=False) as context:
        registry = Registry(context.workspace.folder / "registry")
        if arguments.name:
            adapter = registry.get(arguments.name)
            registry.verify(adapter)
            print_json(adapter.manifest)
            return 0
        adapters = registry.list()
    rows = [
        {
            "name": adapter.name,
            "digest": adapter.digest,
            "base": adapter.manifest["base"]["reference"],
            "repository": adapter.manifest["repository"]["name"],
            "cut": adapter.manifest["repository"]["commits"]["cut"],
            "verdict": adapter.manifest["scores"]["verdict"],
        }
        for adapter in adapters
    ]
    if arguments.json:
        print_json({"adapters": rows})
    elif rows:
        print_rows(rows, ["name", "base", "repository", "verdict"])
    else:
        print("no adapter is registered; make one with: inhouse run")
    return 0
