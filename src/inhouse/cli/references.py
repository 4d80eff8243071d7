"""Show what refers to a name, or to a file: calls, bases, imports, tests, reads of configuration.

Each says how sure it is: resolved by the rules of its language, inferred (the only definition that fits) or
ambiguous (one of several), and by which rule.

example: inhouse references Client.send
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, print_json
from inhouse.cli.names import known_definitions, open_tip

if TYPE_CHECKING:
    import argparse

    from inhouse.records import Edge

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", help="such as send, Client.send, src/client.py:120, or a file")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the edges into the definitions of the name."""
    with open_tip(arguments) as (_, index), index.store.reading():
        if not index.store.paths_ending([arguments.name]):
            known_definitions(index.store, arguments.name)
        found = index.references(arguments.name)
    if arguments.json:
        print_json({"references": [_row(edge) for edge in found]})
        return 0
    if not found:
        print("nothing in this repository refers to it")
    for edge in found:
        source = f"{edge.source_path}:{edge.line}"
        target = f"{edge.target_path} {edge.target}".rstrip()
        print(f"{source}  {edge.source or '(file)'} {edge.kind} {target}  ({edge.certainty}: {edge.rule})")
    return 0


def _row(edge: Edge) -> dict[str, Any]:
    return {
        "path": edge.source_path,
        "line": edge.line,
        "symbol": edge.source,
        "kind": edge.kind,
        "target_path": edge.target_path,
        "target": edge.target,
        "certainty": edge.certainty,
        "rule": edge.rule,
    }
