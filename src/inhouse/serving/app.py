"""The routes. Each one validates, asks the service and sends what it answers; every error has one shape."""

# No postponed annotations here: FastAPI reads them at run time.

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from inhouse.serving.answers import Answer, bug
from inhouse.serving.guard import MAX_BODY_BYTES, BodyLimit, LoopbackOnly, error_response
from inhouse.serving.protocol import ApiError, ChatRequest, CompletionRequest, validation_error
from inhouse.serving.replies import Reply
from inhouse.serving.service import Service

__all__ = ["create_app"]

_ROUTES = (
    "GET /v1/models, GET /v1/models/NAME, POST /v1/chat/completions, POST /v1/completions and GET /health"
)
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(
    service: Service,
    *,
    loopback_only: bool = True,
    max_body_bytes: int = MAX_BODY_BYTES,
    log: Callable[[str], None] | None = None,
) -> FastAPI:
    """Return the ASGI application.

    `loopback_only` refuses requests whose Host header names another machine. `log` gets a line for each
    answer and for each bug; it never sees what was asked or said. There are no CORS headers, and bodies must
    be declared as JSON, so that pages on the web can neither read answers nor have them made.
    """
    # recent versions of FastAPI send traces where the environment says: nothing leaves this machine
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=_NO_TELEMETRY
    )
    write = log or _silent
    _add_routes(app, service, write)
    _add_error_handlers(app, write)
    app.add_middleware(BodyLimit, limit=max_body_bytes)
    if loopback_only:
        app.add_middleware(LoopbackOnly)  # added last, so that it comes first
    return app


def _add_routes(app: FastAPI, service: Service, log: Callable[[str], None]) -> None:
    @app.get("/health")
    async def health() -> Response:
        return _json(service.health())

    @app.get("/v1/models")
    async def models() -> Response:
        return _json(service.models())

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> Response:
        return _json(service.model(name))

    @app.post("/v1/chat/completions")
    async def chat(body: ChatRequest) -> Response:
        prepared = await asyncio.to_thread(service.prepare_chat, body)
        return Answer(prepared, service.start(prepared), log)

    @app.post("/v1/completions")
    async def completion(body: CompletionRequest) -> Response:
        prepared = await asyncio.to_thread(service.prepare_completion, body)
        return Answer(prepared, service.start(prepared), log)


def _add_error_handlers(app: FastAPI, log: Callable[[str], None]) -> None:
    @app.exception_handler(ApiError)
    async def refused(_: Request, error: ApiError) -> Response:
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return error_response(validation_error(error.errors()))

    @app.exception_handler(HTTPException)
    async def not_routed(request: Request, error: HTTPException) -> Response:
        if error.status_code in (404, 405):
            rule = f"there is no {request.method} {request.url.path[:100]}; there are {_ROUTES}"
            code = "unknown_url" if error.status_code == 404 else "method_not_allowed"
            return error_response(ApiError(error.status_code, rule, code=code, headers=error.headers))
        return error_response(ApiError(error.status_code, error.detail))

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        return error_response(bug(error, log))


def _silent(_: str) -> None:
    pass


def _json(reply: Reply) -> Response:
    return Response(reply.json_bytes(), media_type="application/json")
