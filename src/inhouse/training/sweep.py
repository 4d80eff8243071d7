"""Rank and learning rate, ablated: short trainings that differ in one of them, judged on validation examples.

First the learning rates at the rank of the recipe, then the ranks at the best of those rates. All points
share one budget of tokens in equal parts, see the same rows in the same order, and validate once, at their
end. Held-out items are never read. The best of several is chosen and measured on the same examples, so its
interval against the others is a little too kind to it.

    FOLDER/points/NAME/    a training each (`training.trainer`), without its weights once all are done
    FOLDER/sweep.json      every point, the best, and its difference from the recipe as it was derived
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.evaluation.measures import plain
from inhouse.evaluation.significance import sign
from inhouse.evaluation.statistics import estimate
from inhouse.shards import write_json
from inhouse.training.data import TrainingData
from inhouse.training.guards import MIN_VALIDATION, is_blown_up
from inhouse.training.method import find_method
from inhouse.training.runs import paired_difference
from inhouse.training.trainer import Options, train

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.evaluation.statistics import Estimate
    from inhouse.models.resolve import BaseModel
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Recipe

__all__ = ["RANK_FACTORS", "RATE_FACTORS", "Grid", "sweep"]

RATE_FACTORS = (1 / 3, 3.0, 10.0)
"""Learning rates that are tried beside that of the recipe, in parts of it."""

RANK_FACTORS = (0.5, 1.0, 2.0)
"""Ranks that are tried, in those of the recipe."""

_FEWEST_STEPS = 4


@dataclass(frozen=True, slots=True)
class Grid:
    """What is tried, and how long each point trains."""

    rates: tuple[float, ...]
    ranks: tuple[int, ...]  # empty for a method without one
    tokens: int  # of all points

    @classmethod
    def around(cls, recipe: Recipe, tokens: int, largest_rank: int) -> Grid:
        """Return the points around a recipe; ranks above `largest_rank` do not exist."""
        rates = sorted(
            {recipe.learning_rate, *(_two_digits(recipe.learning_rate * by) for by in RATE_FACTORS)}
        )
        ranks = {max(1, min(largest_rank, round(recipe.rank * factor))) for factor in RANK_FACTORS}
        has_rank = "rank" in find_method(recipe.method).uses
        return cls(
            tuple(rate for rate in rates if rate < 1), tuple(sorted(ranks)) if has_rank else (), tokens
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"rates": list(self.rates), "ranks": list(self.ranks), "tokens": self.tokens}

    @property
    def points(self) -> int:
        """How many trainings there are: a rate is not trained again at the rank that it was found at."""
        return len(self.rates) + max(0, len(self.ranks) - 1)


@dataclass(frozen=True, slots=True)
class _Point:
    """A training that was done; without a history where its loss blew up."""

    recipe: Recipe
    history: dict[str, Any] | None

    @property
    def name(self) -> str:
        return f"rank {self.recipe.rank}, learning rate {self.recipe.learning_rate:g}"

    @property
    def loss(self) -> float:
        return float(self.history["validations"][-1]["loss"]) if self.history else math.inf

    def as_json(self) -> dict[str, Any]:
        """Return what is shown of a point."""
        values = {"rank": self.recipe.rank, "learning_rate": self.recipe.learning_rate, "name": self.name}
        if self.history is None:
            return {**values, "validation": None, "tokens": 0, "losses": []}
        validation, rows = self.history["validation"], self.history["validations"][-1]["rows"]
        found = estimate(rows, validation["row_weights"], validation["row_examples"])
        losses = [[step["step"], step["loss"]] for step in self.history["steps"]]
        return {
            **values,
            "loss": self.loss,
            "validation": plain(found),
            "tokens": self.history["tokens_seen"],
            "losses": losses,
        }


def sweep(
    model: BaseModel,
    tokenizer: Tokenizer,
    dataset: Path,
    recipe: Recipe,
    grid: Grid,
    folder: Path,
    progress: Progress,
) -> None:
    """Train every point of a grid into `folder`, those that are done apart, and write `sweep.json`.

    Raises UserMistake where the tokens do not suffice, or there are too few validation examples.
    """
    short = _shortened(dataset, recipe, grid, tokenizer)

    def trained(rate: float, rank: int) -> _Point:
        alpha = max(1, round(recipe.alpha * rank / recipe.rank)) if recipe.rank else recipe.alpha
        own = replace(short, learning_rate=rate, rank=rank, alpha=alpha)
        place = folder / "points" / f"rank-{rank}-rate-{rate:g}"
        place.mkdir(parents=True, exist_ok=True)
        progress.say(f"sweep: rank {rank}, learning rate {rate:g}")
        try:
            train(model, tokenizer, dataset, own, place, progress, Options())
        except UserMistake as mistake:
            if not is_blown_up(mistake):
                raise
            progress.warn(str(mistake))
            return _Point(own, None)
        return _Point(own, json.loads((place / "history.json").read_text(encoding="utf-8")))

    points = [trained(rate, recipe.rank) for rate in grid.rates]
    best = min(points, key=lambda point: point.loss)
    points += [trained(best.recipe.learning_rate, rank) for rank in grid.ranks if rank != recipe.rank]
    write_json(folder / "sweep.json", _summary(points, points[grid.rates.index(recipe.learning_rate)], grid))
    for adapter in (folder / "points").glob("*/adapter"):
        shutil.rmtree(adapter)


def _shortened(dataset: Path, recipe: Recipe, grid: Grid, tokenizer: Tokenizer) -> Recipe:
    """Return the recipe of a point: as many steps as its share of the tokens allows."""
    data = TrainingData.read(dataset, recipe, tokenizer.pad)
    if len(data.validation) < MIN_VALIDATION:
        raise UserMistake(
            f"a sweep is decided on at least {MIN_VALIDATION} validation examples",
            f"there are {len(data.validation)}",
            "give the split a longer history",
        )
    ends = list(accumulate(data.step_tokens(step) for step in range(data.steps)))
    share = grid.tokens // grid.points
    steps = sum(end <= share for end in ends)
    needed = ends[min(_FEWEST_STEPS, len(ends)) - 1] * grid.points
    if steps < min(_FEWEST_STEPS, len(ends)):
        raise UserMistake(
            f"each of the {grid.points} points of a sweep trains for at least {_FEWEST_STEPS} steps",
            f"{grid.tokens:,} tokens are too few for that",
            f"run it with --sweep-tokens {needed}",
        )
    return replace(recipe, max_steps=steps, validate_every=steps, patience=0, forgetting_bound=0.0)


def _summary(points: list[_Point], derived: _Point, grid: Grid) -> dict[str, Any]:
    best = min(points, key=lambda point: point.loss)
    if best.history is None:
        raise UserMistake(
            "at least one learning rate of a sweep must not blow up",
            f"all of {', '.join(f'{rate:g}' for rate in grid.rates)} do",
            "lower training.learning_rate",
        )
    difference = paired_difference(derived.history, best.history) if derived.history else None
    return {
        "points": [point.as_json() for point in points],
        "tokens": grid.tokens,
        "best": best.as_json() | {"losses": []},
        "derived": derived.name,
        "difference": plain(difference) if difference is not None else None,
        "sentence": _sentence(best, derived, difference),
        "base_validation": best.history["validations"][0]["loss"],
    }


def _sentence(best: _Point, derived: _Point, difference: Estimate | None) -> str:
    if best is derived:
        return f"The recipe as it was derived is best: {best.name}."
    if difference is None:
        return f"Best is {best.name}; the recipe as it was derived ({derived.name}) blew up."
    how = (
        f"{-difference.value:.4f} nats a token, 95% interval {-difference.high:.4f} to {-difference.low:.4f}"
    )
    if sign(difference) == -1:
        return f"Best is {best.name}: surely better than {derived.name}, by {how}."
    return f"Best is {best.name}, but not surely better than {derived.name}: by {how}."


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")
