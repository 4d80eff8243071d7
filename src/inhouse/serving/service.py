"""What answers: names, prompts and the queue in front of the engine. Nothing here knows of HTTP."""

from __future__ import annotations

import difflib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.engines.base import GenerateRequest
from inhouse.errors import UserMistake
from inhouse.serving.prompts import PromptBuilder
from inhouse.serving.protocol import ApiError, ChatRequest, CompletionRequest
from inhouse.serving.replies import CHAT, COMPLETION, Head, Health, Info, ModelCard, ModelList, Shape, Span
from inhouse.serving.scheduler import ACTIVE, WAITING, Generation, QueueFull, Scheduler, Stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.engines.base import Engine
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.serving.prompts import Prompt, Retriever

__all__ = ["RETRIEVAL_SUFFIX", "Prepared", "Service", "stopping"]

RETRIEVAL_SUFFIX = "+retrieval"
"""Ends the names under which retrieval is on by default."""

_RETRY_SECONDS = 5
_SEED_BITS = 32  # a number that every JSON reader keeps exactly
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be answered."""

    head: Head
    shape: Shape
    request: GenerateRequest
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class _Target:
    adapter: str
    retrieval: bool


class Service:
    """A base model with its adapters, each under a public name.

    `model_names` maps public names to the engine's names for adapters, which are their digests; "" is the
    base. `retriever` finds context and must bear calls from many threads; with one, every name also answers
    with `+retrieval` behind it. `created` is when the models were made, in seconds since the epoch. `active`
    generations advance at a time, and `waiting` more may queue.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        model_names: Mapping[str, str],
        retriever: Retriever | None,
        context_length: int,
        created: int,
        *,
        model_digest: str,
        active: int = ACTIVE,
        waiting: int = WAITING,
    ) -> None:
        self._targets = _targets(model_names, with_retrieval=retriever is not None)
        self._prompts = PromptBuilder(tokenizer, retriever, context_length)
        self._created = created
        self._model_digest = model_digest
        self._scheduler = Scheduler(engine.generate, active=active, waiting=waiting)

    # ------------------------------------------------------------ what is there?

    def models(self) -> ModelList:
        """Return every name that can be asked."""
        return ModelList(object="list", data=[self._card(name) for name in self._targets])

    def model(self, name: str) -> ModelCard:
        """Return one name, or refuse it."""
        self._find(name)
        return self._card(name)

    def health(self) -> Health:
        """Return whether requests are taken, and how many are being answered or wait."""
        active, waiting = self._scheduler.load
        return Health(
            status="stopping" if self._scheduler.stopped else "ok",
            models=len(self._targets),
            active=active,
            waiting=waiting,
        )

    # ------------------------------------------------------------ answers

    def prepare_chat(self, body: ChatRequest) -> Prepared:
        """Find the model, render the conversation and retrieve for it. Blocks; raises ApiError."""
        target = self._find(body.model)
        prompt = self._prompts.chat(body, retrieval=_wants_retrieval(body, target))
        return self._prepare(body, target, prompt, CHAT)

    def prepare_completion(self, body: CompletionRequest) -> Prepared:
        """Find the model, encode the prompt and retrieve for it. Blocks; raises ApiError."""
        target = self._find(body.model)
        prompt = self._prompts.completion(body, retrieval=_wants_retrieval(body, target))
        return self._prepare(body, target, prompt, COMPLETION)

    def start(self, prepared: Prepared) -> Generation:
        """Queue the generation; call it in the event loop that will read the tokens. Raises ApiError."""
        try:
            return Generation(self._scheduler, prepared.request)
        except QueueFull:
            raise ApiError(
                429,
                "as many requests wait as this server lets wait; try again in a few seconds",
                type_="rate_limit_error",
                code="queue_full",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            ) from None
        except Stopping:
            raise stopping() from None

    def stop(self) -> None:
        """Give up all generations at their next token; nothing is begun afterwards."""
        self._scheduler.stop()

    def join(self, seconds: float) -> bool:
        """After `stop`: wait for the engine to come to rest; return whether it has."""
        return self._scheduler.join(seconds)

    def _prepare(
        self, body: ChatRequest | CompletionRequest, target: _Target, prompt: Prompt, shape: Shape
    ) -> Prepared:
        seed = secrets.randbits(_SEED_BITS) if body.seed is None else body.seed
        request = GenerateRequest(
            prompt=prompt.tokens,
            max_new_tokens=prompt.max_new_tokens,
            temperature=1.0 if body.temperature is None else body.temperature,
            top_p=1.0 if body.top_p is None else body.top_p,
            seed=seed,
            stop=body.stop,
            adapter=target.adapter,
        )
        info = Info(
            model_digest=self._model_digest,
            adapter_digest=target.adapter or None,
            seed=seed,
            retrieved=[
                Span(path=chunk.path, start_line=chunk.start_line, end_line=chunk.end_line)
                for chunk in prompt.chunks
            ],
            retrieval_budget=prompt.budget,
            retrieved_tokens=prompt.retrieved_tokens,
        )
        head = Head(
            id=f"{shape.prefix}{secrets.token_hex(12)}",
            created=int(time.time()),
            model=body.model,
            info=info,
            token_ids=bool(body.return_token_ids),
            null_usage=bool(body.stream) and body.include_usage,
        )
        return Prepared(head, shape, request, bool(body.stream), body.include_usage)

    def _card(self, name: str) -> ModelCard:
        return ModelCard(id=name, object="model", created=self._created, owned_by="inhouse")

    def _find(self, name: str) -> _Target:
        target = self._targets.get(name)
        if target is not None:
            return target
        near = difflib.get_close_matches(name, self._targets, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise ApiError(
            404,
            f"no model is named {name[:_SHOWN_CHARACTERS]!r}{hint} The names are: {', '.join(self._targets)}",
            param="model",
            code="model_not_found",
        )


def stopping() -> ApiError:
    """Return the refusal of a server on its way out."""
    return ApiError(503, "the server is stopping", type_="server_error", code="stopping")


def _wants_retrieval(body: ChatRequest | CompletionRequest, target: _Target) -> bool:
    return target.retrieval if body.retrieval is None else body.retrieval.enabled


def _targets(model_names: Mapping[str, str], *, with_retrieval: bool) -> dict[str, _Target]:
    wrong = [name for name in model_names if not name or name.endswith(RETRIEVAL_SUFFIX)]
    if wrong or not model_names:
        rule = f"a served model needs a name that does not end in {RETRIEVAL_SUFFIX}"
        raise UserMistake(rule, ", ".join(map(repr, wrong)) or "no model", "rename it")
    targets = {name: _Target(adapter, retrieval=False) for name, adapter in model_names.items()}
    if with_retrieval:
        targets |= {
            name + RETRIEVAL_SUFFIX: _Target(adapter, retrieval=True) for name, adapter in model_names.items()
        }
    return targets
