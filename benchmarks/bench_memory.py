"""The memory estimate against measured peaks: the embedded model, trained by the product on a CPU.

python benchmarks/bench_memory.py [NAME ...] [--steps N] [--list] [--json]    (default: all settings, 3 steps)

Each setting runs in a process of its own: memory that one training frees is not free for the next. What is
measured is the peak of resident memory above what the process held after its imports, before the model was
loaded; the estimate is made before, from config.json and the recipe alone. Speed is not measured here.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from inhouse.records import Example, Recipe
from recipes import plain_recipe

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MODEL = "builtin:smollm2-135m"
SETTINGS: dict[str, dict[str, Any]] = {
    "lora": {},
    "lora, rank 64": {"rank": 64, "alpha": 128},
    "lora, attention": {"targets": ATTENTION},
    "lora, q and v, rank 8": {"targets": ("q_proj", "v_proj"), "rank": 8},
    "lora, no dropout": {"dropout": 0.0},
    "lora, 256 tokens": {"sequence_length": 256},
    "lora, 1,024 tokens": {"sequence_length": 1_024},
    "lora, 2 rows": {"rows": 2},
    "lora, recomputed": {"checkpointing": True},
    "lora, recomputed, 2 rows of 1,024": {"checkpointing": True, "rows": 2, "sequence_length": 1_024},
    "dora": {"method": "dora"},
    "ia3": {"method": "ia3"},
    "partial": {"method": "partial"},
    "full": {"method": "full"},
    "full, recomputed": {"method": "full", "checkpointing": True},
    "prompt": {"method": "prompt"},
    "prefix": {"method": "prefix"},
    "qlora": {"method": "qlora"},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="settings to run, as --list names them")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--list", action="store_true", help="print the names of the settings")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each setting")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the process of one setting
    given = parser.parse_args()
    if given.list:
        print("\n".join(SETTINGS))
    elif given.one:
        print(json.dumps(measure(given.one, given.steps)))
    else:
        report(given.names or list(SETTINGS), given.steps, given.json)


def report(names: list[str], steps: int, as_json: bool) -> None:
    if not as_json:
        print("| setting | estimate GB | measured GB | estimate against measured |")
        print("|---|---|---|---|")
    for name in names:
        command = [sys.executable, __file__, "--one", name, "--steps", str(steps)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {name} | | | not run: {done.stderr.strip().splitlines()[-1]} |", flush=True)
            continue
        result = json.loads(done.stdout.splitlines()[-1])
        if as_json:
            print(json.dumps({"setting": name, **result}), flush=True)
            continue
        expected, found = result["estimate"]["total_bytes"], result["measured_bytes"]
        print(
            f"| {name} | {expected / 1e9:.2f} | {found / 1e9:.2f} | {expected / found - 1:+.0%} |", flush=True
        )


def measure(name: str, steps: int) -> dict[str, Any]:
    """Return the estimate and the measured peak of one setting, in bytes."""
    from inhouse.models.resolve import resolve
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.planning.memory import estimate
    from inhouse.progress import Progress
    from inhouse.shards import write_records
    from inhouse.training.trainer import train
    from inhouse.workspace import MEASURED

    model = resolve(MODEL)
    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    recipe = make_recipe(steps, SETTINGS[name], config)
    expected = estimate(config, recipe, trained=1, validated=0, rate=1e9)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_records(folder / "examples.parquet", examples(recipe), Example)
        (folder / "out").mkdir()
        train(model, Tokenizer.load(model.folder), folder, recipe, folder / "out", Progress.silent())
        found = json.loads((folder / "out" / MEASURED).read_text(encoding="utf-8"))
    return {"estimate": expected.as_json(), "measured_bytes": found["memory_bytes"]}


def examples(recipe: Recipe) -> list[Example]:
    """Return full rows of tokens, every one of which carries loss: the most that a training can meet."""
    length = recipe.sequence_length
    ids = tuple(100 + (7 * place) % 20_000 for place in range(length))
    return [
        Example(f"{number}", "continuation", "train", "", ids, (True,) * length, (), 1.0)
        for number in range(recipe.rows * recipe.max_steps)
    ]


def make_recipe(steps: int, changes: dict[str, Any], config: dict[str, Any]) -> Recipe:
    from inhouse.config import Training
    from inhouse.planning.hardware import Hardware
    from inhouse.planning.method import follow_method

    recipe = plain_recipe(steps, dropout=0.05, learning_rate=1e-5, sequence_length=512)
    wished = Training(method=changes.get("method"), targets=changes.get("targets"), learning_rate=1e-5)
    recipe = follow_method(replace(recipe, **changes), config, Hardware(1, 0, "", 0), wished)[0]
    return replace(recipe, **changes)


if __name__ == "__main__":
    main()
