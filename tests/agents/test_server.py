"""The server over a real pipe, asked by the client of the mcp package."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from inhouse.agents.tools import TOOLS
from tests.agents.conftest import Project

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

ARGUMENTS: dict[str, dict[str, object]] = {
    "search": {"query": "what does all of it cost"},
    "definition": {"name": "Cart"},
    "references": {"name": "add"},
    "context": {"task": "the sum of two amounts"},
    "outline": {"path": "app/shop.py"},
    "history": {"path": "app/money.py", "line": 2},
}


def parameters(project: Project) -> StdioServerParameters:
    words = ["-m", "inhouse", "mcp", str(project.repo.path)]
    return StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))


@asynccontextmanager
async def connected(project: Project, errors: Path, mode: str = "auto") -> AsyncIterator[Client]:
    with errors.open("w") as log:
        async with Client(stdio_client(parameters(project), errlog=log), mode=mode) as client:
            yield client


def talk(
    project: Project, tmp_path: Path, work: Callable[[Client], Awaitable[None]], mode: str = "auto"
) -> str:
    """Do some work with a connected client; return what the server wrote to its standard error."""

    async def main() -> None:
        with anyio.fail_after(60):
            async with connected(project, tmp_path / "errors", mode) as client:
                await work(client)

    anyio.run(main)
    return (tmp_path / "errors").read_text()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_every_tool_is_offered_and_answers_with_what_its_schema_says(
    project: Project, tmp_path: Path, mode: str
) -> None:
    """Clients of the older protocol begin with the initialize handshake."""

    async def work(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == list(TOOLS) == list(ARGUMENTS)
        for tool in tools:
            assert tool.annotations.read_only_hint
            assert not tool.annotations.open_world_hint
            assert len(tool.description) > 80
            assert all("description" in one for one in tool.input_schema["properties"].values())
        for name, arguments in ARGUMENTS.items():
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, answer.content
            TOOLS[name].answer.model_validate(answer.structured_content)
            assert answer.structured_content["commit"] == project.commits[-1]
            assert answer.content[0].text.strip() not in ("", "nothing found")

    assert "Traceback" not in talk(project, tmp_path, work, mode)


def test_mistakes_are_errors_of_one_sentence_and_the_server_goes_on(project: Project, tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        for name, arguments in (
            ("search", {"query": ""}),
            ("search", {"query": "x", "k": "many"}),
            ("outline", {"path": "/etc/passwd"}),
            ("history", {"path": "app/money.py", "line": 1, "revision": "--output=/tmp/x"}),
            ("history", {"path": "app/money.py", "line": 99}),
            ("unheard_of", {}),
        ):
            answer = await client.call_tool(name, arguments)
            assert answer.is_error
            sentence = answer.content[0].text
            assert sentence.endswith(".")
            assert "\n" not in sentence
            assert "Traceback" not in sentence
        assert not (await client.call_tool("outline", ARGUMENTS["outline"])).is_error

    assert "Traceback" not in talk(project, tmp_path, work)


def test_the_index_may_go_and_come_back(project: Project, tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        assert not (await client.call_tool("definition", {"name": "add"})).is_error
        project.delete_index()
        answer = await client.call_tool("definition", {"name": "add"})
        assert answer.is_error
        assert "inhouse index" in answer.content[0].text
        project.index()
        assert (
            len((await client.call_tool("definition", {"name": "add"})).structured_content["definitions"])
            == 1
        )

    assert "Traceback" not in talk(project, tmp_path, work)


def test_many_calls_at_once_are_all_answered(project: Project, tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        failed: list[Any] = []

        async def one(name: str) -> None:
            answer = await client.call_tool(name, ARGUMENTS[name])
            failed.extend(answer.content if answer.is_error else [])

        async with anyio.create_task_group() as group:
            for name in [*ARGUMENTS] * 5:
                group.start_soon(one, name)
        assert failed == []

    talk(project, tmp_path, work)


def started(project: Project) -> subprocess.Popen[bytes]:
    given = parameters(project)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([given.command, *given.args], **pipes)


def call(number: int, method: str, **more: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": more}).encode() + b"\n"


HANDSHAKE = (
    call(
        1,
        "initialize",
        protocolVersion="2025-06-18",
        capabilities={},
        clientInfo={"name": "t", "version": "1"},
    )
    + b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
)


def answers(
    process: subprocess.Popen[bytes], given: bytes, *numbers: int
) -> dict[int | None, dict[str, Any]]:
    """Send messages and read until these are answered; every line must be one of the protocol."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(given)
    process.stdin.flush()
    found: dict[int | None, dict[str, Any]] = {}
    while not found.keys() >= set(numbers):
        row = json.loads(process.stdout.readline())
        assert row["jsonrpc"] == "2.0"
        found[row.get("id")] = row
    return found


def test_standard_output_carries_the_protocol_only_and_ends_with_the_input(project: Project) -> None:
    process = started(project)
    noise = b"this is no message\n" + b'{"jsonrpc": "2.0", "id": 7}\n' + b"\xff\xfe\n"
    long = call(2, "tools/call", name="search", arguments={"query": "add " * 200_000})

    found = answers(process, HANDSHAKE + noise + long + call(3, "tools/list"), 1, 2, 3)

    assert not found[2]["result"]["isError"]
    assert len(found[3]["result"]["tools"]) == len(TOOLS)
    rest, errors = process.communicate(timeout=30)
    assert rest == b""
    assert process.returncode == 0
    assert b"Traceback" not in errors


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_killed_server_leaves_a_whole_index(project: Project, how: signal.Signals) -> None:
    process = started(project)
    answers(process, HANDSHAKE + call(2, "tools/call", name="search", arguments={"query": "add"}), 1, 2)

    process.send_signal(how)
    process.communicate(timeout=30)

    assert process.returncode != 0 or how == signal.SIGINT  # the end of its input may come first
    project.index()


def test_without_an_index_the_server_starts_and_says_how_to_make_one(
    project: Project, tmp_path: Path
) -> None:
    project.delete_index()

    async def work(client: Client) -> None:
        answer = await client.call_tool("search", {"query": "add"})
        assert answer.is_error
        assert answer.content[0].text.endswith("build it with `inhouse index`.")

    talk(project, tmp_path, work)
    assert not project.place.exists()
