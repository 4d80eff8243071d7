"""From the tokens of a generation to what is sent: one reply, or a stream of events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import traceback
from typing import TYPE_CHECKING, cast

from starlette.responses import Response

from inhouse.serving.guard import error_response
from inhouse.serving.protocol import ApiError
from inhouse.serving.replies import Usage
from inhouse.serving.scheduler import Stopping
from inhouse.serving.service import stopping

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

    from inhouse.engines.base import Token
    from inhouse.serving.replies import FinishReason, Reply
    from inhouse.serving.scheduler import Generation
    from inhouse.serving.service import Prepared

    Log = Callable[[str], None]

__all__ = ["Answer", "bug"]

_CLIENT_GONE = 499  # nobody reads it; the number is nginx's
_JSON = "application/json"


def bug(error: Exception, log: Log) -> ApiError:
    """Log where an unexpected error came from, and return what the client may know of it.

    The error's own words are left out of both: they may quote the request.
    """
    log(f"bug: {type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}".rstrip())
    return ApiError(500, "this is a bug in the server; its log says where", type_="server_error", code="bug")


class Answer(Response):
    """The response to a request for tokens. When the client goes away, the generation ends."""

    def __init__(self, prepared: Prepared, generation: Generation, log: Log) -> None:
        super().__init__()
        self._prepared = prepared
        self._generation = generation
        self._log = log
        self._began = time.perf_counter()
        self._ids: list[int] = []
        self._finish = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        gone = asyncio.create_task(self._cancel_when_gone(receive))
        try:
            if self._prepared.stream:
                await self._send_stream(send)
            else:
                await (await self._whole())(scope, receive, send)
        finally:
            gone.cancel()
            self._generation.cancel()
            self._log(self._line())

    async def _cancel_when_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._generation.cancel()

    # ------------------------------------------------------------ at once

    async def _whole(self) -> Response:
        try:
            text = "".join([token.text async for token in self._tokens()])
        except Exception as error:
            return error_response(self._refusal(error))
        if not self._finish:
            return Response(status_code=_CLIENT_GONE)
        prepared, finish = self._prepared, cast("FinishReason", self._finish)
        reply = prepared.shape.whole(prepared.head, text, self._ids, finish, self._usage())
        return Response(reply.json_bytes(), media_type=_JSON)

    # ------------------------------------------------------------ in pieces

    async def _send_stream(self, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async with contextlib.aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    await send(_event(piece.json_bytes()))
                    await asyncio.sleep(0)  # tokens may be there already: let the loop see who has gone away
        except Exception as error:
            await send(_event(json.dumps(self._refusal(error).body).encode()))
        if self._finish:
            await send(_event(b"[DONE]"))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pieces(self) -> AsyncGenerator[Reply]:
        head, shape = self._prepared.head, self._prepared.shape
        yield shape.first(head)
        sent = 0
        async for token in self._tokens():
            if token.text:
                yield shape.piece(head, token.text, self._ids[sent:])
                sent = len(self._ids)
        if not self._finish:
            return
        # in a piece of its own: some clients drop the text of the last one
        yield shape.piece(head, "", self._ids[sent:], cast("FinishReason", self._finish))
        if self._prepared.include_usage:
            yield shape.counts(head, self._usage())

    # ------------------------------------------------------------ both

    async def _tokens(self) -> AsyncIterator[Token]:
        async for token in self._generation.tokens():
            self._ids.append(token.id)
            self._finish = token.finish
            yield token

    def _usage(self) -> Usage:
        read, written = len(self._prepared.request.prompt), len(self._ids)
        return Usage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)

    def _refusal(self, error: Exception) -> ApiError:
        if isinstance(error, Stopping):
            return stopping()
        return bug(error, self._log)

    def _line(self) -> str:
        """Return the log line: who answered, how many tokens, how long. Never what was said."""
        head, usage = self._prepared.head, self._usage()
        milliseconds = 1000 * (time.perf_counter() - self._began)
        return (
            f"{head.id} {head.model}: {usage.prompt_tokens} + {usage.completion_tokens} tokens, "
            f"{milliseconds:.0f} ms, {self._finish or 'given up'}"
        )


def _event(data: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": b"data: " + data + b"\n\n", "more_body": True}
