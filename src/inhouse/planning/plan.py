"""The plan stage: a frozen recipe with its reasons, and the estimate of what it will cost here.

recipe.json      enters the fingerprint of the training
reasons.json     a sentence for every value
measured.json    the estimate and the machine that it is for: not part of the digest
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.planning.fit import require_fit
from inhouse.planning.hardware import matmul_rate, probe
from inhouse.planning.memory import estimate
from inhouse.planning.recipe import Material, derive, derive_objective
from inhouse.shards import write_json
from inhouse.training.data import TrainingData, read_splits
from inhouse.training.method import find_method, known_methods
from inhouse.training.objectives import is_conversation, phases
from inhouse.training.packing import pack_phases
from inhouse.workspace import MEASURED

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.datasets.spill import Rows
    from inhouse.models.resolve import BaseModel
    from inhouse.progress import Progress
    from inhouse.records import Recipe

__all__ = ["write_plan"]


def write_plan(model: BaseModel, dataset: Path, settings: Settings, folder: Path, progress: Progress) -> None:
    """Derive the recipe for a dataset and this machine, print every choice, and write the files above.

    Raises UserMistake for a training that cannot fit into memory, with settings that would.
    """
    hardware = probe()
    material, parts = _material(dataset, settings)

    @cache
    def rows_of(length: int) -> int:
        return len(pack_phases(parts, length)[0].rows)

    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    recipe, reasons = derive(material, rows_of, config, hardware, settings.training, settings.seed)
    recipe, reasons = _with_new_tokens(recipe, reasons, dataset)
    if "memory" not in settings.training.allow:
        require_fit(config, recipe, hardware.training_memory)
    data = TrainingData.read(dataset, recipe, pad=0)
    rate = matmul_rate(hardware.device)
    validated = data.validations * data.validation_tokens
    cost = estimate(config, recipe, trained=data.tokens, validated=validated, rate=rate)
    write_json(folder / "recipe.json", asdict(recipe))
    write_json(folder / "reasons.json", reasons)
    measured = {"training": cost.as_json(), "hardware": asdict(hardware), "operations_per_second": rate}
    write_json(folder / MEASURED, measured)
    for name, value in asdict(recipe).items():
        progress.say(f"recipe {name} = {value}: {reasons[name]}")
    progress.say(
        f"estimate: {cost.total / 1e9:.1f} GB and {cost.seconds:,.0f} s for {data.tokens:,} trained tokens"
    )


def _material(dataset: Path, settings: Settings) -> tuple[Material, list[Rows]]:
    """Return what there is to train on, and the examples of each phase."""
    every, validation = read_splits(dataset)
    whole = Material(
        examples=len(every),
        tokens=every.tokens,
        row_length=_row_length(dataset),
        validation=bool(validation),
        budget=int(_account(dataset)["tokens_allowed"]),
        conversations=len(every.of_kinds(is_conversation)),
    )
    parts = phases(every, derive_objective(whole, settings.training)[0])
    material = whole._replace(
        examples=sum(map(len, parts)),
        tokens=sum(part.tokens for part in parts),
        conversations=sum(len(part.of_kinds(is_conversation)) for part in parts),
    )
    return material, parts


def _with_new_tokens(recipe: Recipe, reasons: dict[str, str], dataset: Path) -> tuple[Recipe, dict[str, str]]:
    """Return the recipe with the tokens to which the dataset gave a meaning."""
    tokens = tuple(_account(dataset).get("infill", {}).get("new_tokens", ()))
    if not tokens:
        return recipe, reasons
    able = [name for name in known_methods() if "new_tokens" in find_method(name).uses]
    if recipe.method not in able:
        raise UserMistake(
            f"tokens with a new meaning are trained by the methods {', '.join(able)}",
            f"dataset.infill_tokens is on and the method is {recipe.method}",
            "change training.method, or leave dataset.infill_tokens out",
        )
    why = "spare tokens that stand around gaps now, because dataset.infill_tokens is on"
    return replace(recipe, new_tokens=tokens), reasons | {"new_tokens": why}


def _row_length(dataset: Path) -> int:
    return int(_account(dataset)["row_length"])


def _account(dataset: Path) -> dict[str, Any]:
    account: dict[str, Any] = json.loads((dataset / "accounting.json").read_text(encoding="utf-8"))
    return account
