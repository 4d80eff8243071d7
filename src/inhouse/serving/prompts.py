"""The tokens that a request becomes, with retrieved context where it was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from inhouse.errors import UserMistake
from inhouse.retrieval.query import code_query
from inhouse.serving.protocol import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Chunk
    from inhouse.retrieval.context import Context
    from inhouse.serving.protocol import ChatRequest, CompletionRequest

__all__ = ["Prompt", "PromptBuilder", "Retriever"]

_MAX_BUDGET = 1024
_SHARE = 4  # of the context, at most, unless the request says otherwise
_COMPLETION_TOKENS = 16  # the default of the OpenAI API
_QUERY_CHARACTERS = 2_000
_HEADING = "These excerpts from the repository may help:\n\n"


class Retriever(Protocol):
    """What finds context: for instance an index."""

    def __call__(self, query: str, budget: int, already: str) -> Context:
        """Return context for a query in at most `budget` tokens, without what `already` contains."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads, and how much it may write."""

    tokens: tuple[int, ...]
    max_new_tokens: int
    budget: int | None  # tokens that retrieval was allowed; None when it was off
    retrieved_tokens: int = 0  # tokens that it took, its heading included
    chunks: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A prompt before retrieval."""

    param: str  # the field it comes from
    query: str
    text: str  # what the model will read anyway
    build: Callable[[str], Sequence[int]]  # tokens, given the retrieved text
    limit: int | None  # the most new tokens, if the client says so
    usual: int | None = None  # the most new tokens otherwise; None is all that the context leaves


class PromptBuilder:
    """Turns requests into tokens that fit into the context. Safe in many threads, if the retriever is."""

    def __init__(self, tokenizer: Tokenizer, retriever: Retriever | None, context_length: int) -> None:
        self._tokenizer = tokenizer
        self._retriever = retriever
        self._context_length = context_length

    def chat(self, body: ChatRequest, *, retrieval: bool) -> Prompt:
        """Return a conversation in the model's own template; retrieved text begins its system message."""
        if not self._tokenizer.has_chat_template:
            raise ApiError(400, "this model has no chat template; use /v1/completions", param="messages")
        messages = [message.plain() for message in body.messages]
        questions = [message["content"] for message in messages if message["role"] == "user"]
        text = "\n".join(message["content"] for message in messages)

        def build(context: str) -> list[int]:
            try:
                return self._tokenizer.chat(_with_context(messages, context))
            except UserMistake as mistake:
                raise ApiError(400, str(mistake), param="messages", code="invalid_value") from None

        draft = _Draft("messages", _ends(questions[-1] if questions else text), text, build, body.limit)
        return self._fit(draft, body, retrieval)

    def completion(self, body: CompletionRequest, *, retrieval: bool) -> Prompt:
        """Return a text to go on from; retrieved text stands before it."""
        own = self._completion_tokens(body.prompt)
        start = own[:1] if own[:1] == [self._tokenizer.bos] else []

        def build(context: str) -> list[int]:
            return [*start, *self._tokenizer.encode(context), *own[len(start) :]] if context else own

        text = body.prompt if isinstance(body.prompt, str) else self._tokenizer.decode(body.prompt)
        query = code_query("", "", text[-_QUERY_CHARACTERS:])
        draft = _Draft("prompt", query, text, build, body.limit, _COMPLETION_TOKENS)
        return self._fit(draft, body, retrieval)

    def _completion_tokens(self, prompt: str | tuple[int, ...]) -> list[int]:
        if isinstance(prompt, tuple):
            size = self._tokenizer.vocabulary_size
            wrong = next((id_ for id_ in prompt if not 0 <= id_ < size), None)
            if wrong is not None:
                rule = f"token ids are from 0 to {size - 1}, not {wrong}"
                raise ApiError(400, rule, param="prompt", code="invalid_value")
            return list(prompt)
        start = [] if self._tokenizer.bos is None else [self._tokenizer.bos]
        # a model needs something to go on from
        return [*start, *self._tokenizer.encode(prompt)] or [self._tokenizer.start]

    def _fit(self, draft: _Draft, body: ChatRequest | CompletionRequest, retrieval: bool) -> Prompt:
        plain = draft.build("")
        self._check_length(draft, len(plain))
        options = body.retrieval
        if not retrieval:
            return self._prompt(draft, plain, None)
        if self._retriever is None:
            rule = "retrieval needs an index, and this server has none; make one with `inhouse index`"
            raise ApiError(400, rule, param="retrieval", code="no_index")
        budget = self._budget(draft, len(plain), None if options is None else options.budget)
        allowance = budget
        while allowance > 0:
            context = _retrieved(self._retriever, draft, allowance)
            if not context.chunks:
                break
            tokens = draft.build(context.text)
            over = len(tokens) - len(plain) - budget
            if over <= 0:
                return self._prompt(draft, tokens, budget, len(tokens) - len(plain), context.chunks)
            allowance -= over  # the heading, and marks of the template, count as well
        return self._prompt(draft, plain, budget)

    def _prompt(
        self,
        draft: _Draft,
        tokens: Sequence[int],
        budget: int | None,
        retrieved: int = 0,
        chunks: tuple[Chunk, ...] = (),
    ) -> Prompt:
        room = self._context_length - len(tokens)
        new = draft.limit or min(draft.usual or room, room)
        return Prompt(tuple(tokens), new, budget, retrieved, chunks)

    def _budget(self, draft: _Draft, size: int, asked: int | None) -> int:
        """Return how many tokens retrieval may take without taking the answer's place."""
        room = self._context_length - size
        free = room - (draft.limit or draft.usual or room // 2)
        default = min(self._context_length // _SHARE, _MAX_BUDGET)
        return max(0, min(default if asked is None else asked, free))

    def _check_length(self, draft: _Draft, size: int) -> None:
        wanted = draft.limit or 1
        if size + wanted <= self._context_length:
            return
        answer = f" and {wanted} were asked for" if draft.limit else ""
        raise ApiError(
            400,
            f"the context of this model is {self._context_length} tokens, the {draft.param} "
            f"{'have' if draft.param == 'messages' else 'has'} {size}{answer}; shorten one of them",
            param=draft.param,
            code="context_length_exceeded",
        )


def _retrieved(retriever: Retriever, draft: _Draft, allowance: int) -> Context:
    """Return retrieved text; an index that cannot be asked now is the server's fault, not the client's."""
    try:
        return retriever(draft.query, allowance, draft.text)
    except UserMistake as mistake:
        raise ApiError(503, str(mistake), type_="server_error", code="index_unavailable") from None


def _with_context(messages: list[dict[str, str]], context: str) -> list[dict[str, str]]:
    if not context:
        return messages
    text = _HEADING + context
    if messages[0]["role"] == "system":
        own = {"role": "system", "content": f"{text}\n\n{messages[0]['content']}"}
        return [own, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _ends(text: str) -> str:
    """Return the beginning and the end of a long text: questions stand at either."""
    if len(text) <= 2 * _QUERY_CHARACTERS:
        return text
    return f"{text[:_QUERY_CHARACTERS]}\n{text[-_QUERY_CHARACTERS:]}"
