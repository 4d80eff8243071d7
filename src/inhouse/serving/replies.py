"""What goes back over the wire, in the shapes of the OpenAI API, whole or in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CHAT",
    "COMPLETION",
    "FinishReason",
    "Head",
    "Health",
    "Info",
    "ModelCard",
    "ModelList",
    "Reply",
    "Shape",
    "Span",
    "Usage",
]

FinishReason = Literal["stop", "length"]

# Serialised with exclude_unset: a field that was not set is absent, one that was set to None is null.


class Reply(BaseModel):
    """What all replies share."""

    model_config = ConfigDict(frozen=True)

    def json_bytes(self) -> bytes:
        """Return the reply as it is sent."""
        return self.model_dump_json(exclude_unset=True).encode()


class Usage(Reply):
    """Token counts. What retrieval added is part of the prompt; an end mark is part of the completion."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Span(Reply):
    """Where a retrieved span comes from."""

    path: str
    start_line: int
    end_line: int


class Info(Reply):
    """The field `inhouse` of a reply: all that decided the answer. Not in the OpenAI API."""

    model_digest: str
    adapter_digest: str | None
    seed: int
    retrieved: list[Span]
    retrieval_budget: int | None  # tokens that retrieval was allowed; null when it was off
    retrieved_tokens: int  # tokens that it took, its heading included


class ChatMessage(Reply):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None


class ChatChoice(Reply):
    """The one choice of a chat reply."""

    index: int
    message: ChatMessage
    logprobs: None
    finish_reason: FinishReason
    token_ids: list[int] = []


class ChatReply(Reply):
    """The reply of `POST /v1/chat/completions`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    inhouse: Info


class Delta(Reply):
    """A piece of an answer."""

    role: Literal["assistant"] = "assistant"
    content: str = ""


class ChunkChoice(Reply):
    """The one choice of a piece of a chat reply."""

    index: int
    delta: Delta
    logprobs: None
    finish_reason: FinishReason | None
    token_ids: list[int] = []


class ChatChunk(Reply):
    """A piece of a streamed chat reply."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    inhouse: Info | None = None


class Choice(Reply):
    """The one choice of a completion, or of a piece of it."""

    index: int
    text: str
    logprobs: None
    finish_reason: FinishReason | None
    token_ids: list[int] = []


class Completion(Reply):
    """The reply of `POST /v1/completions`, or a piece of it."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None
    inhouse: Info | None = None


class ModelCard(Reply):
    """A name that can be asked."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Reply):
    """The reply of `GET /v1/models`."""

    object: Literal["list"]
    data: list[ModelCard]


class Health(Reply):
    """The reply of `GET /health`."""

    status: Literal["ok", "stopping"]
    models: int
    active: int
    waiting: int


# ------------------------------------------------------------------ from tokens to replies


@dataclass(frozen=True, slots=True)
class Head:
    """What a reply says whatever the model answers."""

    id: str
    created: int  # seconds since the epoch
    model: str  # the name that was asked for
    info: Info
    token_ids: bool  # whether choices carry them
    null_usage: bool  # whether pieces say "usage": null, as they do when a last piece will hold it

    def fields(self) -> dict[str, Any]:
        """Return the fields that every reply and piece begins with."""
        return {"id": self.id, "created": self.created, "model": self.model}

    def piece_fields(self) -> dict[str, Any]:
        """Return the fields of a piece."""
        return {**self.fields(), "usage": None} if self.null_usage else self.fields()

    def choice_fields(self, ids: Sequence[int]) -> dict[str, Any]:
        """Return the fields of a choice that do not depend on its text."""
        choice: dict[str, Any] = {"index": 0, "logprobs": None}
        return {**choice, "token_ids": list(ids)} if self.token_ids else choice


class Shape(Protocol):
    """How one of the two kinds of reply is written."""

    prefix: str
    """How the ids of such replies begin."""

    def whole(self, head: Head, text: str, ids: Sequence[int], finish: FinishReason, usage: Usage) -> Reply:
        """Return a reply that is sent at once."""

    def first(self, head: Head) -> Reply:
        """Return the piece that opens a stream: no text, but all that is known before the first token."""

    def piece(self, head: Head, text: str, ids: Sequence[int], finish: FinishReason | None = None) -> Reply:
        """Return a piece of the text; the last one has a reason to finish."""

    def counts(self, head: Head, usage: Usage) -> Reply:
        """Return the piece that closes a stream with the token counts."""


class _Chat:
    prefix = "chatcmpl-"

    def whole(self, head: Head, text: str, ids: Sequence[int], finish: FinishReason, usage: Usage) -> Reply:
        message = ChatMessage(role="assistant", content=text, refusal=None)
        choice = ChatChoice(**head.choice_fields(ids), message=message, finish_reason=finish)
        return ChatReply(
            **head.fields(), object="chat.completion", choices=[choice], usage=usage, inhouse=head.info
        )

    def first(self, head: Head) -> Reply:
        delta = Delta(role="assistant", content="")
        choice = ChunkChoice(**head.choice_fields([]), delta=delta, finish_reason=None)
        fields = head.piece_fields()
        return ChatChunk(**fields, object="chat.completion.chunk", choices=[choice], inhouse=head.info)

    def piece(self, head: Head, text: str, ids: Sequence[int], finish: FinishReason | None = None) -> Reply:
        delta = Delta(content=text) if text else Delta()
        choice = ChunkChoice(**head.choice_fields(ids), delta=delta, finish_reason=finish)
        return ChatChunk(**head.piece_fields(), object="chat.completion.chunk", choices=[choice])

    def counts(self, head: Head, usage: Usage) -> Reply:
        return ChatChunk(**head.fields(), object="chat.completion.chunk", choices=[], usage=usage)


class _Completion:
    prefix = "cmpl-"

    def whole(self, head: Head, text: str, ids: Sequence[int], finish: FinishReason, usage: Usage) -> Reply:
        choice = Choice(**head.choice_fields(ids), text=text, finish_reason=finish)
        return Completion(
            **head.fields(), object="text_completion", choices=[choice], usage=usage, inhouse=head.info
        )

    def first(self, head: Head) -> Reply:
        choice = Choice(**head.choice_fields([]), text="", finish_reason=None)
        fields = head.piece_fields()
        return Completion(**fields, object="text_completion", choices=[choice], inhouse=head.info)

    def piece(self, head: Head, text: str, ids: Sequence[int], finish: FinishReason | None = None) -> Reply:
        choice = Choice(**head.choice_fields(ids), text=text, finish_reason=finish)
        return Completion(**head.piece_fields(), object="text_completion", choices=[choice])

    def counts(self, head: Head, usage: Usage) -> Reply:
        return Completion(**head.fields(), object="text_completion", choices=[], usage=usage)


CHAT: Shape = _Chat()
COMPLETION: Shape = _Completion()
