"""What a training method changes in a derived recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inhouse.training.method import UNUSED, find_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.config import Training
    from inhouse.planning.hardware import Hardware
    from inhouse.records import Recipe

__all__ = ["follow_method"]

_PLAIN = {
    "layers": "not used",
    "virtual_tokens": "not used",
    "quantization": "none: the frozen base keeps its precision",
    "optimizer": "AdamW, the standard",
    "rate_ratio": "both factors of the update learn at one rate",
    "layer_rates": "one learning rate for all layers",
    "new_tokens": "none: every token of the dataset means what the model knows",
    "neftune": "none: it helps answers to instructions more than code; 5 is the usual value",
}


def follow_method(
    recipe: Recipe, config: Mapping[str, Any], hardware: Hardware, wished: Training
) -> tuple[Recipe, dict[str, str]]:
    """Return the recipe as its method wants it where nothing was wished, and the reasons for what it decides.

    Raises UserMistake for a method that does not exist.
    """
    method = find_method(wished.method or recipe.method)
    given = {
        name: value for name in type(wished).model_fields if (value := getattr(wished, name)) is not None
    }
    mine = {name: value for name, value in given.items() if name in _PLAIN}
    recipe = replace(recipe, method=method.name, **mine)
    reasons = {name: why for name, why in _PLAIN.items() if name not in mine} | {"method": method.line}
    choices = {name: choice for name, choice in method.defaults(config, recipe).items() if name not in given}
    if wished.method is not None:
        reasons["method"] = f"set by you: {method.line}"
    recipe = replace(recipe, **{name: choice.value for name, choice in choices.items()})
    reasons |= {name: choice.why for name, choice in choices.items()}
    for name, nothing in UNUSED.items():
        if name not in method.uses:
            recipe = replace(recipe, **{name: nothing})
            reasons[name] = f"not used by {method.name}" + (": yours is left aside" if name in given else "")
    if recipe.optimizer != "adamw" and not hardware.gpu:
        recipe = replace(recipe, optimizer="adamw")
        reasons["optimizer"] = "AdamW with float32 moments instead of paged 8-bit AdamW, which needs a GPU"
    return recipe, reasons
