"""Examples, datasets and recipes for the tests of training."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from inhouse.config import Training
from inhouse.planning.hardware import Hardware
from inhouse.planning.method import follow_method
from inhouse.records import Example, Recipe
from inhouse.shards import write_records
from tests.recipes import plain_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inhouse.models.resolve import BaseModel

PAD = 3
VOCABULARY = 300  # the tiny model has a few more
LAPTOP = Hardware(cores=2, memory=24 * 10**9, gpu="", gpu_memory=0)


def example(name: str, ids: Sequence[int], trained: Sequence[bool] | None = None, **other: Any) -> Example:
    """Return an example; every token carries loss unless said otherwise."""
    flags = tuple(trained) if trained is not None else (True,) * len(ids)
    values = {"kind": "continuation", "split": "train", "text": "", "lineage": (), "weight": 1.0} | other
    return Example(id=name, input_ids=tuple(ids), trained=flags, **values)


def examples(count: int, seed: int = 0, split: str = "train", longest: int = 40) -> list[Example]:
    """Return examples of random length over a learnable pattern, with prompts that carry no loss."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        size, start, prompt = dice.randint(6, longest), dice.randint(0, 30), dice.randint(0, 3)
        ids = [10 + (start + 7 * place) % 31 for place in range(size)]
        flags = [place >= prompt for place in range(size)]
        made.append(example(f"{split}-{number}", ids, flags, split=split))
    return made


def write_dataset(folder: Path, *parts: Sequence[Example]) -> Path:
    """Write examples as the dataset stage does."""
    folder.mkdir(parents=True, exist_ok=True)
    write_records(folder / "examples.parquet", [row for part in parts for row in part], Example)
    return folder


def recipe(**changes: Any) -> Recipe:
    """Return a small recipe for the tiny model, dropout on."""
    small: dict[str, Any] = {
        "rank": 4,
        "alpha": 8,
        "targets": ("q_proj", "v_proj", "up_proj", "down_proj"),
        "dropout": 0.1,
        "learning_rate": 5e-3,
        "weight_decay": 0.01,
        "epochs": 2.0,
        "sequence_length": 64,
        "rows": 2,
        "accumulation": 2,
        "max_steps": 100,
        "validate_every": 3,
        "patience": 2,
        "seed": 7,
    }
    return plain_recipe(**small | changes)


def method_recipe(name: str, model: BaseModel, **changes: Any) -> Recipe:
    """Return a method's own recipe for the tiny model, with a learning rate that shows in few steps."""
    config = json.loads((model.folder / "config.json").read_text())
    wishes = {"learning_rate": 2e-2 if name in ("bitfit", "ia3", "prefix", "adalora") else 5e-3} | changes
    plain = recipe(rows=1, validate_every=4, **wishes)
    return follow_method(plain, config, LAPTOP, Training(method=name, **wishes))[0]
