"""Training the weights of the base itself: full, and partial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.training.layers import block_number, check_names, module_names
from inhouse.training.method import Choice
from inhouse.training.tuned import ChangedWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe

__all__ = ["FINAL_RATE", "WEIGHT_DECAY", "change_layers", "linear_targets"]

FINAL_RATE = Choice(
    5e-5, "full training's, a tenth or less of a low-rank update's: the weights are known already"
)
WEIGHT_DECAY = Choice(0.1, "the usual value where weights themselves are trained")


def change_layers(base: PreTrainedModel, recipe: Recipe, first_block: int) -> ChangedWeights:
    """Train the layers that the recipe names, from a block on; what stands outside the blocks if it is named.

    Raises UserMistake for a name that the model does not have.
    """
    check_names(recipe.targets, base, module_names(base), "modules")
    named = set(recipe.targets)

    def chosen(name: str) -> bool:
        block = block_number(name)
        return name.split(".")[-2] in named and (block is None or block >= first_block)

    return ChangedWeights(base, recipe.method, chosen)


def linear_targets(config: Mapping[str, Any], recipe: Recipe) -> tuple[str, ...]:
    """Return the derived linear layers, and the output head where it is not the embeddings."""
    return recipe.targets if config.get("tie_word_embeddings", False) else (*recipe.targets, "lm_head")
