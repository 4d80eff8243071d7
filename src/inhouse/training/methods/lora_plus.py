"""LoRA+, Hayou et al. 2024, https://arxiv.org/abs/2402.12354."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.training.low_rank import low_rank
from inhouse.training.method import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.records import Recipe
    from inhouse.training.method import Choices


def _defaults(_config: Mapping[str, Any], _recipe: Recipe) -> Choices:
    return {
        "rate_ratio": Choice(16.0, "the paper's ratio of the second factor's rate to the first's"),
        "learning_rate": Choice(7.5e-5, "of the first factor; both rates lie around LoRA's, 4 times apart"),
    }


METHOD = low_rank(
    "lora_plus",
    "LoRA whose second factor learns faster (training.rate_ratio): fewer steps to the same loss",
    defaults=_defaults,
    uses=frozenset({"quantization"}),
)
