"""IA3, Liu et al. 2022, https://arxiv.org/abs/2205.05638: a factor for each key, value, inner activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.training.layers import check_names, is_feed_forward, linear_sizes
from inhouse.training.method import Choice, Method
from inhouse.training.tuned import PeftTuned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices


def _prepare(base: PreTrainedModel, recipe: Recipe, _steps: int) -> PeftTuned:
    from peft import IA3Config, get_peft_model

    check_names(recipe.targets, base, linear_sizes(base), "linear layers")
    config = IA3Config(
        target_modules=sorted(recipe.targets),
        feedforward_modules=sorted(target for target in recipe.targets if is_feed_forward(target, base)),
        task_type="CAUSAL_LM",
    )
    return PeftTuned(get_peft_model(base, config), base)


def _defaults(_config: Mapping[str, Any], _recipe: Recipe) -> Choices:
    return {
        "targets": Choice(
            ("k_proj", "v_proj", "down_proj"), "keys, values and the inner activations: its paper's"
        ),
        "learning_rate": Choice(3e-3, "that of its paper: factors begin at 1 and move little"),
    }


METHOD = Method(
    "ia3",
    "a factor for each key, value and inner activation: adapters of some kilobytes, for many at once",
    _prepare,
    frozenset({"targets"}),
    _defaults,
)
