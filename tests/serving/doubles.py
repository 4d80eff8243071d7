"""What tests put in the place of a model where waiting, failing and going away must be staged.

The text still goes through the real tokenizer and the engine's own text assembly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inhouse.engines.answer_text import AnswerText
from inhouse.engines.base import (
    Capabilities,
    Generated,
    GenerateRequest,
    LoadedAdapter,
    ScoreRequest,
    Token,
    TokenScores,
)
from inhouse.models.tokenizer import Tokenizer


class ParrotEngine:
    """Answers every prompt with the same text, once for each `repeat`; each token may need a `permit`."""

    def __init__(self, tokenizer: Tokenizer, text: str, *, repeat: int = 1, gated: bool = False) -> None:
        self._tokenizer = tokenizer
        self._ids = tokenizer.encode(text) * repeat
        self._permits = threading.Semaphore(0) if gated else None
        self.made = 0
        self.requests: list[GenerateRequest] = []

    def permit(self, tokens: int) -> None:
        """Let so many more tokens be made."""
        assert self._permits is not None
        self._permits.release(tokens)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(scores=False, adapters=False, device="cpu", dtype="float32")

    def load_adapter(self, name: str, folder: Path) -> LoadedAdapter:
        raise NotImplementedError

    def score(
        self, requests: Sequence[ScoreRequest], on_done: Callable[[int], None] | None = None
    ) -> list[TokenScores]:
        raise NotImplementedError

    def generate(
        self, request: GenerateRequest, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Token]:
        self.requests.append(request)
        text = AnswerText(self._tokenizer.token_bytes, request.stop)
        ids = self._ids[: request.max_new_tokens]
        for place, id_ in enumerate(ids):
            if self._permits is not None:
                self._permits.acquire()
            if cancelled is not None and cancelled():
                return
            self.made += 1
            last = place == len(ids) - 1
            piece, stopped = text.push(id_, last=last)
            finish = "stop" if stopped or (last and len(ids) == len(self._ids)) else "length" if last else ""
            yield Token(id_, piece, -1.0, finish)
            if finish:
                return

    def complete(
        self, requests: Sequence[GenerateRequest], on_done: Callable[[int], None] | None = None
    ) -> list[Generated]:
        raise NotImplementedError


class BrokenEngine(ParrotEngine):
    """Fails after two tokens, with words that must reach neither client nor log."""

    def generate(
        self, request: GenerateRequest, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Token]:
        answer = super().generate(request, cancelled)
        yield next(answer)
        yield next(answer)
        raise ValueError(f"cannot go on after {self._tokenizer.decode(request.prompt)}")
