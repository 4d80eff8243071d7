"""Every training method for a few steps on a real base model: what it trains, costs and learns.

python benchmarks/bench_methods.py [METHOD ...] [--tokens N] [--model M] [--threads N] [--folder DIR]

(default: all methods, 2,048 tokens, the embedded model, 1 thread, the standard library.) Each method runs in
a process of its own with its own default recipe, on the same rows of code in the same order; LoRA is the peer
that seconds are compared with. Memory is the peak of the process above what it held before the base was
loaded. The engine loads the adapter at the end, which proves that it fits and changes the answers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sysconfig
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

ROW = 256
ROWS_IN_A_STEP = 1
COLUMNS = (
    "method",
    "trained",
    "seconds",
    "against LoRA",
    "memory",
    "first loss",
    "last loss",
    "adapter",
    "change",
)


def main() -> None:
    from inhouse.training.method import known_methods

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--tokens", type=int, default=2_048)
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--threads", type=int, default=1, help="more than one only on an idle machine")
    parser.add_argument("--folder", type=Path, default=Path(sysconfig.get_path("stdlib")))
    given = parser.parse_args()
    unknown = set(given.methods) - set(known_methods())
    if unknown:
        parser.error(f"no such method: {', '.join(sorted(unknown))}")
    names = given.methods or list(known_methods())
    if "lora" in names:
        names = ["lora", *(name for name in names if name != "lora")]
    print(f"{given.model}, {given.tokens} tokens in rows of {ROW}, {given.threads} thread(s)\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    peer = 0.0
    for name in names:
        result = apart(name, given)
        peer = result.get("seconds", 0.0) if name == "lora" else peer
        print(row(name, result, peer), flush=True)


def apart(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Return what `measure` gives in a new process: its peak of memory is that of the method alone."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(sending, name, given))
    process.start()
    sending.close()
    try:
        result: dict[str, Any] = receiving.recv()
    except EOFError:
        result = {"refused": "the process was killed"}
    process.join()
    return result


def child(sending: Any, name: str, given: argparse.Namespace) -> None:
    from inhouse.errors import UserMistake

    try:
        sending.send(measure(name, given))
    except UserMistake as mistake:
        sending.send({"refused": str(mistake)})
    except Exception:
        sending.send({"refused": traceback.format_exc(limit=-1).strip().splitlines()[-1]})


def measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Train by one method and load the adapter again."""
    import torch
    from safetensors.torch import load_file

    from inhouse.engines.torch_engine import TorchEngine
    from inhouse.models.resolve import resolve
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Example
    from inhouse.shards import write_records
    from inhouse.training.trainer import train
    from inhouse.workspace import MEASURED

    torch.set_num_threads(given.threads)
    model = resolve(given.model)
    tokenizer = Tokenizer.load(model.folder)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = examples(given.folder, tokenizer, max(2, given.tokens // ROW))
        write_records(folder / "examples.parquet", rows, Example)
        (folder / "out").mkdir()
        train(model, tokenizer, folder, recipe_of(name, model, len(rows)), folder / "out", Progress.silent())
        measured = json.loads((folder / "out" / MEASURED).read_text())
        losses = [step["loss"] for step in json.loads((folder / "out" / "history.json").read_text())["steps"]]
        adapter = folder / "out" / "adapter"
        weights = load_file(adapter / "adapter_model.safetensors")
        change = TorchEngine(model, tokenizer, device="cpu").load_adapter(name, adapter).largest_change
        return {
            "trained": sum(tensor.numel() for tensor in weights.values()),
            "seconds": measured["training_seconds"],
            "memory": measured["memory_bytes"],
            "first": losses[0],
            "last": losses[-1],
            "adapter": (adapter / "adapter_model.safetensors").stat().st_size,
            "change": change,
        }


def recipe_of(name: str, model: Any, rows: int) -> Any:
    """Return the method's default recipe; every step is one row."""
    from inhouse.config import Training
    from inhouse.planning.hardware import probe
    from inhouse.planning.method import follow_method
    from recipes import plain_recipe

    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    plain = plain_recipe(rows, warmup_share=0.1, sequence_length=ROW, accumulation=ROWS_IN_A_STEP)
    return replace(follow_method(plain, config, probe(), Training(method=name))[0], method=name)


def examples(folder: Path, tokenizer: Any, rows: int) -> list[Any]:
    """Return pieces of code, each one row long."""
    from inhouse.records import Example

    ids: list[int] = []
    for path in sorted(folder.rglob("*.py")):
        if len(ids) < ROW * rows and "site-packages" not in path.parts:
            ids += tokenizer.encode(path.read_text(encoding="utf-8", errors="replace")[:8_000])
    pieces = [tuple(ids[start : start + ROW]) for start in range(0, ROW * rows, ROW)]
    return [
        Example(f"{number}", "continuation", "train", "", piece, (True,) * len(piece), (), 1.0)
        for number, piece in enumerate(pieces)
    ]


def row(name: str, result: dict[str, Any], peer: float) -> str:
    if "refused" in result:
        return f"| {name} | refused: {result['refused']} |" + " |" * (len(COLUMNS) - 2)
    against = f"{result['seconds'] / peer:.2f}" if peer else ""
    memory = f"{result['memory'] / 1e6:,.0f} MB" if result["memory"] else ""
    cells = (
        name,
        f"{result['trained']:,}",
        f"{result['seconds']:.1f}",
        against,
        memory,
        f"{result['first']:.4f}",
        f"{result['last']:.4f}",
        f"{result['adapter'] / 1e6:,.2f} MB",
        f"{result['change']:.2f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
