"""The trainer against TRL's own and against the machine: is it the same training, and how fast is it?

python benchmarks/bench_training.py [FOLDER] [--documents N] [--threads N]     (default: stdlib, 48, 1)

Three tables, all with the embedded base model, LoRA of rank 16 on all linear layers, and documents that are
the top-level definitions of the Python files of FOLDER, at most 512 tokens of each:

equal   the losses of a plain TRL script, unpacked, and ours when every row holds one document
useful  tokens of documents a second, padding and computing again apart: TRL's defaults, the same in float32,
        the same without computing activations again, and ours
limit   the products that a step cannot do without, and the rate of a product of 1,024 x 1,024 in the same run
"""

from __future__ import annotations

import argparse
import json
import random
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback, TrainerCallback
from transformers.utils import logging
from trl import SFTConfig, SFTTrainer

from datasets import Dataset, disable_progress_bars
from inhouse.languages import detect, parse
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
from recipes import LINEAR, plain_recipe

ROW = 512
EQUAL_STEPS = 5
END = "<|im_end|>"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--documents", type=int, default=48)
    parser.add_argument("--threads", type=int, default=1, help="more than one only on an idle machine")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.disable_progress_bar()
    disable_progress_bars()
    warnings.filterwarnings("ignore")
    model = resolve("builtin:smollm2-135m")
    tokenizer = Tokenizer.load(model.folder)
    found = documents(given.folder, tokenizer)
    print(f"{given.threads} thread(s), torch {torch.__version__}")
    equal(model, tokenizer, [ids for ids in found if len(ids) > ROW // 2][: 2 * EQUAL_STEPS])
    useful(model, tokenizer, found[: given.documents])
    limit(model, tokenizer, found[: given.documents])


# ---------------------------------------------------------------- the three tables


def equal(model: BaseModel, tokenizer: Tokenizer, found: list[list[int]]) -> None:
    """Print the loss of each step of both; every document fills more than half of a row."""
    recipe = plain_recipe(len(found) // 2, sequence_length=ROW, accumulation=2, validate_every=99)
    with tempfile.TemporaryDirectory() as name:
        folder = dataset(Path(name), found)
        data = TrainingData.read(folder, recipe, tokenizer.pad)
        order = [
            segment.example for row in range(data.steps) for part in data.step_rows(row) for segment in part
        ]
        ours = losses(our_training(model, tokenizer, folder, recipe)[0])
    arguments = {
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 2,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "gradient_checkpointing": False,
        "bf16": False,
        "logging_steps": 1,
        "max_length": None,
    }
    peer, _ = trl(model, [found[number] for number in order], arguments, recipe.seed)
    print("\n| step | plain TRL script | inhouse | difference |\n|---|---|---|---|")
    for step, (one, two) in enumerate(zip(peer, ours, strict=True), 1):
        print(f"| {step} | {one:.6f} | {two:.6f} | {two - one:+.1e} |")


def useful(model: BaseModel, tokenizer: Tokenizer, found: list[list[int]]) -> None:
    """Print tokens of documents a second; all read the same documents once."""
    tokens = sum(map(len, found))
    sizes = sorted(map(len, found))
    print(f"\n{len(found)} documents of {sizes[0]} to {sizes[-1]} tokens, median {sizes[len(sizes) // 2]}")
    rows = {}
    for name, arguments in (
        ("TRL's defaults", {}),
        ("TRL's defaults, float32", {"bf16": False}),
        ("TRL, float32, activations kept", {"bf16": False, "gradient_checkpointing": False}),
    ):
        rows[name] = tokens / trl(model, found, arguments, 0)[1]
    recipe = plain_recipe(10_000, sequence_length=ROW, accumulation=4, validate_every=10_000)
    with tempfile.TemporaryDirectory() as name:
        folder = dataset(Path(name), found)
        _, measured = our_training(model, tokenizer, folder, recipe)
    rows["inhouse"] = tokens / measured["training_seconds"]
    print("| training | tokens/s | inhouse is faster by |\n|---|---|---|")
    for name, rate in rows.items():
        print(f"| {name} | {rate:.0f} | {rows['inhouse'] / rate:.2f} |")


def limit(model: BaseModel, tokenizer: Tokenizer, found: list[list[int]]) -> None:
    """Print which share of the rate of a matrix product the products of training reach."""
    recipe = plain_recipe(10_000, sequence_length=ROW)
    with tempfile.TemporaryDirectory() as name:
        data = TrainingData.read(dataset(Path(name), found), recipe, tokenizer.pad)
    tuned = prepare(model, recipe, 1)
    tuned.model.train()
    shares = []
    for row in range(min(6, len(data.packing.rows))):
        batch = data.batch([row])
        before = product_rate()
        start = time.perf_counter()
        (weighted_loss(tuned.base, batch) / batch["weights"].sum()).backward()
        spent = time.perf_counter() - start
        needed = products(tuned, [one.end - one.start for one in data.packing.rows[row]])
        shares.append((needed / spent / max(before, product_rate()), needed / spent / 1e9))
    share, rate = sorted(shares[1:])[len(shares[1:]) // 2]  # the first step warms up
    print(f"\nproducts of training: {rate:.0f} GFLOP/s, {share:.2f} of a product of 1,024 x 1,024, median")


# ---------------------------------------------------------------- what they are made of


def documents(folder: Path, tokenizer: Tokenizer) -> list[list[int]]:
    """Return the first tokens of the top-level definitions of a folder, in an order of its own."""
    found = [
        tokenizer.encode(text)[:ROW]
        for path in sorted(folder.rglob("*.py"))[:400]
        if "site-packages" not in path.parts
        for text in definitions(path)
    ]
    random.Random(0).shuffle(found)
    return [ids for ids in found if len(ids) > 8]


def definitions(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines(keepends=True)
    for symbol in parse(path.name, text, detect(path.name)).symbols:
        if "." not in symbol.name:
            yield "".join(lines[symbol.start_line - 1 : symbol.end_line])


def dataset(folder: Path, found: list[list[int]]) -> Path:
    rows = [
        Example(f"{number}", "continuation", "train", "", tuple(ids), (True,) * len(ids), (), 1.0)
        for number, ids in enumerate(found)
    ]
    write_records(folder / "examples.parquet", rows, Example)
    return folder


def our_training(
    model: BaseModel, tokenizer: Tokenizer, folder: Path, recipe: Recipe
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the product writes down of a training: its history, and what it measured."""
    out = folder / "out"
    out.mkdir()
    train(model, tokenizer, folder, recipe, out, Progress.silent())
    return json.loads((out / "history.json").read_text()), json.loads((out / MEASURED).read_text())


def losses(history: dict[str, Any]) -> list[float]:
    return [step["loss"] for step in history["steps"]]


def trl(
    model: BaseModel, found: list[list[int]], arguments: dict[str, Any], seed: int
) -> tuple[list[float], float]:
    """Return the losses and the seconds of a plain TRL script, the loading apart."""
    base = AutoModelForCausalLM.from_pretrained(model.folder, dtype=torch.float32)
    torch.manual_seed(seed)
    wanted = LoraConfig(r=16, lora_alpha=32, target_modules=sorted(LINEAR), task_type="CAUSAL_LM")
    adapted = get_peft_model(base, wanted)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        given = {
            "output_dir": folder,
            "num_train_epochs": 1,
            "use_cpu": True,
            "train_sampling_strategy": "sequential",
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            "seed": seed,
        }
        trainer = SFTTrainer(
            model=adapted,
            args=SFTConfig(**given | arguments),
            train_dataset=Dataset.from_dict({"input_ids": found}),
            processing_class=PreTrainedTokenizerFast(
                tokenizer_file=str(model.folder / "tokenizer.json"), pad_token=END, eos_token=END
            ),
            callbacks=[clock],
        )
        trainer._send_telemetry = lambda: None
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry], clock.seconds


class Clock(TrainerCallback):  # type: ignore[misc]
    """Adds up the seconds of the steps."""

    def __init__(self) -> None:
        self.seconds = self.started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.started = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds += time.perf_counter() - self.started


def product_rate() -> float:
    """Return the operations a second of a product of 1,024 x 1,024, the best of three."""
    one, two = torch.randn(2, 1024, 1024)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        one @ two
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best


def products(tuned: Any, sizes: list[int]) -> float:
    """Return the operations of the products of one row with documents of these sizes.

    Two for each weight and token in the forward pass, two for the gradient of the inputs, two for that of a
    weight that is trained; attention reads half of the square of each document, three times as often.
    """
    tokens, config = sum(sizes), tuned.base.config
    linear = sum(
        (6 if weight.requires_grad else 4) * weight.numel()
        for name, weight in tuned.model.named_parameters()
        if weight.ndim == 2 and "embed" not in name
    )
    head = 4 * config.vocab_size * config.hidden_size
    attention = 3 * 4 * config.hidden_size * config.num_hidden_layers * sum(size**2 / 2 for size in sizes)
    return tokens * (linear + head) + attention


if __name__ == "__main__":
    main()
