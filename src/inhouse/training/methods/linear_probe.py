"""The output head alone, over hidden states that stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.training.method import Choice, Method
from inhouse.training.tuned import ChangedWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices


def _prepare(base: PreTrainedModel, recipe: Recipe, _steps: int) -> ChangedWeights:
    """Train the head; one that shares its weights with the embeddings gets a copy of its own first."""
    import torch

    head = base.get_output_embeddings()
    shared = head.weight is base.get_input_embeddings().weight
    if shared:
        head.weight = torch.nn.Parameter(head.weight.detach().clone())
        base.config.tie_word_embeddings = False
    path = next(path for path, module in base.named_modules() if module is head)
    return ChangedWeights(base, recipe.method, lambda name: name.startswith(f"{path}."), unties=shared)


def _defaults(_config: Mapping[str, Any], _recipe: Recipe) -> Choices:
    return {
        "learning_rate": Choice(
            1e-4, "between full training's and an adapter's: one matrix, nothing behind it"
        )
    }


METHOD = Method(
    "linear_probe",
    "the output head alone: shows what the frozen features already know; a baseline, not a product",
    _prepare,
    defaults=_defaults,
)
