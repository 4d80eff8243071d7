"""What `inhouse advise` says: recipes to compare methods by, and the page about machine and repository."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.config import Training
from inhouse.planning.fit import needed_bytes
from inhouse.planning.hardware import Hardware
from inhouse.planning.method import follow_method
from inhouse.planning.shapes import Shape
from inhouse.records import Recipe
from inhouse.training.method import known_methods

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["NeededHardware", "Page", "machine_page", "plain_recipe", "usable_methods"]


class NeededHardware(Enum):
    """Where a training runs; decides the precision."""

    CPU = "float32"
    GPU = "bfloat16"


class Page(NamedTuple):
    """Lines to print, and the methods that fit this machine with the bytes that they take."""

    lines: list[str]
    fitting: dict[str, int]


def usable_methods(config: Mapping[str, Any]) -> list[str]:
    """Return the methods that a model can take: one without biases has none to train."""
    return [name for name in known_methods() if name != "bitfit" or Shape.of(config).biases]


def plain_recipe(
    method: str, config: Mapping[str, Any], kind: NeededHardware, given: Mapping[str, Any]
) -> Recipe:
    """Return the recipe of a method with the values that are given and otherwise the usual ones."""
    rank = int(given.get("rank", 32))
    recipe = Recipe(
        method=method,
        rank=rank,
        alpha=2 * rank,
        targets=tuple(Shape.of(config).targets),
        dropout=0.05,
        learning_rate=3e-4,
        schedule="cosine",
        warmup_share=0.1,
        weight_decay=0.0,
        epochs=1.0,
        sequence_length=2_048,
        rows=1,
        accumulation=1,
        max_steps=1,
        validate_every=1,
        patience=0,
        precision=kind.value,
        checkpointing=False,
        seed=0,
    )
    wished = Training(method=method, rank=given.get("rank"), targets=given.get("targets"))
    machine = Hardware(1, 0, "" if kind is NeededHardware.CPU else "a GPU", 0)
    recipe = follow_method(replace(recipe, **given), config, machine, wished)[0]
    return replace(recipe, optimizer=given.get("optimizer", recipe.optimizer))


def machine_page(config_file: Path, result: Mapping[str, Any]) -> Page:
    """Return the advice for a planned training: `result` holds its recipe and its estimate."""
    config = json.loads(config_file.read_text(encoding="utf-8"))
    recipe, measured = result["recipe"], result["estimate"]
    hardware, cost = measured["hardware"], measured["training"]
    memory = hardware["gpu_memory"] if hardware["gpu"] else hardware["memory"]
    fitting = _fitting(config, recipe, memory)
    place = hardware["gpu"] or f"{hardware['cores']} cores without a GPU"
    rate = measured["operations_per_second"]
    lines = [
        f"machine   {place}, {memory / 1e9:.1f} GB; products at {rate / 1e9:,.0f} billion operations/s",
        f"fits      {', '.join(fitting) or 'no method'}",
        f"memory    {cost['total_bytes'] / 1e9:.1f} GB for the training, above what the process holds",
        f"time      {_spell(cost['seconds'])}, from that rate; validation included, loading apart",
        f"method    {recipe['method']}: {recipe['max_steps']} steps of up to "
        f"{recipe['rows'] * recipe['accumulation'] * recipe['sequence_length']:,} tokens",
        "",
    ]
    return Page(lines, fitting)


def _fitting(config: Mapping[str, Any], chosen: Mapping[str, Any], memory: int) -> dict[str, int]:
    """Return the methods that fit with the rows of the chosen recipe, recomputing if need be."""
    kind = NeededHardware(chosen["precision"])
    given = {name: chosen[name] for name in ("rows", "sequence_length")}
    found: dict[str, int] = {}
    for name in usable_methods(config):
        recipe = plain_recipe(name, config, kind, given)
        again = replace(recipe, checkpointing=known_methods()[name].recomputes)
        sizes = [needed_bytes(config, one) for one in (recipe, again)]
        fit = [size for size in sizes if size <= memory]
        if fit:
            found[name] = fit[0]
    return found


def _spell(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7_200 else f"{seconds / 3600:.1f} hours"
