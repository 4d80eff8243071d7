"""QLoRA, Dettmers et al. 2023, https://arxiv.org/abs/2305.14314: NF4, double quantization, paged moments."""

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
        "quantization": Choice(
            "nf4", "four-bit normal floats, the scales quantized again: a quarter of bfloat16"
        ),
        "optimizer": Choice("paged_adamw_8bit", "moments in eight bits, moved out when memory runs short"),
        "learning_rate": Choice(2e-4, "that of its paper, for models up to 13 billion weights"),
    }


METHOD = low_rank(
    "qlora",
    "LoRA over a base in four bits: the least memory, slower; for models that would not fit otherwise",
    defaults=_defaults,
    uses=frozenset({"quantization"}),
)
