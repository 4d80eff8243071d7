"""What is trained on: examples, packed into rows, in an order that is fixed before the first step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.records import Example
from inhouse.shards import read_records
from inhouse.training.packing import Packing, Row, collate, pack, schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.records import Recipe

__all__ = ["FORWARD_SHARE", "VALIDATION_SHARE", "TrainingData", "read_splits", "validation_steps"]

FORWARD_SHARE = 0.4
"""Cost of scoring a token, in tokens trained: no backward pass, no dropout (measured: .35 to .39)."""

VALIDATION_SHARE = 0.25
"""Validation may cost at most this share of training."""


@dataclass(frozen=True)
class TrainingData:
    """Both splits, packed. Steps are counted from 0 here."""

    train: list[Example]
    validation: list[Example]
    packing: Packing
    validation_packing: Packing
    order: list[int]  # rows of `packing` in the order of training
    recipe: Recipe
    pad: int
    digest: str  # of the examples on disk

    @classmethod
    def read(cls, dataset: Path, recipe: Recipe, pad: int) -> TrainingData:
        """Read and pack the examples of a dataset. Raises UserMistake when none carries loss."""
        train, validation = read_splits(dataset)
        packing = pack(train, recipe.sequence_length)
        if not packing.rows:
            raise UserMistake(
                "training needs at least one token that carries loss",
                f"{len(train)} training examples with none",
                "check what was removed with `inhouse status`",
            )
        order = schedule(len(packing.rows), recipe.epochs, recipe.seed)
        return cls(
            train=train,
            validation=validation,
            packing=packing,
            validation_packing=pack(validation, recipe.sequence_length),
            order=order[: recipe.max_steps * recipe.rows * recipe.accumulation],
            recipe=recipe,
            pad=pad,
            digest=digest_json([digest_file(path) for path in sorted(dataset.glob("examples*.parquet"))]),
        )

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training; the last may see fewer rows."""
        return math.ceil(len(self.order) / self._rows_per_step)

    def step_rows(self, step: int) -> list[Row]:
        """Return the rows of one optimizer step."""
        start = step * self._rows_per_step
        return [self.packing.rows[number] for number in self.order[start : start + self._rows_per_step]]

    def step_examples(self, step: int) -> list[str]:
        """Return the ids of the examples of one optimizer step."""
        return [self.train[segment.example].id for row in self.step_rows(step) for segment in row]

    def step_tokens(self, step: int) -> int:
        """Return the tokens of one optimizer step, padding apart."""
        return _tokens(self.step_rows(step))

    def batch(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the tensors of a forward pass over rows of `packing`."""
        return collate([self.packing.rows[number] for number in numbers], self.train, self.pad)

    def validation_batches(self) -> Iterator[dict[str, Any]]:
        """Yield the tensors of the validation rows, always the same ones in the same order."""
        rows, size = self.validation_rows, self.recipe.rows
        for start in range(0, len(rows), size):
            yield collate(rows[start : start + size], self.validation, self.pad)

    @cached_property
    def validation_rows(self) -> list[Row]:
        """The rows that are validated on: all, or an even sample where all would cost too much."""
        rows = list(self.validation_packing.rows)
        if not rows:
            return []
        times = 1 + len(validation_steps(self.steps, self.recipe.validate_every))
        trained = sum(self.step_tokens(step) for step in range(self.steps))
        affordable = VALIDATION_SHARE * trained / (FORWARD_SHARE * times)
        wanted = max(1, int(affordable / (self.validation_packing.tokens / len(rows))))
        if wanted >= len(rows):
            return rows
        return [rows[number * len(rows) // wanted] for number in range(wanted)]

    @property
    def validation_tokens(self) -> int:
        """Tokens of one validation, padding apart."""
        return _tokens(self.validation_rows)

    @property
    def _rows_per_step(self) -> int:
        return self.recipe.rows * self.recipe.accumulation


def read_splits(dataset: Path) -> tuple[list[Example], list[Example]]:
    """Return the training and the validation examples of a dataset."""
    examples = list(read_records(dataset, "examples", Example))
    train, validation = ([one for one in examples if one.split == split] for split in ("train", "validation"))
    return train, validation


def validation_steps(steps: int, every: int) -> list[int]:
    """Return after how many steps a training of `steps` validates and saves: regularly, and at the end."""
    return [step for step in range(1, steps + 1) if step % every == 0 or step == steps]


def _tokens(rows: Sequence[Row]) -> int:
    return sum(segment.end - segment.start for row in rows for segment in row)
