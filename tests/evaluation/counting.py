"""An engine that learns by counting: a real language model, fast enough for unit tests.

The probability of a token mixes a uniform one with how often the token followed the last one, and how often
it occurred at all, in the context, in what is scored so far, and in the texts of the adapter.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING

from inhouse.engines.base import Capabilities, Generated, LoadedAdapter, Token, TokenScores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from inhouse.engines.base import GenerateRequest, ScoreRequest
    from inhouse.models.tokenizer import Tokenizer


class CountingEngine:
    """Scores and generates; counts what it was asked, and stops answering after `patience` requests."""

    def __init__(self, tokenizer: Tokenizer, patience: float = math.inf) -> None:
        self.tokenizer = tokenizer
        self.scored: list[ScoreRequest] = []
        self.asked: list[GenerateRequest] = []
        self.patience = patience
        self._adapters = {"": Counts([])}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(True, True, "cpu", "counts")

    def learn(self, name: str, texts: Sequence[str]) -> None:
        self._adapters[name] = Counts([token for text in texts for token in self.tokenizer.encode(text)])

    def load_adapter(self, name: str, folder: Path) -> LoadedAdapter:
        self.learn(name, json.loads((folder / "texts.json").read_text(encoding="utf-8")))
        return LoadedAdapter(name, 1.0)

    def score(
        self, requests: Sequence[ScoreRequest], on_done: Callable[[int], None] | None = None
    ) -> list[TokenScores]:
        results = []
        for index, request in enumerate(requests):
            self._tire()
            self.scored.append(request)
            results.append(self._score(request))
            if on_done is not None:
                on_done(index)
        return results

    def generate(
        self, request: GenerateRequest, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Token]:
        raise NotImplementedError

    def complete(
        self, requests: Sequence[GenerateRequest], on_done: Callable[[int], None] | None = None
    ) -> list[Generated]:
        answers = []
        for index, request in enumerate(requests):
            self._tire()
            self.asked.append(request)
            text = self._answer(request)
            answers.append(Generated(text, tuple(self.tokenizer.encode(text)), "stop"))
            if on_done is not None:
                on_done(index)
        return answers

    def _tire(self) -> None:
        self.patience -= 1
        if self.patience < 0:
            raise KeyboardInterrupt

    def _score(self, request: ScoreRequest) -> TokenScores:
        seen = Counts(request.context)
        known = self._adapters[request.adapter]
        logprobs, top1 = [], []
        for token in request.target:
            logprobs.append(math.log(self._probability(token, seen, known)))
            top1.append(self._likeliest(seen, known) == token)
            seen.add(token)
        return TokenScores(tuple(logprobs), tuple(top1))

    def _answer(self, request: GenerateRequest) -> str:
        seen = Counts(request.prompt)
        known = self._adapters[request.adapter]
        written: list[int] = []
        text = ""
        while len(written) < request.max_new_tokens:
            written.append(self._likeliest(seen, known))
            seen.add(written[-1])
            text = self.tokenizer.decode(written)
            if any(stop in text for stop in request.stop):
                return min((text.partition(stop)[0] for stop in request.stop), key=len)
        return text

    def _probability(self, token: int, seen: Counts, known: Counts) -> float:
        pair = (seen.last, token)
        after = seen.before[seen.last] + known.before[seen.last]
        share = (seen.pairs[pair] + known.pairs[pair]) / after if after else 0.0
        alone = (seen.tokens[token] + known.tokens[token]) / (seen.total + known.total)
        return 0.6 * share + 0.3 * alone + (0.1 + 0.6 * (not after)) / self.tokenizer.vocabulary_size

    def _likeliest(self, seen: Counts, known: Counts) -> int:
        new, old = seen.after.get(seen.last, {}), known.after.get(seen.last, {})
        if not new and not old:
            new, old = seen.tokens, known.tokens
        return min({*new, *old}, key=lambda token: (-new.get(token, 0) - old.get(token, 0), token))


class Counts:
    """Tokens and pairs of tokens of a sequence."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens: Counter[int] = Counter()
        self.pairs: Counter[tuple[int, int]] = Counter()
        self.before: Counter[int] = Counter()
        self.after: dict[int, Counter[int]] = {}
        self.total = 0
        self.last = -1
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        self.tokens[token] += 1
        self.pairs[self.last, token] += 1
        self.before[self.last] += 1
        self.after.setdefault(self.last, Counter())[token] += 1
        self.total += 1
        self.last = token
