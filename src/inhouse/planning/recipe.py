"""The recipe: every value derived from the data, the model and the machine, each with its reason.

The rules are those of the handbook chapter on fine-tuning that the project started from: rank, targets,
dropout and learning rate by size of the dataset and by task. Where they conflict, the reason says which won.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.planning.memory import Shape, estimate
from inhouse.records import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inhouse.config import Training
    from inhouse.planning.hardware import Hardware

__all__ = ["Material", "derive"]

_SMALL, _LARGE = 1_000, 10_000  # examples
_STEPS = 30  # wanted at least: fewer steps than this hardly move the weights
_MOST_ROWS = 16  # in one optimizer step
_MOST_EPOCHS = 3
_VALIDATIONS = 4
_SAFE_SHARE = 0.7  # of the memory that training may fill
_SET = "set by you"


class Material(NamedTuple):
    """What there is to train on."""

    examples: int
    tokens: int  # of the training split
    row_length: int  # tokens, that the dataset was made for
    validation: bool  # is there a validation split?
    budget: int  # tokens that may be trained


class _Sized(NamedTuple):
    rank: int
    dropout: float
    why_rank: str
    why_dropout: str


def derive(
    material: Material,
    rows_of: Callable[[int], int],
    config: Mapping[str, Any],
    hardware: Hardware,
    wished: Training,
    seed: int,
) -> tuple[Recipe, dict[str, str]]:
    """Return the recipe and a reason for each of its fields.

    `rows_of(length)` tells how many packed rows of a length the training split fills; `wished` holds what the
    settings fix.
    """
    shape = Shape.of(config)
    sized = _by_size(material.examples)
    length = wished.sequence_length or material.row_length
    epochs = wished.epochs or _epochs(material)
    rows = max(1, math.ceil(rows_of(length) * epochs))
    in_a_step = _rows_in_a_step(rows, length, wished)
    steps = math.ceil(rows / in_a_step)
    rank = wished.rank or sized.rank
    recipe = Recipe(
        method="lora",
        rank=rank,
        alpha=wished.alpha or 2 * rank,
        targets=wished.targets or tuple(shape.targets),
        dropout=sized.dropout if wished.dropout is None else wished.dropout,
        learning_rate=wished.learning_rate or 3e-4,
        schedule="cosine",
        warmup_share=0.1,
        weight_decay=0.0,
        epochs=float(epochs),
        sequence_length=length,
        rows=in_a_step if hardware.gpu else 1,
        accumulation=1 if hardware.gpu else in_a_step,
        max_steps=steps,
        validate_every=max(1, math.ceil(steps / _VALIDATIONS)),
        patience=2 if material.validation else 0,
        precision="bfloat16" if hardware.gpu else "float32",
        checkpointing=False,
        seed=seed,
    )
    recipe = _fitted(recipe, config, hardware)
    return recipe, _reasons(recipe, material, sized, hardware, wished)


def _by_size(examples: int) -> _Sized:
    if examples < _SMALL:
        return _Sized(
            16,
            0.05,
            f"{examples} examples would ask for 4 to 8, code generation for 16 to 64; on a real library 16 "
            "gained over the base from 40,000 tokens without overfitting, so code wins",
            "light regularisation, the usual value for code; one pass over the data cannot overfit much",
        )
    if examples <= _LARGE:
        why = f"{examples} examples: 16 to 32 for a medium dataset, the upper end for code"
        return _Sized(32, 0.05, why, "light regularisation, the usual value for code")
    return _Sized(64, 0.05, f"{examples} examples: 32 to 64 for a large dataset", "light regularisation")


def _epochs(material: Material) -> float:
    """Return how often the data fit into the budget, between one pass and three."""
    return float(min(_MOST_EPOCHS, max(1, material.budget // max(1, material.tokens))))


def _rows_in_a_step(rows: int, length: int, wished: Training) -> int:
    if wished.batch_tokens:
        return max(1, wished.batch_tokens // length)
    return min(_MOST_ROWS, max(1, rows // _STEPS))


def _fitted(recipe: Recipe, config: Mapping[str, Any], hardware: Hardware) -> Recipe:
    """Return the recipe with activations recomputed, then with fewer rows at once, until it fits."""
    while not _fits(recipe, config, hardware):
        if not recipe.checkpointing:
            recipe = replace(recipe, checkpointing=True)
        elif recipe.rows > 1:
            half = math.ceil(recipe.rows / 2)
            recipe = replace(
                recipe, rows=half, accumulation=math.ceil(recipe.rows * recipe.accumulation / half)
            )
        else:
            break
    return recipe


def _fits(recipe: Recipe, config: Mapping[str, Any], hardware: Hardware) -> bool:
    needed = estimate(config, recipe, trained=0, validated=0, rate=1.0).total
    return needed <= _SAFE_SHARE * hardware.training_memory


def _reasons(
    recipe: Recipe, material: Material, sized: _Sized, hardware: Hardware, wished: Training
) -> dict[str, str]:
    in_a_step = recipe.rows * recipe.accumulation
    place = hardware.gpu or f"{hardware.cores} cores without a GPU"
    derived = {
        "method": "low-rank adaptation: a fraction of the memory of full training; the base stays as it is",
        "rank": sized.why_rank,
        "alpha": "twice the rank keeps the scale of the update at 2 whatever the rank",
        "targets": "attention and feed-forward: generating code needs both",
        "dropout": sized.why_dropout,
        "learning_rate": "the standard for low-rank updates, ten times that of full training",
        "schedule": "cosine: most of the steps near the peak, and a gentle end",
        "warmup_share": "5 to 10% of the steps; the upper end, because there are few of them",
        "weight_decay": "none: the low rank is the regularisation",
        "epochs": _why_epochs(recipe, material),
        "sequence_length": "the length that the dataset was cut for: functions with their context",
        "rows": f"rows in one forward pass, for {place}",
        "accumulation": f"{in_a_step} rows of up to {recipe.sequence_length} tokens make one step: "
        f"as many as leave about {_STEPS} steps, at most {_MOST_ROWS}",
        "max_steps": f"{material.tokens:,} tokens packed into rows, {recipe.epochs:g} time(s)",
        "validate_every": f"{_VALIDATIONS} validations in all, each also a checkpoint",
        "patience": "stop after two validations without a better one"
        if recipe.patience
        else "there is no validation split, so training cannot stop early",
        "precision": "float32 on a CPU: bfloat16 is slower there"
        if recipe.precision == "float32"
        else "bfloat16 weights on a GPU, the adapter in float32",
        "checkpointing": "activations are recomputed: they would not fit otherwise"
        if recipe.checkpointing
        else "activations fit into memory, so none is computed twice",
        "seed": "from the settings",
    }
    set_by_user = {name: _SET for name in type(wished).model_fields if getattr(wished, name) is not None}
    if "batch_tokens" in set_by_user:
        set_by_user["accumulation"] = set_by_user.pop("batch_tokens")
    return derived | set_by_user


def _why_epochs(recipe: Recipe, material: Material) -> str:
    if recipe.epochs == 1:
        return f"one pass: {material.tokens:,} tokens fill the budget of {material.budget:,}"
    fits = f"{material.tokens:,} tokens go {recipe.epochs:g} times into the budget of {material.budget:,}"
    return f"{fits}, {_MOST_EPOCHS} times at most"
