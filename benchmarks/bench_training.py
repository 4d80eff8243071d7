"""The trainer against a plain loop: the same model, low-rank update, rows and optimizer, nothing around it.

python benchmarks/bench_training.py [FOLDER] [--steps N] [--threads N]      (default: stdlib, 3, 1)

The embedded base model is trained on rows of 256 tokens of code, two rows to a step, one at a time as on any
CPU. The peer computes its loss as transformers does, over all logits; "the product's loss" is the same plain
loop with ours. The trainer adds accumulation by weight, clipping, history, checkpoints and the export.
"""

from __future__ import annotations

import argparse
import json
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.utils import logging

from inhouse.models.resolve import BaseModel, resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.records import Example, Recipe
from inhouse.shards import write_records
from inhouse.training.adapter import prepare
from inhouse.training.data import TrainingData
from inhouse.training.losses import weighted_loss
from inhouse.training.trainer import train
from inhouse.workspace import MEASURED

ROW = 256
ROWS_IN_A_STEP = 2
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

Loss = Callable[[Any, dict[str, torch.Tensor]], torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--steps", type=int, default=3, help="optimizer steps of 512 tokens each")
    parser.add_argument("--threads", type=int, default=1, help="more than one only on an idle machine")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", module="transformers")
    model = resolve("builtin:smollm2-135m")
    tokenizer = Tokenizer.load(model.folder)
    recipe = make_recipe(given.steps)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_records(folder / "examples.parquet", examples(given.folder, tokenizer, given.steps), Example)
        data = TrainingData.read(folder, recipe, tokenizer.pad)
        tokens = sum(data.step_tokens(step) for step in range(data.steps))
        plain, plain_losses = loop(model, data, transformers_loss)
        ours, our_losses = loop(model, data, weighted_loss)
        out = folder / "out"
        out.mkdir()
        start = clocks()
        train(model, tokenizer, folder, recipe, out, Progress.silent())
        whole = clocks() - start
        stepping = tokens / json.loads((out / MEASURED).read_text())["tokens_per_second"]
        losses = [step["loss"] for step in json.loads((out / "history.json").read_text())["steps"]]
    print(f"{tokens} tokens in {data.steps} steps, {torch.get_num_threads()} thread(s)")
    print()
    print("| training | seconds | processor seconds | tokens/s | against the peer | first and last loss |")
    print("|---|---|---|---|---|---|")
    rows = [
        ("plain loop, the loss of transformers (peer)", *plain, plain_losses),
        ("plain loop, the product's loss", *ours, our_losses),
        ("inhouse, its steps", stepping, None, losses),
        ("inhouse, with loading, checkpoint and export", *whole, losses),
    ]
    for name, spent, busy, each in rows:
        processor = "" if busy is None else f"{busy:.1f}"
        speeds = f"{tokens / spent:.0f} | {plain[0] / spent:.2f}"
        print(f"| {name} | {spent:.1f} | {processor} | {speeds} | {each[0]:.4f}, {each[-1]:.4f} |")


def loop(model: BaseModel, data: TrainingData, loss_of: Loss) -> tuple[np.ndarray, list[float]]:
    """Return the `clocks` of all steps, the loading apart, and the loss of each."""
    adapted = prepare(model, data.recipe, data.steps).model
    adapted.train()
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=data.recipe.learning_rate, weight_decay=0.0)
    losses = []
    start = clocks()
    for first in range(0, len(data.order), ROWS_IN_A_STEP):
        batches = [data.batch([number]) for number in data.order[first : first + ROWS_IN_A_STEP]]
        trained = sum(batch["weights"].sum() for batch in batches)
        losses.append(0.0)
        for batch in batches:
            loss = loss_of(adapted.get_base_model(), batch) / trained
            loss.backward()
            losses[-1] += loss.item()
        optimizer.step()
        optimizer.zero_grad()
    return clocks() - start, losses


def clocks() -> np.ndarray:
    """Return the time now and the processor time spent; other work hardly changes the second."""
    return np.array([time.perf_counter(), time.process_time()])


def transformers_loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the sum of the losses of a row's tokens, all of which have weight 1."""
    inputs = {name: batch[name] for name in ("input_ids", "position_ids", "labels")}
    return model(**inputs, use_cache=False).loss * batch["weights"][:, 1:].sum()


def examples(folder: Path, tokenizer: Tokenizer, steps: int) -> list[Example]:
    """Return as many pieces of code, each one row long, as the steps need."""
    ids: list[int] = []
    for path in sorted(folder.rglob("*.py")):
        if len(ids) < ROW * ROWS_IN_A_STEP * steps and "site-packages" not in path.parts:
            ids += tokenizer.encode(path.read_text(encoding="utf-8", errors="replace")[:8_000])
    pieces = [tuple(ids[start : start + ROW]) for start in range(0, ROW * ROWS_IN_A_STEP * steps, ROW)]
    return [
        Example(f"{number}", "continuation", "train", "", piece, (True,) * len(piece), (), 1.0)
        for number, piece in enumerate(pieces)
    ]


def make_recipe(steps: int) -> Recipe:
    return Recipe(
        method="lora",
        rank=16,
        alpha=32,
        targets=TARGETS,
        dropout=0.0,
        learning_rate=3e-4,
        schedule="cosine",
        warmup_share=0.0,
        weight_decay=0.0,
        epochs=1.0,
        sequence_length=ROW,
        rows=1,
        accumulation=ROWS_IN_A_STEP,
        max_steps=steps,
        validate_every=steps,
        patience=0,
        precision="float32",
        checkpointing=False,
        seed=0,
    )


if __name__ == "__main__":
    main()
