"""A short training of the files of a repository, for controls that need an adapter of known origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.formats import example
from inhouse.progress import Progress
from inhouse.records import Example, Recipe
from inhouse.shards import write_records
from inhouse.training.trainer import train
from tests.recipes import plain_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inhouse.models.resolve import BaseModel
    from inhouse.models.tokenizer import Tokenizer

ROW = 256


def tune(
    model: BaseModel,
    tokenizer: Tokenizer,
    repository: str,
    files: Mapping[str, str],
    folder: Path,
    tokens: int,
) -> Path:
    """Train on about `tokens` tokens of the files, in the order of their paths, and return the adapter."""
    dataset = folder / "dataset"
    dataset.mkdir(parents=True)
    examples = [
        example(
            "continuation",
            "train",
            tokenizer,
            (tokenizer.document(repository=repository, path=path), tokenizer.encode(text)),
            (path,),
            path,
        )
        for path, text in sorted(files.items())
    ]
    write_records(dataset / "examples.parquet", examples, Example)
    trained = folder / "trained"
    trained.mkdir()
    train(model, tokenizer, dataset, recipe(tokens // ROW), trained, Progress.silent())
    return trained / "adapter"


def recipe(steps: int) -> Recipe:
    """Return rank 8 on all linear layers, one row of 256 tokens a step."""
    return plain_recipe(
        rank=8,
        alpha=16,
        learning_rate=1e-3,
        sequence_length=ROW,
        max_steps=steps,
        validate_every=steps,
    )
