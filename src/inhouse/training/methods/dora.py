"""Weight-decomposed LoRA, Liu et al. 2024, https://arxiv.org/abs/2402.09353."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.training.low_rank import low_rank
from inhouse.training.method import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.records import Recipe
    from inhouse.training.method import Choices


def _defaults(_config: Mapping[str, Any], _recipe: Recipe) -> Choices:
    return {"learning_rate": Choice(2e-4, "that of its paper, somewhat below LoRA's")}


METHOD = low_rank(
    "dora",
    "LoRA for the direction of the weights, and a trained length beside it: better at low ranks, slower",
    defaults=_defaults,
    uses=frozenset({"quantization"}),
    use_dora=True,
)
