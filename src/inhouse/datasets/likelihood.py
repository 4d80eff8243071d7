"""How likely the base model finds the rows: the filter that looks at what a model knows and cannot know.

The measure is bits per byte of what a row teaches, given what stands before it: perplexity on a scale that
does not hang on the tokenizer. Rows are compared with rows of their own kind, because a short answer and a
whole file are no more alike than two languages, and the window is given in shares of them, as in CCNet
(Wenzek et al. 2020, https://arxiv.org/abs/1911.00359) and Marion et al. 2023
(https://arxiv.org/abs/2309.04564): bounds in bits would have to be found anew for each model and repository.

A kind is judged by the first rows that it offers, which are its best: together 30,000 tokens, or a little
more than are trained on where these are fewer. Where the model runs on a GPU, later rows are scored too, by
the bounds that the first ones gave; on a CPU they stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inhouse.config import Settings
    from inhouse.datasets.builders.contract import Builder
    from inhouse.engines.base import TokenScores
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

    Score = Callable[[Sequence[Example]], list[float]]

__all__ = ["LEAST", "MOST", "SAMPLE_TOKENS", "Likelihood", "Rated", "bits_per_byte", "scored_on"]

SAMPLE_TOKENS = 30_000
"""Tokens of the rows by which the kinds are judged."""

LEAST = "among the least likely of its kind for the base model"
MOST = "among the most likely of its kind for the base model"

_SPARE = 1.1  # tokens of the sample, in those that are trained on: what is dropped is made up for
_TOGETHER = 64  # rows that are scored at a time, beyond the sample
_SHOWN = 5  # rows of each end and kind
_DIGITS = 3  # of bits per byte: rounding in the last bits of a float must not decide about a row
_EXCERPT = 160  # characters


@dataclass(frozen=True, slots=True)
class Rated:
    """A row with its bits per byte, and why it was dropped, or ""."""

    row: Example
    bits: float
    reason: str


@dataclass(slots=True)
class _Kind:
    """The rows of one kind that were scored; of the rows themselves only the ends are kept."""

    rows_scored: int = 0
    rows_not_scored: int = 0
    tokens_scored: int = 0
    low: float = 0.0  # fewer bits per byte: dropped
    high: float = math.inf  # more: dropped
    least: list[Rated] = field(default_factory=list)  # the fewest bits per byte last
    most: list[Rated] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=lambda: {LEAST: 0, MOST: 0})


class Likelihood:
    """Drops the rows outside the window. Without a window it lets all pass, and loads no model."""

    def __init__(
        self,
        window: Sequence[float] | None,
        tokenizer: Tokenizer,
        score: Score,
        *,
        sample: int = SAMPLE_TOKENS,
        scores_all: bool = False,
    ) -> None:
        self._window = window
        self._tokenizer = tokenizer
        self._score = score
        self._sample = sample
        self._scores_all = scores_all
        self._kinds: dict[str, _Kind] = {}

    @classmethod
    def of(cls, settings: Settings, tokenizer: Tokenizer) -> Likelihood:
        """Return the one that settings ask for; the base model is loaded when the first row is scored."""
        window = settings.dataset.filters.perplexity_window
        if window is None:
            return cls(None, tokenizer, lambda _rows: [])
        sample = min(SAMPLE_TOKENS, int(_SPARE * settings.training_tokens))
        return cls(window, tokenizer, _Model(settings.model, tokenizer), sample=sample, scores_all=_on_gpu())

    def within(self, builder: Builder, rows: Iterable[Example], share: float) -> Iterator[Example]:
        """Yield the rows of a builder inside the window; `share` of the sample's tokens are theirs."""
        if self._window is None:
            yield from rows
            return
        kind = self._kinds.setdefault(builder.kind, _Kind())
        sample, waiting = _first(rows, int(self._sample * share))
        builder.tally.tokens_waiting += sum(len(row.input_ids) for row in sample)
        bits = self._scores(sample, kind)
        kind.low, kind.high = _bounds(bits, self._window)
        yield from self._kept(builder, kind, sample, bits)
        if self._scores_all:
            while batch := list(islice(waiting, _TOGETHER)):
                builder.tally.tokens_waiting += sum(len(row.input_ids) for row in batch)
                yield from self._kept(builder, kind, batch, self._scores(batch, kind))
        for row in waiting:
            kind.rows_not_scored += 1
            yield row

    def account(self) -> dict[str, Any]:
        """Return what was scored and dropped, by kind, and the rows at the ends; nothing without a window."""
        if self._window is None:
            return {}
        return {
            "perplexity": {
                "unit": "bits per byte of what a row teaches",
                "window": list(self._window),
                "kinds": {name: _kind_account(kind) for name, kind in self._kinds.items()},
                "least_likely": [_line(rated, self._tokenizer) for rated in self.extremes()[0]],
                "most_likely": [_line(rated, self._tokenizer) for rated in self.extremes()[1]],
            }
        }

    def extremes(self) -> tuple[list[Rated], list[Rated]]:
        """Return the least and the most likely rows of each kind, whether they were dropped or not."""
        kinds = self._kinds.values()
        return list(chain(*(kind.least for kind in kinds))), list(chain(*(kind.most for kind in kinds)))

    def _scores(self, rows: Sequence[Example], kind: _Kind) -> list[float]:
        bits = [round(each, _DIGITS) for each in self._score(rows)] if rows else []
        kind.rows_scored += len(rows)
        kind.tokens_scored += sum(len(row.input_ids) for row in rows)
        kind.values += bits
        return bits

    def _kept(
        self, builder: Builder, kind: _Kind, rows: Sequence[Example], bits: Sequence[float]
    ) -> Iterator[Example]:
        rated = [Rated(row, own, _reason(own, kind)) for row, own in zip(rows, bits, strict=True)]
        ordered = sorted(rated, key=lambda each: (each.bits, each.row.id))
        kind.most = sorted([*kind.most, *ordered[:_SHOWN]], key=lambda each: each.bits)[:_SHOWN]
        kind.least = sorted([*kind.least, *ordered[-_SHOWN:]], key=lambda each: -each.bits)[:_SHOWN]
        for each in rated:
            size = len(each.row.input_ids)
            builder.tally.tokens_waiting -= size
            if not each.reason:
                yield each.row
                continue
            builder.skip(each.reason)
            builder.tally.tokens_dropped += size
            kind.dropped[each.reason] += 1


def bits_per_byte(row: Example, scores: TokenScores, tokenizer: Tokenizer) -> float:
    """Return the bits that the text with loss costs, a byte; markers, which are no text, cost nothing.

    `scores` are those of everything from the first token with loss on.
    """
    start = row.trained.index(True)
    sizes = tokenizer.byte_lengths(row.input_ids[start:])
    own = [
        (size, logprob)
        for size, logprob, trained in zip(sizes, scores.logprobs, row.trained[start:], strict=True)
        if trained and size
    ]
    total = sum(size for size, _ in own)
    return -sum(logprob for _, logprob in own) / math.log(2) / total if total else 0.0


def scored_on() -> str:
    """Return where rows are scored: which of them are hangs on it."""
    return "gpu" if _on_gpu() else "cpu"


class _Model:
    """Scores rows with a base model, which is loaded once."""

    def __init__(self, reference: str, tokenizer: Tokenizer) -> None:
        self._reference = reference
        self._tokenizer = tokenizer
        self._engine: Any = None

    def __call__(self, rows: Sequence[Example]) -> list[float]:
        from inhouse.engines.base import ScoreRequest
        from inhouse.engines.torch_engine import TorchEngine
        from inhouse.models.resolve import resolve

        if self._engine is None:
            self._engine = TorchEngine(resolve(self._reference), self._tokenizer)
        cuts = [row.trained.index(True) for row in rows]
        requests = [
            ScoreRequest(row.input_ids[:cut], row.input_ids[cut:])
            for row, cut in zip(rows, cuts, strict=True)
        ]
        scores = self._engine.score(requests)
        return [bits_per_byte(row, own, self._tokenizer) for row, own in zip(rows, scores, strict=True)]


def _on_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _first(rows: Iterable[Example], tokens: int) -> tuple[list[Example], Iterator[Example]]:
    """Return the first rows, of at most so many tokens together, and all the others."""
    found: list[Example] = []
    waiting = iter(rows)
    for row in waiting:
        tokens -= len(row.input_ids)
        if tokens < 0:
            return found, chain([row], waiting)
        found.append(row)
    return found, waiting


def _bounds(bits: Sequence[float], window: Sequence[float]) -> tuple[float, float]:
    """Return the fewest and the most bits per byte that stay. Of equal ones none is dropped."""
    if not bits:
        return 0.0, math.inf
    ordered, count = sorted(bits), len(bits)
    below, above = math.floor(window[0] * count), math.floor((1 - window[1]) * count + 1e-9)
    return ordered[min(below, count - 1)], ordered[max(0, count - 1 - above)]


def _reason(bits: float, kind: _Kind) -> str:
    return MOST if bits < kind.low else LEAST if bits > kind.high else ""


def _kind_account(kind: _Kind) -> dict[str, Any]:
    ordered = sorted(kind.values)
    rows = kind.rows_scored + kind.rows_not_scored
    counts = {
        "rows_scored": kind.rows_scored,
        "rows_not_scored_and_kept": kind.rows_not_scored,
        "share_scored": round(kind.rows_scored / max(1, rows), 3),
        "tokens_scored": kind.tokens_scored,
        "dropped_most_likely": kind.dropped[MOST],
        "dropped_least_likely": kind.dropped[LEAST],
    }
    if not ordered:
        return counts
    bounds = {"stays_from": kind.low, "stays_to": kind.high}
    return (
        counts | bounds | {"lowest": ordered[0], "median": ordered[len(ordered) // 2], "highest": ordered[-1]}
    )


def _line(rated: Rated, tokenizer: Tokenizer) -> dict[str, Any]:
    row = rated.row
    taught = tokenizer.decode([id_ for id_, own in zip(row.input_ids, row.trained, strict=True) if own])
    return {
        "kind": row.kind,
        "bits_per_byte": rated.bits,
        "dropped": bool(rated.reason),
        "row": row.id[:12],
        "from": list(row.lineage),
        "text": " ".join(taught.split())[:_EXCERPT],
    }
