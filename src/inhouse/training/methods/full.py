"""Full training: every linear layer; norms and embeddings stay frozen unless training.targets names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.training.changed import FINAL_RATE, WEIGHT_DECAY, change_layers, linear_targets
from inhouse.training.learning_rates import LAYER_SHARES
from inhouse.training.method import Choice, Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices
    from inhouse.training.tuned import ChangedWeights


def _prepare(base: PreTrainedModel, recipe: Recipe, _steps: int) -> ChangedWeights:
    return change_layers(base, recipe, first_block=0)


def _defaults(config: Mapping[str, Any], recipe: Recipe) -> Choices:
    return {
        "targets": Choice(
            linear_targets(config, recipe), "all linear layers; norms and embeddings stay frozen"
        ),
        "learning_rate": FINAL_RATE,
        "layer_rates": Choice(LAYER_SHARES, "embeddings 1e-6, early 2e-6, middle 1e-5, final layers 5e-5"),
        "weight_decay": WEIGHT_DECAY,
    }


METHOD = Method(
    "full",
    "all linear layers, the early ones slowly: the most capacity, memory and risk of forgetting",
    _prepare,
    frozenset({"targets"}),
    _defaults,
)
