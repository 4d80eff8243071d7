"""Serve the base model and every registered adapter over an OpenAI-compatible API.

example: inhouse serve --port 8000
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, open_context

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_workspace()
    parser.add_argument("--model", help="base model (default: the one in the settings)")
    parser.add_argument("--host", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port; 0 takes a free one")


def run(arguments: argparse.Namespace) -> int:
    """Load the models and answer until stopped."""
    from inhouse.serving.workspace import serve_workspace

    with open_context(arguments, Path(), create=False) as context:
        serving = context.settings.serving
        host = arguments.host if arguments.host is not None else serving.host
        port = arguments.port if arguments.port is not None else serving.port
        serve_workspace(context.workspace, context.settings, host, port, context.progress)
    return 0
