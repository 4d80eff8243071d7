"""Partial training: the linear layers of the last blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.training.changed import FINAL_RATE, WEIGHT_DECAY, change_layers, linear_targets
from inhouse.training.method import Choice, Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices
    from inhouse.training.tuned import ChangedWeights


def _prepare(base: PreTrainedModel, recipe: Recipe, _steps: int) -> ChangedWeights:
    blocks = base.config.get_text_config().num_hidden_layers
    if not 1 <= recipe.layers <= blocks:
        raise UserMistake(
            "partial training trains some of the last blocks",
            f"{recipe.layers} of {blocks}",
            f"set training.layers to 1 to {blocks}",
        )
    return change_layers(base, recipe, first_block=blocks - recipe.layers)


def _defaults(config: Mapping[str, Any], recipe: Recipe) -> Choices:
    layers = max(1, round(int(config["num_hidden_layers"]) / 4))
    return {
        "layers": Choice(layers, "the last quarter: most of the adaptation happens there"),
        "targets": Choice(linear_targets(config, recipe), "all their linear layers; norms stay frozen"),
        "learning_rate": FINAL_RATE,
        "weight_decay": WEIGHT_DECAY,
    }


METHOD = Method(
    "partial",
    "the linear layers of the last blocks (training.layers): no backward pass through the others",
    _prepare,
    frozenset({"layers", "targets"}),
    _defaults,
)
