"""Builds and trains a dataset in a process of its own, and tells how much memory that took.

python -m tests.datasets.bounded build HISTORY CORPUS TOKENIZER TOKENS EPOCHS FOLDER
python -m tests.datasets.bounded train MODEL DATASET FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress

LENGTH = 256


def peak() -> int:
    """Return the largest resident size of this program so far, in bytes (`getrusage` counts its parent)."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def build(history: str, corpus: str, tokenizer: str, tokens: str, epochs: str, folder: str) -> int:
    """Build a dataset, after a small one that loads what has to be loaded; return the growth."""
    from inhouse.datasets.build import write_dataset
    from tests.datasets.project import make_settings

    words = Tokenizer.load(Path(tokenizer))
    grown = []
    for name, budget, passes in (("small", 20_000, 1.0), ("large", int(tokens), float(epochs))):
        wanted = {"tokens": budget, "epochs": {"continuation": passes}, "review_share": 0.0}
        settings = make_settings(dataset=wanted, training={"sequence_length": LENGTH})
        out = Path(folder) / name
        out.mkdir()
        before = peak()
        one = settings.model_copy(update={"workers": 1})
        write_dataset(Path(history), Path(corpus), words, "shop", one, out, Progress.silent())
        grown.append(peak() - before)
    return grown[-1]


def train(model: str, dataset: str, folder: str) -> int:
    """Train a few steps on it, after a training on next to nothing that loads what has to be loaded."""
    import torch

    from inhouse.models.resolve import resolve
    from inhouse.training.trainer import train
    from tests.training.material import examples, recipe, write_dataset

    torch.set_num_threads(1)
    base = resolve(model)
    words = Tokenizer.load(base.folder)
    wanted = recipe(sequence_length=LENGTH, max_steps=2, validate_every=2)
    small = write_dataset(Path(folder) / "small", examples(20, longest=LENGTH), examples(8, 1, "validation"))
    grown = []
    for data, out in ((small, Path(folder) / "first"), (Path(dataset), Path(folder) / "second")):
        out.mkdir()
        before = peak()
        train(base, words, data, wanted, out, Progress.silent())
        grown.append(peak() - before)
    return grown[-1]


if __name__ == "__main__":
    print(json.dumps({"growth": {"build": build, "train": train}[sys.argv[1]](*sys.argv[2:])}))
