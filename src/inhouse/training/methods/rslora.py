"""Rank-stabilised LoRA, Kalajdzievski 2023, https://arxiv.org/abs/2312.03732."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from inhouse.training.low_rank import low_rank
from inhouse.training.method import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.records import Recipe
    from inhouse.training.method import Choices


def _defaults(_config: Mapping[str, Any], recipe: Recipe) -> Choices:
    alpha = max(1, round(2 * math.sqrt(recipe.rank)))
    return {"alpha": Choice(alpha, "the update is scaled by alpha / sqrt(rank): about 2, as LoRA's")}


METHOD = low_rank(
    "rslora",
    "LoRA scaled by alpha / sqrt(rank): for ranks from 64, where LoRA's own scale starves the update",
    defaults=_defaults,
    uses=frozenset({"quantization"}),
    use_rslora=True,
)
