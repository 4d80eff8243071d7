"""A base model in this process, on the CPU or one GPU.

Shape legend: R rows (requests) of a batch, T positions of the longest, D hidden size, V vocabulary, N target
positions of a batch.

One lock guards the model. It is held for one forward pass at a time, never between the tokens of an answer:
several answers advance side by side, and one that nobody reads any more blocks nobody.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from inhouse.engines.base import (
    Capabilities,
    Generated,
    LoadedAdapter,
    Token,
    TokenScores,
    check_adapter,
    check_request,
)
from inhouse.engines.torch_adapters import Adapters
from inhouse.engines.torch_generation import Answer, Rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from inhouse.engines.base import GenerateRequest, ScoreRequest
    from inhouse.models.resolve import BaseModel
    from inhouse.models.tokenizer import Tokenizer

__all__ = ["TorchEngine"]

_LOGIT_BYTES = 1 << 27  # of one slice of logits; about three such are alive at a time
_PROBE = "def main() -> None:\n    for number in range(10):\n        print(number)\n"


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How much goes through the model at once. Positions are R * T."""

    score_positions: int
    score_rows: int
    generate_positions: int
    generate_rows: int


_SIZES = {"cpu": _Sizes(2048, 32, 16384, 16), "cuda": _Sizes(16384, 256, 65536, 64)}


class TorchEngine:
    """Scores and generates with transformers and PEFT: float32 on the CPU, bfloat16 on a GPU."""

    def __init__(self, model: BaseModel, tokenizer: Tokenizer, *, device: str | None = None) -> None:
        kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._device = torch.device(kind)
        self._dtype = torch.bfloat16 if self._device.type == "cuda" else torch.float32
        self._tokenizer = tokenizer
        self._model = _load(model, self._dtype, self._device)
        self._adapters = Adapters(self._model)
        self._sizes = _SIZES[self._device.type]
        self._lock = threading.Lock()
        self._window: int | None = getattr(self._model.config, "max_position_embeddings", None)
        self._check_model(model)

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        dtype = str(self._dtype).removeprefix("torch.")
        return Capabilities(True, True, self._device.type, dtype, self._window)

    def load_adapter(self, name: str, folder: Path) -> LoadedAdapter:
        """Make an adapter available under a name, after proving that it fits and changes the answers.

        Raises UserMistake if it does not fit this base model, if its answers are not numbers, or if it
        changes no logit although its update is not zero.
        """
        with self._lock:
            not_zero = self._adapters.load(name, folder)
            self._adapters.activate("")
            base = self._probe()
            self._adapters.activate(name)
            change = float((self._probe() - base).abs().max())
            if not change < float("inf") or (not_zero and change == 0.0):
                self._adapters.unload(name)
                reason = "changes nothing" if change == 0.0 else "gives answers that are not numbers"
                raise UserMistake(
                    "an adapter must change the answers", f"{folder} {reason}", "train it again"
                )
        return LoadedAdapter(name, change)

    # ------------------------------------------------------------------ scoring

    def score(
        self, requests: Sequence[ScoreRequest], on_done: Callable[[int], None] | None = None
    ) -> list[TokenScores]:
        """Return the log-probability of every target token, in the order of the requests.

        Rows of about equal length go through the model together. They are padded on the right, where a causal
        model does not look, so that each row's scores are those that it has alone.
        """
        for request in requests:
            check_adapter(request.adapter, self._adapters)
            self._check_length(len(request.context) + len(request.target), request.adapter)
        lengths = [len(self._scored_row(request)) for request in requests]
        scores: dict[int, TokenScores] = {}
        for batch in _batches(requests, lengths, self._sizes.score_positions, self._sizes.score_rows):
            rows = [requests[index] for index in batch]
            for index, result in zip(batch, self._score_batch(rows), strict=True):
                scores[index] = result
                if on_done is not None:
                    on_done(index)
        return [scores[index] for index in range(len(requests))]

    def _scored_row(self, request: ScoreRequest) -> tuple[int, ...]:
        """Return what the model reads: nothing has to be predicted after the last token of the target."""
        return (request.context or (self._tokenizer.start,)) + request.target[:-1]

    def _score_batch(self, requests: Sequence[ScoreRequest]) -> list[TokenScores]:
        rows = [self._scored_row(request) for request in requests]
        width = max(map(len, rows))
        padded = [[*row, *[self._tokenizer.pad] * (width - len(row))] for row in rows]
        lengths = [len(request.target) for request in requests]
        # the hidden state that predicts a token stands one position before it: the target's end in the row
        places = [
            (number, len(row) - length + offset)
            for number, (row, length) in enumerate(zip(rows, lengths, strict=True))
            for offset in range(length)
        ]
        targets = self._tensor([token for request in requests for token in request.target])  # (N)
        with self._lock, torch.inference_mode():
            self._adapters.activate(requests[0].adapter)
            hidden = self._model.base_model(
                self._tensor(padded), use_cache=False, past_key_values=self._adapters.cache(len(rows))
            ).last_hidden_state  # (R, T, D)
            numbers, positions = self._tensor(places).reshape(-1, 2).unbind(1)
            columns = self._score_targets(hidden[numbers, positions], targets)
        parts = zip(*(column.split(lengths) for column in columns), strict=True)
        return [TokenScores(*(tuple(part.tolist()) for part in row)) for row in parts]

    def _score_targets(
        self, hidden: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return log-probabilities, top-1 flags and best log-probabilities, each (N), of states (N, D).

        A slice at a time: the logits of all would not fit.
        """
        head = self._model.get_output_embeddings()
        rows = max(1, _LOGIT_BYTES // (4 * self._model.config.vocab_size))
        logprobs, top1, best = [], [], []
        for part, wanted in zip(hidden.split(rows), targets.split(rows), strict=True):
            logits = head(part).float()  # (rows, V)
            chosen = logits.gather(1, wanted[:, None])[:, 0]
            total = logits.logsumexp(1)
            largest, likeliest = logits.max(1)
            logprobs.append(chosen - total)
            top1.append(likeliest == wanted)
            best.append(largest - total)
        return torch.cat(logprobs), torch.cat(top1), torch.cat(best)

    # ------------------------------------------------------------------ generating

    def generate(
        self, request: GenerateRequest, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Token]:
        """Yield the answer token by token, the end mark included. The request is checked at the call."""
        self._check_request(request)
        return self._answer(request, cancelled)

    def _answer(self, request: GenerateRequest, cancelled: Callable[[], bool] | None) -> Iterator[Token]:
        answer = Answer(request, self._tokenizer, self._limit(request), self._device)
        rows = self._rows([self._prompt(request)], request.adapter)
        while cancelled is None or not cancelled():
            logits = self._step(rows, request.adapter)[0]  # (V)
            token = answer.choose(logits, int(logits.argmax()))
            text, finish = answer.add(token)
            yield Token(token, text, float(logits[token] - logits.logsumexp(0)), finish)
            if finish:
                return
            rows.extend([token], [0])

    def complete(
        self, requests: Sequence[GenerateRequest], on_done: Callable[[int], None] | None = None
    ) -> list[Generated]:
        """Return the answers in the order of the requests.

        Rows of about equal length advance together and leave when they are finished. They are padded on the
        left, where the attention mask hides it. A prompt that several rows share is read once.
        """
        for request in requests:
            self._check_request(request)
        answers = [Answer(each, self._tokenizer, self._limit(each), self._device) for each in requests]
        lengths = [len(self._prompt(each)) + self._limit(each) for each in requests]
        for batch in _batches(requests, lengths, self._sizes.generate_positions, self._sizes.generate_rows):
            for index in self._answer_batch(batch, requests, answers):
                if on_done is not None:
                    on_done(index)
        return [Generated(answer.text, tuple(answer.tokens), answer.finish) for answer in answers]

    def _answer_batch(
        self, batch: Sequence[int], requests: Sequence[GenerateRequest], answers: Sequence[Answer]
    ) -> Iterator[int]:
        """Complete the answers of a batch, in place; yield the index of each when it is finished."""
        prompts = [self._prompt(requests[index]) for index in batch]
        distinct = list(dict.fromkeys(prompts))
        rows = self._rows(distinct, requests[batch[0]].adapter)
        going = list(batch)
        source = [distinct.index(prompt) for prompt in prompts]  # the row that each answer goes on from
        while True:
            logits = self._step(rows, requests[batch[0]].adapter)[source]  # (R, V)
            likeliest = logits.argmax(1).tolist()
            tokens = [answers[index].choose(*at) for index, *at in zip(going, logits, likeliest, strict=True)]
            ended = [bool(answers[index].add(token)[1]) for index, token in zip(going, tokens, strict=True)]
            yield from (index for index, end in zip(going, ended, strict=True) if end)
            keep = [number for number, end in enumerate(ended) if not end]
            if not keep:
                return
            going = [going[number] for number in keep]
            rows.extend([tokens[number] for number in keep], [source[number] for number in keep])
            source = list(range(len(keep)))

    def _rows(self, prompts: Sequence[Sequence[int]], adapter: str) -> Rows:
        with self._lock, torch.inference_mode():
            self._adapters.activate(adapter)
            return Rows(prompts, self._tokenizer.pad, self._model, self._adapters.prefix())

    def _step(self, rows: Rows, adapter: str) -> torch.Tensor:
        with self._lock, torch.inference_mode():
            self._adapters.activate(adapter)
            return rows.next_logits()

    # ------------------------------------------------------------------ checks

    def _prompt(self, request: GenerateRequest) -> tuple[int, ...]:
        return request.prompt or (self._tokenizer.start,)

    def _limit(self, request: GenerateRequest) -> int:
        """Return how many tokens may follow: as asked, or until the model's window is full."""
        if self._window is None:
            return request.max_new_tokens
        taken = len(self._prompt(request)) + self._adapters.virtual(request.adapter)
        return min(request.max_new_tokens, self._window - taken)

    def _check_request(self, request: GenerateRequest) -> None:
        check_request(request, self._adapters)
        self._check_length(len(self._prompt(request)) + 1, request.adapter)

    def _check_length(self, tokens: int, adapter: str) -> None:
        if self._window is None:
            return
        room = self._window - self._adapters.virtual(adapter)
        if tokens > room:
            raise UserMistake(f"the base model reads at most {room} tokens", f"{tokens}", "shorten the text")

    def _check_model(self, model: BaseModel) -> None:
        """Check that the tokenizer belongs to the model, and that scoring sees what the model would say."""
        rows = self._model.get_input_embeddings().weight.shape[0]
        if self._tokenizer.vocabulary_size > rows:
            raise UserMistake(
                "a tokenizer must belong to its model",
                f"{model.name} has {rows} embeddings for {self._tokenizer.vocabulary_size} tokens",
                "copy the model again",
            )
        ids = self._tensor([self._tokenizer.encode(_PROBE)])
        with torch.inference_mode():
            hidden = self._model.base_model(ids, use_cache=False).last_hidden_state
            alone = self._model.get_output_embeddings()(hidden)
            if not torch.allclose(alone, self._model(ids, use_cache=False).logits, rtol=1e-3, atol=1e-3):
                raise UserMistake(
                    "this engine scores with models whose logits are those of their last layer",
                    f"{model.name} ({self._model.config.model_type}) changes them afterwards",
                    "use another base model",
                )

    def _probe(self) -> torch.Tensor:
        """Return the logits of a fixed text, to compare adapters by."""
        with torch.inference_mode():
            ids = self._tensor([self._tokenizer.encode(_PROBE)])
            logits: torch.Tensor = self._model(
                ids, use_cache=False, past_key_values=self._adapters.cache(1)
            ).logits
            return logits

    def _tensor(self, values: Sequence[Any]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._device)


def _load(model: BaseModel, dtype: torch.dtype, device: torch.device) -> Any:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # it writes to the terminal past our own
    loaded = AutoModelForCausalLM.from_pretrained(
        model.folder, dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False
    )
    return loaded.to(device).eval().requires_grad_(False)


def _batches(
    requests: Sequence[ScoreRequest] | Sequence[GenerateRequest],
    lengths: Sequence[int],
    positions: int,
    rows: int,
) -> Iterator[list[int]]:
    """Yield indices of requests that go together: one adapter, about one length, longest first.

    A batch has at most `rows` rows, which padded to the longest have at most `positions` positions; a single
    request may have more.
    """
    batch: list[int] = []
    for index in sorted(range(len(requests)), key=lambda i: (requests[i].adapter, -lengths[i], i)):
        full = batch and (len(batch) == rows or (len(batch) + 1) * lengths[batch[0]] > positions)
        if full or (batch and requests[batch[0]].adapter != requests[index].adapter):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
