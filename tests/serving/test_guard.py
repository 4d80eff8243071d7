from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.serving.guard import BodyLimit, LoopbackOnly, is_loopback

Message = dict[str, Any]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "10.0.0.1", "example.org", "localhost.example.org", "127.0.0.1.example.org", "[::]"],
)
def test_names_that_may_be_another_machine(host: str) -> None:
    assert not is_loopback(host)


async def _call(
    app: Any, headers: list[tuple[bytes, bytes]], pieces: list[bytes]
) -> tuple[int, bytes | None]:
    """Return the status, and the body that the application behind the guard read."""
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ] + [{"type": "http.disconnect"}]
    sent: list[Message] = []
    read: list[bytes] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def inner(scope: Message, receive: Any, send: Any) -> None:
        read.append((await receive())["body"])
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})

    await app(inner)({"type": "http", "headers": headers}, receive, send)
    return sent[0]["status"], read[0] if read else None


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ([b"localhost:8000"], 200), ([b"127.0.0.1"], 200), ([b"[::1]:8000"], 200), ([b"[::1]"], 200),
        ([b"evil.example"], 403), ([b"evil.example:8000"], 403), ([b"localhost@evil.example"], 403),
        ([], 403), ([b""], 403), ([b"localhost", b"evil.example"], 403), ([b"localhost:80:90"], 403),
    ],
)  # fmt: skip
def test_a_page_whose_name_was_rebound_to_this_machine_gets_no_answer(
    hosts: list[bytes], status: int
) -> None:
    headers = [(b"host", host) for host in hosts]
    assert asyncio.run(_call(LoopbackOnly, headers, [b""]))[0] == status


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6))
def test_a_body_arrives_whole_in_however_many_pieces_or_is_refused(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    status, read = asyncio.run(_call(lambda app: BodyLimit(app, 50), [], pieces))
    assert (status, read) == ((200, body) if len(body) <= 50 else (413, None))
