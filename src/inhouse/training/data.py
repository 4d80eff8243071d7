"""What is trained on: examples, packed into rows, in an order that is fixed before the first step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from inhouse.datasets.spill import Rows, read_examples
from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.training.objectives import phases
from inhouse.training.packing import Packing, Row, collate, pack, pack_phases, schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.records import Example, Recipe

__all__ = [
    "FEWEST_VALIDATED",
    "FORWARD_SHARE",
    "VALIDATION_SHARE",
    "TrainingData",
    "examples_digest",
    "read_splits",
    "validation_steps",
]

FORWARD_SHARE = 0.4
"""Cost of scoring a token, in tokens trained: no backward pass, no dropout (measured: .35 to .39)."""

VALIDATION_SHARE = 0.25
"""Validation may cost at most this share of training, but for the fewest examples that decide anything."""

FEWEST_VALIDATED = 6
"""Examples that are validated on whatever they cost, where there are so many."""


@dataclass(frozen=True)
class TrainingData:
    """Both splits, packed. Steps are counted from 0 here."""

    train: Rows
    validation: Rows
    packing: Packing
    validation_packing: Packing
    order: list[int]  # rows of `packing` in the order of training
    recipe: Recipe
    pad: int
    general: tuple[Example, ...] = ()  # general code that must not become less likely

    @classmethod
    def read(cls, dataset: Path, recipe: Recipe, pad: int) -> TrainingData:
        """Read and pack the examples of a dataset. Raises UserMistake when none carries loss."""
        every, validation = read_splits(dataset)
        parts = phases(every, recipe.objective)
        train = reduce(Rows.__add__, parts)
        packing, counts = pack_phases(parts, recipe.sequence_length)
        if not packing.rows:
            raise UserMistake(
                "training needs at least one token that carries loss",
                f"{len(train)} training examples with none",
                "check what was removed with `inhouse status`",
            )
        order: list[int] = []
        for first, count in zip(accumulate(counts, initial=0), counts, strict=False):
            order += [first + row for row in schedule(count, recipe.epochs, recipe.seed)]
        return cls(
            train=train,
            validation=validation,
            packing=packing,
            validation_packing=pack(validation, recipe.sequence_length, apart=True),
            order=order[: recipe.max_steps * recipe.rows * recipe.accumulation],
            recipe=recipe,
            pad=pad,
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

    @cached_property
    def tokens(self) -> int:
        """Tokens of the whole training, padding apart."""
        return sum(self.step_tokens(step) for step in range(self.steps))

    @property
    def validations(self) -> int:
        """How often a training to the end validates, the base model's included."""
        return 1 + len(validation_steps(self.steps, self.recipe.validate_every))

    def batch(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the tensors of a forward pass over rows of `packing`."""
        rows = [self.packing.rows[number] for number in numbers]
        return collate(rows, self.train, self.pad, self.recipe.prompt_loss_weight)

    def first_batches(self) -> Iterator[dict[str, Any]]:
        """Yield the tensors of the rows of the first step, each by itself."""
        for number in self.order[: self._rows_per_step]:
            yield self.batch([number])

    def validation_batches(self) -> Iterator[dict[str, Any]]:
        """Yield the tensors of each validation row, always the same ones in the same order.

        Only answers carry loss here, so that validations of all objectives can be compared.
        """
        for row in self.validation_rows:
            yield collate([row], self.validation, self.pad)

    def general_batches(self) -> Iterator[dict[str, Any]]:
        """Yield the tensors of each piece of general code."""
        for row in pack(self.general, self.recipe.sequence_length, apart=True).rows:
            yield collate([row], self.general, self.pad)

    @cached_property
    def validation_rows(self) -> list[Row]:
        """What is validated on, an example in a row: all, or an even sample where all would cost too much."""
        rows = list(self.validation_packing.rows)
        if not rows:
            return []
        affordable = VALIDATION_SHARE * self.tokens / (FORWARD_SHARE * self.validations)
        chosen = rows
        while len(chosen) > FEWEST_VALIDATED and _tokens(chosen) > affordable:
            wanted = min(len(chosen) - 1, int(len(chosen) * affordable / _tokens(chosen)))
            wanted = max(FEWEST_VALIDATED, wanted)
            chosen = [rows[number * len(rows) // wanted] for number in range(wanted)]
        return chosen

    @property
    def validation_examples(self) -> list[Example]:
        """The example in each of the validation rows."""
        return [self.validation[row[0].example] for row in self.validation_rows]

    @property
    def validation_weights(self) -> list[float]:
        """The weight of all trained tokens in each of the validation rows."""
        return [float(batch["weights"].sum()) for batch in self.validation_batches()]

    @property
    def validation_tokens(self) -> int:
        """Tokens of one validation, padding apart."""
        return _tokens(self.validation_rows)

    @property
    def _rows_per_step(self) -> int:
        return self.recipe.rows * self.recipe.accumulation


def examples_digest(dataset: Path) -> str:
    """Return the digest of the examples of a dataset, as they lie on the disk."""
    return digest_json([digest_file(path) for path in sorted(dataset.glob("examples*.parquet"))])


def read_splits(dataset: Path) -> tuple[Rows, Rows]:
    """Return the training and the validation examples of a dataset, read as they are asked for."""
    return read_examples(dataset)


def validation_steps(steps: int, every: int) -> list[int]:
    """Return after how many steps a training of `steps` validates and saves: regularly, and at the end."""
    return [step for step in range(1, steps + 1) if step % every == 0 or step == steps]


def _tokens(rows: Sequence[Row]) -> int:
    return sum(segment.end - segment.start for row in rows for segment in row)
