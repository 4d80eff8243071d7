"""What fits into a memory, and which settings would where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.errors import UserMistake
from inhouse.planning.memory import estimate
from inhouse.training.method import find_method

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inhouse.records import Recipe

__all__ = ["SAFE_SHARE", "Remedy", "needed_bytes", "remedies", "require_fit"]

SAFE_SHARE = 0.7
"""Of the memory that training may fill, what a derived recipe may plan for."""

_SHORTEST = 128  # tokens of a row


class Remedy(NamedTuple):
    """A recipe that fits, what was changed, and the bytes that it takes."""

    changes: str
    recipe: Recipe
    total: int


def needed_bytes(config: Mapping[str, Any], recipe: Recipe) -> int:
    """Return the bytes at the peak of a training."""
    return estimate(config, recipe, trained=0, validated=0, rate=1.0).total


def remedies(config: Mapping[str, Any], recipe: Recipe, memory: int, most: int = 3) -> list[Remedy]:
    """Return the settings nearest to `recipe` that fit into `memory` bytes: single changes, then all at once.

    A changed method comes last: it is another training, not another way of doing the same.
    """
    found: list[Remedy] = []
    for changes, one in (*_single_changes(recipe), *_joint_changes(recipe)):
        total = needed_bytes(config, one)
        if total <= memory and not any(_is_near(one, other.recipe) for other in found):
            found.append(Remedy(changes, one, total))
    return found[:most]


def _is_near(one: Recipe, found: Recipe) -> bool:
    """Return whether two recipes differ in the length of a row only: the first found is the longest."""
    return replace(one, sequence_length=found.sequence_length) == found


def require_fit(config: Mapping[str, Any], recipe: Recipe, memory: int) -> None:
    """Raise UserMistake, with up to three settings that would fit, for a training that cannot."""
    needed = needed_bytes(config, recipe)
    if needed <= memory:
        return
    found = [f"{one.changes} ({one.total / 1e9:.1f} GB)" for one in remedies(config, recipe, memory)]
    raise UserMistake(
        f"a training must fit into memory, here {memory / 1e9:.1f} GB",
        f"{recipe.method} with {recipe.rows} x {recipe.sequence_length} tokens needs {needed / 1e9:.1f} GB",
        f"these would fit: {'; '.join(found)}"
        if found
        else "choose a smaller base model or a larger machine",
    )


def _single_changes(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    if not recipe.checkpointing and find_method(recipe.method).recomputes:
        yield "recompute activations", replace(recipe, checkpointing=True)
    if recipe.rows > 1:
        accumulated = recipe.rows * recipe.accumulation
        yield "one row at a time", replace(recipe, rows=1, accumulation=accumulated)
    if recipe.optimizer == "adamw" and recipe.precision == "bfloat16":
        yield "the optimizer paged_adamw_8bit", replace(recipe, optimizer="paged_adamw_8bit")
    length = recipe.sequence_length // 2
    while length >= _SHORTEST:
        yield f"rows of {length} tokens", replace(recipe, sequence_length=length)
        length //= 2


def _joint_changes(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    """Yield recipes that save more and more: everything but the method first."""
    lean, said = recipe, []
    for change, one in _single_changes(recipe):
        if not change.startswith("rows of"):
            changed = {
                name: getattr(one, name) for name in ("checkpointing", "rows", "accumulation", "optimizer")
            }
            lean = replace(lean, **{k: v for k, v in changed.items() if v != getattr(recipe, k)})
            said.append(change)
    quantizes = "quantization" in find_method(recipe.method).uses and not recipe.quantization
    if quantizes:
        yield "the method qlora", _quantized(recipe)
    yield ", ".join(said), lean
    if quantizes:
        yield ", ".join(["the method qlora", *said]), _quantized(lean)
    if recipe.method in ("full", "partial"):
        adapted = replace(lean, method="lora", rank=16, alpha=32, dropout=0.05, layers=0)
        yield ", ".join(["the method lora", *said]), adapted
        yield ", ".join(["the method qlora", *said]), _quantized(adapted)
    length = recipe.sequence_length // 2
    while length >= _SHORTEST:
        yield ", ".join([*said, f"rows of {length} tokens"]), replace(lean, sequence_length=length)
        length //= 2


def _quantized(recipe: Recipe) -> Recipe:
    optimizer = "paged_adamw_8bit" if recipe.precision == "bfloat16" else "adamw"
    return replace(recipe, method="qlora", quantization="nf4", optimizer=optimizer)
