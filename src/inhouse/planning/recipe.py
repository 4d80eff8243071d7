"""The recipe: every value derived from the data, the model, the method and the machine, each with its reason.

The rules are those of the handbook chapter on fine-tuning that the project started from: rank, targets,
dropout, learning rate, epochs and batch by size of the dataset, by method and by task. Where they conflict,
the reason says which won. What only one method wants stands in its own declaration, which is asked here.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.planning.fit import SAFE_SHARE, needed_bytes
from inhouse.planning.method import follow_method
from inhouse.planning.shapes import Shape
from inhouse.records import Recipe
from inhouse.training.method import UNUSED, find_method

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inhouse.config import Training
    from inhouse.planning.hardware import Hardware

__all__ = ["Material", "derive", "derive_objective", "largest_rank"]

_SMALL, _LARGE = 1_000, 10_000  # examples
_STEPS = 30  # wanted at least: fewer steps than this hardly move the weights
_MANY_STEPS = 300
_VALIDATIONS = 4
_BIG_MODEL = 10 * 10**9  # weights
_WHOLE = ("full", "partial")  # methods that change the weights themselves
_FORGETTING_BOUND = 0.02  # of the loss on general code
_SET = "set by you"


class Material(NamedTuple):
    """What there is to train on."""

    examples: int
    tokens: int  # of the training split
    row_length: int  # tokens, that the dataset was made for
    validation: bool  # is there a validation split?
    budget: int  # tokens that may be trained
    conversations: int = 0  # of the examples, those that are a question with its answer


class _Sized(NamedTuple):
    """What the size of the dataset decides."""

    rank: int
    epochs: int  # at most
    rows: int  # in one optimizer step, at most
    why_rank: str
    why_epochs: str


Reasons = dict[str, str]


def derive(
    material: Material,
    rows_of: Callable[[int], int],
    config: Mapping[str, Any],
    hardware: Hardware,
    wished: Training,
    seed: int,
) -> tuple[Recipe, Reasons]:
    """Return the recipe and a reason for each of its fields.

    `rows_of(length)` tells how many packed rows of a length the training split fills; `wished` holds what the
    settings fix. Where low-rank adaptation does not fit into the machine even with all that can be saved, and
    no method was set, the base is quantized.
    """
    recipe, reasons = _derive(wished.method or "lora", material, rows_of, config, hardware, wished, seed)
    if wished.method is None and not wished.quantization and not _fits(recipe, config, hardware):
        smaller, why = _derive("qlora", material, rows_of, config, hardware, wished, seed)
        if needed_bytes(config, smaller) < needed_bytes(config, recipe):
            return smaller, why | {
                "method": "low-rank adaptation would not fit into memory: the base in four bits"
            }
    return recipe, reasons


def derive_objective(material: Material, wished: Training) -> tuple[str, str]:
    """Return what is trained on, and why."""
    if wished.objective is not None:
        return wished.objective, _SET
    if not material.conversations:
        return "text", "the dataset holds documents only: continued pre-training"
    if material.conversations == material.examples:
        return "instructions", "the dataset holds questions with answers only"
    return "mixed", "documents and questions with answers, in one random order"


def _derive(
    method: str,
    material: Material,
    rows_of: Callable[[int], int],
    config: Mapping[str, Any],
    hardware: Hardware,
    wished: Training,
    seed: int,
) -> tuple[Recipe, Reasons]:
    sized = _by_size(material)
    quantized = method == "qlora" or bool(wished.quantization)
    length = wished.sequence_length or material.row_length
    epochs = wished.epochs or _epochs(material, sized, method)
    rows = max(1, math.ceil(rows_of(length) * epochs))
    in_a_step = _rows_in_a_step(rows, length, sized, wished)
    steps = math.ceil(rows / in_a_step)
    rank = wished.rank or min(
        max(sized.rank, 32) if quantized else sized.rank, largest_rank(config, method, wished.targets or ())
    )
    recipe = Recipe(
        method=method,
        rank=rank,
        alpha=wished.alpha or 2 * rank,
        targets=wished.targets or tuple(Shape.of(config).targets),
        dropout=_dropout(material, epochs) if wished.dropout is None else wished.dropout,
        learning_rate=wished.learning_rate or 3e-4,
        schedule="cosine",
        warmup_share=_warmup(steps, method),
        weight_decay=0.0,
        epochs=float(epochs),
        sequence_length=length,
        rows=in_a_step if hardware.gpu else 1,
        accumulation=1 if hardware.gpu else in_a_step,
        max_steps=steps,
        validate_every=max(1, math.ceil(steps / max(_VALIDATIONS, math.ceil(epochs)))),
        patience=2 if material.validation else 0,
        precision="bfloat16" if hardware.gpu else "float32",
        checkpointing=False,
        seed=seed,
        objective=derive_objective(material, wished)[0],
        prompt_loss_weight=_prompt_loss(material, wished),
        forgetting_bound=_forgetting_bound(material, wished),
    )
    reasons = _reasons(recipe, material, sized, hardware, wished)
    recipe, by_method = follow_method(recipe, config, hardware, wished)
    recipe, by_size = _for_model(recipe, config, wished)
    recipe = _fitted(recipe, config, hardware)
    reasons |= {"checkpointing": _why_checkpointing(recipe)} | by_method | by_size
    return recipe, reasons | _said(recipe, wished)


def _by_size(material: Material) -> _Sized:
    examples = material.examples
    if examples < _SMALL:
        why = (
            f"{examples} examples would ask for 4 to 8, code generation for 16 to 64; on a real library 16 "
            "gained over the base from 40,000 tokens without overfitting, so code wins"
        )
        return _Sized(16, 10, 16, why, "10 to 20 are usual for a small dataset, and validation stops before")
    if examples <= _LARGE:
        why = f"{examples} examples: 16 to 32 for a medium dataset, the upper end for code"
        return _Sized(
            32, 5, 16, why, "5 to 10 are usual for a medium dataset; past 5 validation loss tends to rise"
        )
    why = f"{examples} examples: 32 to 64 for a large dataset, the upper end for code"
    return _Sized(64, 3, 32, why, "a large dataset needs few passes")


def largest_rank(config: Mapping[str, Any], method: str, names: Sequence[str] = ()) -> int:
    """Return the largest rank that targets (all where none is named) carry; AdaLoRA begins with 1.5 times."""
    targets = Shape.of(config).targets
    sides = [min(targets[name]) for name in names or targets if name in targets]
    return max(1, int(min(sides, default=1) / (1.5 if method == "adalora" else 1)))


def _most_epochs(material: Material, sized: _Sized, method: str) -> int:
    return 3 if method in _WHOLE or not material.validation else sized.epochs


def _epochs(material: Material, sized: _Sized, method: str) -> float:
    """Return how often the data fit into the budget, at least once."""
    most = _most_epochs(material, sized, method)
    return float(min(most, max(1, material.budget // max(1, material.tokens))))


def _dropout(material: Material, epochs: float) -> float:
    return 0.1 if material.examples < _SMALL and epochs > 1 else 0.05


def _warmup(steps: int, method: str) -> float:
    if steps <= _MANY_STEPS:
        return 0.1
    return 0.03 if method in _WHOLE else 0.05


def _prompt_loss(material: Material, wished: Training) -> float:
    if wished.prompt_loss_weight is not None:
        return wished.prompt_loss_weight
    return 0.1 if material.conversations else 0.0


def _forgetting_bound(material: Material, wished: Training) -> float:
    if not material.validation:
        return 0.0
    return _FORGETTING_BOUND if wished.forgetting_bound is None else wished.forgetting_bound


def _rows_in_a_step(rows: int, length: int, sized: _Sized, wished: Training) -> int:
    if wished.batch_tokens:
        return max(1, wished.batch_tokens // length)
    return min(sized.rows, max(1, rows // _STEPS))


def _fixed(wished: Training) -> frozenset[str]:
    """Return the fields of the recipe that the user has set."""
    return frozenset(name for name in type(wished).model_fields if getattr(wished, name) is not None)


def _for_model(recipe: Recipe, config: Mapping[str, Any], wished: Training) -> tuple[Recipe, Reasons]:
    """Return the recipe with what the size of the model decides, and the reasons."""
    if not recipe.quantization or wished.learning_rate or Shape.of(config).weights <= _BIG_MODEL:
        return recipe, {}
    why = "above ten billion weights, quantized: lower, for stability"
    return replace(recipe, learning_rate=1e-4), {"learning_rate": why}


def _fitted(recipe: Recipe, config: Mapping[str, Any], hardware: Hardware) -> Recipe:
    """Return the recipe with activations recomputed, then with fewer rows at once, until it fits."""
    recomputes = find_method(recipe.method).recomputes
    while not _fits(recipe, config, hardware):
        if recomputes and not recipe.checkpointing:
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
    return needed_bytes(config, recipe) <= SAFE_SHARE * hardware.training_memory


def _reasons(
    recipe: Recipe, material: Material, sized: _Sized, hardware: Hardware, wished: Training
) -> Reasons:
    in_a_step = recipe.rows * recipe.accumulation
    place = hardware.gpu or f"{hardware.cores} cores without a GPU"
    validations = max(_VALIDATIONS, math.ceil(recipe.epochs))
    return {
        "rank": _why_rank(recipe, sized),
        "alpha": "twice the rank keeps the scale of the update at 2 whatever the rank",
        "targets": "attention and feed-forward: generating code needs both",
        "dropout": _why_dropout(recipe),
        "learning_rate": "the standard for low-rank updates, about ten times that of full training",
        "schedule": "cosine: most of the steps near the peak, and a gentle end",
        "warmup_share": _why_warmup(recipe),
        "weight_decay": "none: the low rank is the regularisation",
        "epochs": _why_epochs(recipe, material, sized),
        "sequence_length": "the length that the dataset was cut for: functions with their context",
        "rows": f"rows in one forward pass, for {place}",
        "accumulation": f"{in_a_step} rows of up to {recipe.sequence_length} tokens make one step: "
        f"as many as leave about {_STEPS} steps, at most {sized.rows}",
        "max_steps": f"{material.tokens:,} tokens packed into rows, {recipe.epochs:g} time(s)",
        "validate_every": f"about {validations} validations in all, each also a checkpoint",
        "patience": "stop after two validations without a better one"
        if recipe.patience
        else "there is no validation split, so training cannot stop early",
        "precision": "float32 on a CPU: bfloat16 is slower there"
        if recipe.precision == "float32"
        else "bfloat16 weights on a GPU, the adapter in float32",
        "seed": "from the settings",
        "objective": derive_objective(material, wished)[1],
        "prompt_loss_weight": "a tenth of the answer's: questions are code of the repository too"
        if material.conversations
        else "there are no questions",
        "forgetting_bound": "training stops when general code has become this much less likely than with the "
        "base: twice what a release may lose, because the sample is small"
        if recipe.forgetting_bound
        else "there is no validation split, so general code is not watched either",
    }


def _why_rank(recipe: Recipe, sized: _Sized) -> str:
    if recipe.rank < sized.rank:
        return f"{recipe.rank}, the smallest side of a target layer; the dataset would carry {sized.rank}"
    if recipe.rank > sized.rank:
        return f"{sized.why_rank}; at least 32 makes up for the quantized base"
    return sized.why_rank


def _why_dropout(recipe: Recipe) -> str:
    if recipe.dropout == 0.1:
        return "more regularisation: a small dataset, seen more than once"
    return "light regularisation, the usual value for code"


def _why_warmup(recipe: Recipe) -> str:
    steps = f"{recipe.max_steps} steps"
    usual = "3 to 10%" if recipe.method in _WHOLE else "5 to 10%"
    end = "upper" if recipe.max_steps <= _MANY_STEPS else "lower"
    return f"{usual} of the steps are usual; the {end} end for {steps}"


def _why_epochs(recipe: Recipe, material: Material, sized: _Sized) -> str:
    if recipe.epochs == 1:
        return f"one pass: {material.tokens:,} tokens fill the budget of {material.budget:,}"
    fits = f"{material.tokens:,} tokens go {recipe.epochs:g} times into the budget of {material.budget:,}"
    most = _most_epochs(material, sized, recipe.method)
    if recipe.epochs < most:
        return fits
    why = sized.why_epochs if most == sized.epochs else "3 at most without validation, or for full training"
    return f"{material.tokens:,} tokens, {most} passes at most: {why}"


def _why_checkpointing(recipe: Recipe) -> str:
    if recipe.checkpointing:
        return "activations are recomputed: they would not fit otherwise"
    return "activations fit into memory, so none is computed twice"


def _said(recipe: Recipe, wished: Training) -> Reasons:
    """Return the reasons of what the user has set and the method uses."""
    unused = frozenset(UNUSED) - find_method(recipe.method).uses
    said = {name: _SET for name in _fixed(wished) - unused if hasattr(recipe, name) and name != "method"}
    if wished.optimizer not in (None, recipe.optimizer):
        del said["optimizer"]
    return said | ({"accumulation": _SET} if wished.batch_tokens else {})
