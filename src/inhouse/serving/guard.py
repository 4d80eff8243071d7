"""What is refused before any route sees it: foreign hosts and bodies that are too large."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from inhouse.serving.protocol import ApiError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MAX_BODY_BYTES", "BodyLimit", "LoopbackOnly", "error_response", "is_loopback"]

MAX_BODY_BYTES = 4_000_000
"""Larger requests are refused."""

_DRAINED = 8  # times the limit is read and thrown away, so that the client gets to read the refusal


def error_response(error: ApiError) -> Response:
    """Return an error as it is sent. Escapes keep it ASCII, whatever it quotes."""
    content = json.dumps(error.body)
    return Response(content, error.status, error.headers, media_type="application/json")


def is_loopback(host: str) -> bool:
    """Return whether a name or address, perhaps in brackets, can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


class LoopbackOnly:
    """Refuses requests that name another host than this machine.

    A page on the web can make its own name point to 127.0.0.1 and then ask this server as if it were its own
    (DNS rebinding). The browser still sends the page's name in the Host header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or pass the request on."""
        if scope["type"] != "http" or _names_this_machine(scope):
            await self._app(scope, receive, send)
            return
        rule = "this server answers requests to localhost only"
        error = ApiError(403, rule, type_="permission_error", code="host_not_allowed")
        await error_response(error)(scope, receive, send)


class BodyLimit:
    """Reads the body of each request, up to a limit, before the application is called."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await self._read(receive)
        if body is None:
            rule = f"the body may have {self._limit:,} bytes at most"
            await error_response(ApiError(413, rule, code="request_too_large"))(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """Return the body, or None when it is larger than the limit."""
        pieces: list[bytes] = []
        size = 0
        while size <= self._limit * _DRAINED:
            message = await receive()
            piece = message.get("body", b"")
            size += len(piece)
            if size <= self._limit:
                pieces.append(piece)
            if not message.get("more_body", False):
                break
        return b"".join(pieces) if size <= self._limit else None


def _names_this_machine(scope: Scope) -> bool:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and is_loopback(_without_port(hosts[0]))


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and (":" not in name or name.endswith("]")) else host


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body first, and then what comes after it: the disconnection."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
