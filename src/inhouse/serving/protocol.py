"""What comes over the wire: requests and refusals in the shapes of the OpenAI API.

Nothing is ignored. A parameter of that API that this server does not support is declared with the one value
under which it changes nothing; any other value is refused, and so is any name that is not declared here.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from inhouse.errors import InhouseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ApiError",
    "ChatRequest",
    "CompletionRequest",
    "GenerationOptions",
    "RetrievalOptions",
    "validation_error",
]

_MAX_STOPS = 4
_SHOWN_CHARACTERS = 100


class ApiError(InhouseError):
    """A refusal, in the shape that clients of the OpenAI API read: ``{"error": {...}}``."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type_: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, dict[str, str | None]] = {
            "error": {"message": message, "type": type_, "param": param, "code": code}
        }


# ------------------------------------------------------------------ requests


def _joined_parts(value: Any) -> Any:
    """Turn a list of text parts into one text, a part per line; refuse every other kind of part."""
    if not isinstance(value, list):
        return value
    texts: list[str] = []
    for part in value:
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get("text") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(text, str) or set(part) != {"type", "text"}:
            raise PydanticCustomError(
                "unsupported", "only parts of the form {shape} are supported", _TEXT_PART
            )
        texts.append(text)
    return "\n".join(texts)


_TEXT_PART = {"shape": '{"type": "text", "text": "..."}'}


def _one_prompt(value: Any) -> str | tuple[int, ...]:
    """Return the one prompt of a request: a text, or token ids."""
    if isinstance(value, list) and value and isinstance(value[0], str | list):
        if len(value) > 1:
            raise PydanticCustomError(
                "unsupported", "one prompt a request is supported, not {count}", {"count": len(value)}
            )
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(type(id_) is int for id_ in value):
        return tuple(value)
    raise PydanticCustomError("prompt_type", "a prompt is a string or a list of token ids")


def _stops(value: Any) -> tuple[str, ...]:
    """Return the strings that end an answer."""
    stops = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise PydanticCustomError("stop_type", "stop is a string, or a list of strings, none of them empty")
    if len(stops) > _MAX_STOPS:
        raise PydanticCustomError(
            "too_long", "at most {limit} stop strings are allowed", {"limit": _MAX_STOPS}
        )
    return tuple(stops)


def _retrieval(value: Any) -> Any:
    return {"enabled": value} if isinstance(value, bool) else value


Zero = Annotated[float, Field(ge=0, le=0)]
Nothing = Annotated[dict[str, Any] | list[Any], Field(max_length=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class RetrievalOptions(_Strict):
    """Whether spans of the index are put before the prompt, and how many tokens they may take."""

    enabled: bool = True
    """False switches retrieval off for a model whose name switches it on."""

    budget: Annotated[int, Field(ge=1)] | None = None
    """At most this many tokens. Default: a quarter of the context, at most 1024."""


class StreamOptions(_Strict):
    """Options of a streamed answer."""

    include_usage: bool | None = None
    """Send the token counts in a last chunk."""

    include_obfuscation: Literal[False] | None = None
    """Padding against traffic analysis is not supported."""


class GenerationOptions(_Strict):
    """What chat and completions have in common."""

    model: str
    """A name of `/v1/models`."""

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """At most this many new tokens. Chat: default is all that the context leaves; completions: 16."""

    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    """0 takes the likeliest token each time. Default: 1, as in the OpenAI API."""

    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Sample among the likeliest tokens that together have this probability. Default: 1."""

    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    """The same seed and request give the same answer. Default: a new one, told in the reply."""

    stop: Annotated[tuple[str, ...], PlainValidator(_stops)] = ()
    """Up to four strings before which the answer ends."""

    stream: bool | None = None
    """Send the answer in pieces, as server-sent events."""

    stream_options: StreamOptions | None = None
    """Only together with `stream`."""

    retrieval: Annotated[RetrievalOptions | None, BeforeValidator(_retrieval)] = None
    """true, false or {"budget": N}. Default: as the name of the model says. Not in the OpenAI API."""

    return_token_ids: bool | None = None
    """Add `token_ids` to each choice. Not in the OpenAI API (vLLM has it)."""

    user: str | None = None
    """A label of the caller. Accepted, not kept."""

    safety_identifier: str | None = None
    """A label of the caller. Accepted, not kept."""

    prompt_cache_key: str | None = None
    """A label of the caller. Accepted, not kept."""

    @property
    def limit(self) -> int | None:
        """The most new tokens that the client allows, if it says so."""
        return self.max_tokens

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @model_validator(mode="after")
    def _stream_options_need_stream(self) -> GenerationOptions:
        if self.stream_options is not None and not self.stream:
            raise PydanticCustomError("stream_options", "stream_options is only allowed with stream: true")
        return self


class _Unsupported(_Strict):
    """Declared with the values under which they change nothing."""

    n: Literal[1] | None = None
    logit_bias: Nothing | None = None
    frequency_penalty: Zero | None = None
    presence_penalty: Zero | None = None


class _UnsupportedInCompletions(_Unsupported):
    suffix: Literal[""] | None = None
    echo: Literal[False] | None = None
    best_of: Literal[1] | None = None
    logprobs: None = None


class _TextFormat(_Strict):
    type: Literal["text"]


class _UnsupportedInChat(_Unsupported):
    audio: None = None
    function_call: Literal["none", "auto"] | None = None
    functions: Nothing | None = None
    logprobs: Literal[False] | None = None
    metadata: Nothing | None = None
    modalities: list[Literal["text"]] | None = None
    parallel_tool_calls: bool | None = None  # without tools it says nothing
    prediction: None = None
    reasoning_effort: Literal["none"] | None = None
    response_format: _TextFormat | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: Literal[False] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    tools: Nothing | None = None
    top_logprobs: Literal[0] | None = None
    verbosity: Literal["medium"] | None = None
    web_search_options: None = None


class _UnsupportedInMessages(_Strict):
    annotations: Nothing | None = None  # clients send back the messages that they got
    audio: None = None
    function_call: None = None
    name: None = None
    refusal: None = None
    tool_call_id: None = None
    tool_calls: Nothing | None = None


class Message(_UnsupportedInMessages):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    """`developer` is read as `system`."""

    content: Annotated[str, BeforeValidator(_joined_parts)]
    """A text, or a list of text parts, which are joined by line breaks."""

    def plain(self) -> dict[str, str]:
        """Return the message as chat templates read it."""
        return {"role": "system" if self.role == "developer" else self.role, "content": self.content}


class ChatRequest(GenerationOptions, _UnsupportedInChat):
    """The body of `POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Field(min_length=1)]
    """The conversation so far."""

    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    """The newer name of `max_tokens`."""

    @property
    def limit(self) -> int | None:
        """The most new tokens that the client allows, if it says so."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @model_validator(mode="after")
    def _one_limit(self) -> ChatRequest:
        if None not in (self.max_tokens, self.max_completion_tokens):
            raise PydanticCustomError("max_tokens", "give max_tokens or max_completion_tokens, not both")
        return self


class CompletionRequest(GenerationOptions, _UnsupportedInCompletions):
    """The body of `POST /v1/completions`."""

    prompt: Annotated[str | tuple[int, ...], PlainValidator(_one_prompt)]
    """A text, or token ids; a list that holds one of them is read as it."""


_UNSUPPORTED = frozenset(
    name
    for model in (_UnsupportedInChat, _UnsupportedInCompletions, _UnsupportedInMessages)
    for name in model.model_fields
)
_KNOWN = sorted({*ChatRequest.model_fields, *CompletionRequest.model_fields})


def validation_error(problems: Sequence[Mapping[str, Any]]) -> ApiError:
    """Return the refusal for a body that failed validation: the first problem, named by its parameter."""
    problem = problems[0]
    place = [part for part in problem["loc"] if part != "body"]
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "json_invalid":
        return ApiError(400, f"the body is not valid JSON: {context.get('error', '')}", code="invalid_json")
    if not place:
        rule = problem["msg"] if kind in ("stream_options", "max_tokens") else _NO_OBJECT
        param = kind if kind in ("stream_options", "max_tokens") else None
        return ApiError(400, rule, param=param, code="invalid_value")
    param = _path(place)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _KNOWN, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return ApiError(400, f"unknown parameter: {param}{hint}", param=param, code="unknown_parameter")
    if kind == "missing":
        return ApiError(400, f"{param} is required", param=param, code="missing_required_parameter")
    unsupported = next((part for part in place if part in _UNSUPPORTED), None)
    if unsupported is not None:
        param = _path(place[: place.index(unsupported) + 1])
        only = f" except as {context['expected']}" if kind == "literal_error" else ""
        message = f"{param} is not supported{only}; leave it out"
        return ApiError(400, message, param=param, code="unsupported_parameter")
    return ApiError(400, f"{param}: {problem['msg']}", param=param, code="invalid_value")


_NO_OBJECT = "the body must be one JSON object, sent with Content-Type: application/json"


def _path(place: Sequence[str | int]) -> str:
    """Write a place as OpenAI does: ``messages[0].content``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(parts).lstrip(".")[:_SHOWN_CHARACTERS]
