"""The tools over the Model Context Protocol, on standard input and output.

Standard output carries the protocol and nothing else. A tool that cannot answer says why in one sentence, as
an error that the model reads. Calls are worked off one after the other, in a thread, so that the connection
stays alive while one takes long.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolResult, ListToolsResult, TextContent, ToolAnnotations
from mcp_types import Tool as OfferedTool

from inhouse import __version__
from inhouse.agents.tools import TOOLS
from inhouse.errors import InhouseError, UserMistake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.server.context import ServerRequestContext
    from mcp_types import CallToolRequestParams, PaginatedRequestParams

    from inhouse.agents.desk import Desk
    from inhouse.agents.tools import Tool

__all__ = ["build_server", "serve"]

_INSTRUCTIONS = """\
An index of the repository {name}: code, documentation, configuration and history.
Begin a task with `context`, or with `search` when you look for one thing. Follow names with `definition` and
`references`, look at a file with `outline`, and ask `history` why lines are as they are.
Paths are given from the repository's root, lines are counted from 1. The answers are those of the commit that
they name, which may be older than the files on the disk. <redacted:...> stands for a secret that was removed.
"""
_LONGEST_ERROR = 1_000  # characters
_log = logging.getLogger(__name__)


def serve(desk: Desk, name: str) -> None:
    """Answer on standard input and output until the client closes them."""
    anyio.run(_serve, build_server(desk, name))


def build_server(desk: Desk, name: str) -> Server[Any]:
    """Return the server of a desk for the repository of this name."""
    one_at_a_time = anyio.CapacityLimiter(1)

    async def list_tools(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=[_offered(tool) for tool in TOOLS.values()])

    async def call_tool(_context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        return await anyio.to_thread.run_sync(
            _answer, desk, params.name, params.arguments or {}, limiter=one_at_a_time
        )

    return Server(
        "inhouse",
        version=__version__,
        title=f"inhouse: {name}",
        instructions=_INSTRUCTIONS.format(name=name),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (given, taken):
        await server.run(given, taken, server.create_initialization_options())


def _offered(tool: Tool) -> OfferedTool:
    return OfferedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.answer.model_json_schema(),
        annotations=ToolAnnotations(
            title=tool.title,
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


def _answer(desk: Desk, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """Return what a tool says; every mishap is one sentence."""
    try:
        if name not in TOOLS:
            raise UserMistake("there is no such tool", name[:100], f"there are {', '.join(TOOLS)}")
        answer = TOOLS[name].call(desk, arguments)
    except InhouseError as mistake:
        return _failed(str(mistake))
    except Exception as error:
        _log.exception("the tool %s failed", name)
        return _failed(f"this is a bug in inhouse ({type(error).__name__}); please report what its log says.")
    return CallToolResult(
        content=[TextContent(type="text", text=answer.text())],
        structured_content=answer.model_dump(mode="json"),
    )


def _failed(sentence: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=sentence[:_LONGEST_ERROR])], is_error=True)
