"""BitFit, Ben Zaken et al. 2021, https://arxiv.org/abs/2106.10199: bias terms only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.training.method import Choice, Method
from inhouse.training.tuned import ChangedWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices


def _prepare(base: PreTrainedModel, recipe: Recipe, _steps: int) -> ChangedWeights:
    if not any(name.endswith(".bias") for name, _ in base.named_parameters()):
        raise UserMistake(
            "BitFit trains the biases of a model",
            f"this one ({base.config.model_type}) has none",
            "choose another method, such as lora or ia3",
        )
    return ChangedWeights(base, recipe.method, lambda name: name.endswith(".bias"))


def _defaults(_config: Mapping[str, Any], _recipe: Recipe) -> Choices:
    return {
        "learning_rate": Choice(
            1e-3, "its paper finds that biases bear, and want, ten times full training's and more"
        )
    }


METHOD = Method(
    "bitfit",
    "the biases only: a thousandth of the weights; models without biases (Llama, SmolLM2) have none",
    _prepare,
    defaults=_defaults,
)
