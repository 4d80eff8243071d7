"""Offer the index to agents and editors: an MCP server on standard input and output.

Tools: search, definition, references, context, outline, history (of lines). Nothing is written; secrets stay
redacted. The index may be updated, replaced or deleted meanwhile. In the configuration of an agent:

    {"mcpServers": {"inhouse": {"command": "inhouse", "args": ["mcp", "/path/to/repository"]}}}

example: inhouse mcp .
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, repository_of, settings_of
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

__all__ = ["parser", "run"]

_FEWEST = 1_000


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("path", nargs="?", type=Path, help="a git repository with an index (default: .)")
    parser.add_argument(
        "--characters", type=int, default=30_000, help="an answer has at most so many (default: 30000)"
    )
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Answer until the client closes the connection."""
    if arguments.characters < _FEWEST:
        raise UserMistake(f"--characters is at least {_FEWEST}", str(arguments.characters))
    try:
        from inhouse.agents.server import serve
    except ModuleNotFoundError as error:
        if error.name not in {"anyio", "mcp", "mcp_types"}:
            raise
        step = "run `pip install 'inhouse[mcp]'`"
        raise UserMistake("the server needs the package mcp", "it is not installed", step) from None
    from inhouse.agents.desk import Desk
    from inhouse.agents.index_view import IndexView
    from inhouse.cli.context import token_counter
    from inhouse.retrieval.places import tip
    from inhouse.retrieval.vectors import open_source

    home = (arguments.workspace or arguments.path or Path()).resolve()
    settings = settings_of(arguments, home)
    repository = repository_of(home)
    place = tip(home / ".inhouse", settings.retrieval.store)
    view = IndexView(place, open_source(settings.retrieval.vectors))

    @cache
    def counter() -> tuple[Callable[[str], int], str]:
        """Load the tokenizer when it is first needed: the connection does not wait for it."""
        found = token_counter(settings.model)
        return found.count, found.name

    desk = Desk(view, repository, settings, counter, characters=arguments.characters)
    try:
        serve(desk, repository.name)
    finally:
        view.close()
    return 0
