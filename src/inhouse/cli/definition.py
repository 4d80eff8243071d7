"""Show where a name is defined: simple, qualified, the end of a qualified name, or the one at PATH:LINE.

example: inhouse definition Client.send
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, print_json
from inhouse.cli.names import known_definitions, open_tip, symbol_row

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", help="such as send, Client.send, or src/client.py:120")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the definitions."""
    with open_tip(arguments) as (_, index):
        found = known_definitions(index.store, arguments.name)
    if arguments.json:
        print_json({"definitions": [symbol_row(symbol) for symbol in found]})
        return 0
    for symbol in found:
        print(f"{symbol.path}:{symbol.start_line}-{symbol.end_line}  {symbol.kind}  {symbol.signature}")
    return 0
