"""Exposure: how far a model has come to prefer a planted canary to other values of its form.

Carlini, Liu, Erlingsson, Kos and Song, "The Secret Sharer", USENIX Security 2019 (arXiv 1802.08232). A canary
is a sentence with a hole that a random value fills (`datasets.canaries`). Its rank is its place among values
of the same form when all are sorted by their likelihood; its exposure is

    log2(number of values) - log2(rank)        in bits

A model that never saw the canary ranks it anywhere: its exposure is 1.4 on average. One that has learnt it by
heart ranks it first, which gives the greatest exposure that this number of values can show.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.datasets.canaries import canary_value
from inhouse.engines.base import ScoreRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.datasets.canaries import Canary
    from inhouse.engines.base import Engine
    from inhouse.models.tokenizer import Tokenizer

__all__ = ["Exposure", "exposure", "measure_exposure"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """How well a model knows one canary."""

    canary: str  # digest
    rank: float  # 1 is likeliest; equally likely values share the middle of their places
    values: int
    bits: float

    @property
    def most(self) -> float:
        """The greatest exposure that this number of values can show."""
        return math.log2(self.values)


def exposure(own: float, others: Sequence[float]) -> tuple[float, float]:
    """Return (rank, exposure in bits) of a value by its log-probability and those of other values."""
    better = sum(other > own for other in others)
    rank = 1 + better + sum(other == own for other in others) / 2
    return rank, math.log2(len(others) + 1) - math.log2(rank)


def measure_exposure(
    engine: Engine,
    tokenizer: Tokenizer,
    planted: Sequence[Canary],
    adapter: str = "",
    values: int = 255,
    seed: int = 0,
) -> list[Exposure]:
    """Return the exposure of each canary among `values` others that are drawn now.

    Values are scored from the beginning of their line, so that no token is cut, given nothing before it. It
    costs about 25 tokens a value.
    """
    found = []
    for number, canary in enumerate(planted):
        drawn = random.Random(f"values {seed} {number}")  # noqa: S311
        others = {canary_value(drawn) for _ in range(values)} - {canary.value}
        own, *scores = _likelihoods(engine, tokenizer, canary, [canary.value, *sorted(others)], adapter)
        rank, bits = exposure(own, scores)
        found.append(Exposure(canary.digest, rank, len(others) + 1, bits))
    return found


def _likelihoods(
    engine: Engine, tokenizer: Tokenizer, canary: Canary, values: Sequence[str], adapter: str
) -> list[float]:
    requests = [
        ScoreRequest((), tuple(tokenizer.encode(canary.form.format(value))), adapter) for value in values
    ]
    return [math.fsum(scores.logprobs) for scores in engine.score(requests)]
