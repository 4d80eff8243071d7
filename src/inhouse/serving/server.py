"""The server process: takes a port, answers until it is told to stop, and gives the port back."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

from inhouse.errors import UserMistake
from inhouse.serving.app import create_app
from inhouse.serving.guard import MAX_BODY_BYTES, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from inhouse.serving.service import Service

__all__ = ["GRACE_SECONDS", "Server", "listen"]

GRACE_SECONDS = 10.0
"""Answers that are being made when the server is told to stop may take this long to finish."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CLOSE_SECONDS = 5.0
_BACKLOG = 256
_MAX_PORT = 65_535


class Server:
    """A service on a socket that `listen` made.

    `run` answers in this thread until SIGINT or SIGTERM; ``with server:`` answers in another one until the
    block ends. Either way answers get `grace_seconds` to finish; a second signal gives them up.
    """

    def __init__(
        self,
        service: Service,
        listener: socket.socket,
        *,
        log: Callable[[str], None] | None = None,
        grace_seconds: float = GRACE_SECONDS,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._service = service
        self._socket = listener
        self._address, self.port = self._socket.getsockname()[:2]
        self.only_this_machine = is_loopback(self._address)
        app = create_app(
            service, loopback_only=self.only_this_machine, max_body_bytes=max_body_bytes, log=log
        )
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",  # always the same parser, whatever else is installed
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # its messages quote requests
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=math.ceil(grace_seconds + _CLOSE_SECONDS),  # clients that do not read
        )
        self._uvicorn = _Uvicorn(config, service, grace_seconds)
        self._thread = threading.Thread(target=self._serve, name="server", daemon=True)

    @property
    def url(self) -> str:
        """The base URL for clients, with the port that was taken, also when a free one was asked for."""
        host = f"[{self._address}]" if ":" in self._address else self._address
        return f"http://{host}:{self.port}/v1"

    def run(self) -> None:
        """Answer until SIGINT or SIGTERM. Call it in the main thread."""
        self._serve()

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self._service.stop()
            self._service.join(_CLOSE_SECONDS)


class _Uvicorn(uvicorn.Server):  # type: ignore[misc]
    """Stops at a signal without dying of it, and bounds how long answers may go on."""

    should_exit: bool
    force_exit: bool

    def __init__(self, config: uvicorn.Config, service: Service, grace_seconds: float) -> None:
        super().__init__(config)
        self._service = service
        self._grace_seconds = grace_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers finish for a while, then give them up."""
        deadline = asyncio.get_running_loop().call_later(self._grace_seconds, self._service.stop)
        try:
            await super().shutdown(sockets)
        finally:
            deadline.cancel()

    def handle_exit(self, *_: object) -> None:
        """Take a signal: the first one stops gently."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle signals while serving. The original raises them again, which would skip the caller's end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Any] = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """Take a port, 0 for a free one. Raises UserMistake with the reason when it cannot be had.

    It is taken before the models are loaded: the mistake shows at once, and early clients wait.
    """
    if not 0 <= port <= _MAX_PORT:
        raise UserMistake(f"ports are from 0 to {_MAX_PORT}", str(port), "choose another with --port")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise UserMistake("the host must be an address of this machine", host, "try 127.0.0.1") from None
    taken = socket.socket(family, kind, protocol)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(address)
        taken.listen(_BACKLOG)  # two sockets may bind, only one may listen
    except OSError as error:
        taken.close()
        raise _not_bound(host, port, error) from None
    return taken


def _not_bound(host: str, port: int, error: OSError) -> UserMistake:
    if error.errno == errno.EADDRINUSE:
        return UserMistake(
            "a port serves one program at a time", f"{port} is in use", "choose another with --port, or 0"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return UserMistake("ports below 1024 belong to the system", str(port), "choose another with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return UserMistake("the host must be an address of this machine", host, "try 127.0.0.1")
    return UserMistake("the port cannot be taken", f"{host}:{port} ({os.strerror(error.errno or 0)})")
