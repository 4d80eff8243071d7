"""Every value has a reason, the user's word wins, and the budget is never exceeded."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.config import Training
from inhouse.planning.hardware import Hardware
from inhouse.planning.recipe import Material, derive
from inhouse.records import Recipe
from tests.planning.test_memory import LLAMA_2_7B, SMOLLM2_135M

LAPTOP = Hardware(cores=2, memory=24 * 10**9, gpu="", gpu_memory=0)


def _derive(
    material: Material, wished: Training | None = None, hardware: Hardware = LAPTOP, config: object = None
) -> tuple[Recipe, dict[str, str]]:
    def rows_of(length: int) -> int:
        return math.ceil(material.tokens / length)

    return derive(material, rows_of, config or SMOLLM2_135M, hardware, wished or Training(), 7)  # type: ignore[arg-type]


DEMO = Material(examples=80, tokens=30_000, row_length=512, validation=True, budget=30_000)


def test_every_field_has_a_reason() -> None:
    recipe, reasons = _derive(DEMO)
    assert set(reasons) == {field.name for field in fields(recipe)}
    assert all(reasons.values())


@given(st.integers(1, 200_000), st.integers(1, 100), st.sampled_from([10_000, 30_000, 1_000_000]))
def test_the_budget_is_never_exceeded(tokens: int, examples: int, budget: int) -> None:
    tokens = min(tokens, budget)  # the dataset keeps to the budget itself
    recipe, _ = _derive(Material(examples, tokens, 512, True, budget))
    assert recipe.epochs * tokens <= budget or recipe.epochs == 1.0
    assert 1.0 <= recipe.epochs <= 3.0
    assert recipe.max_steps >= 1


@pytest.mark.parametrize(("examples", "rank"), [(999, 16), (1_000, 32), (10_001, 64)])
def test_rank_follows_the_size_of_the_dataset(examples: int, rank: int) -> None:
    recipe, _ = _derive(DEMO._replace(examples=examples))
    assert (recipe.rank, recipe.alpha) == (rank, 2 * rank)


def test_what_the_user_sets_is_taken_and_said() -> None:
    wished = Training(rank=4, alpha=4, learning_rate=1e-3, batch_tokens=2_048, targets=("q_proj",))
    recipe, reasons = _derive(DEMO, wished)
    assert (recipe.rank, recipe.alpha, recipe.learning_rate, recipe.targets) == (4, 4, 1e-3, ("q_proj",))
    assert recipe.rows * recipe.accumulation == 4
    assert [reasons[name] for name in ("rank", "alpha", "learning_rate", "targets", "accumulation")] == [
        "set by you"
    ] * 5


def test_without_validation_nothing_stops_early() -> None:
    recipe, reasons = _derive(DEMO._replace(validation=False))
    assert recipe.patience == 0
    assert "no validation split" in reasons["patience"]


def test_a_model_that_does_not_fit_recomputes_activations() -> None:
    small = Hardware(cores=2, memory=40 * 10**9, gpu="", gpu_memory=0)
    large = DEMO._replace(row_length=2_048)
    assert _derive(large, config=LLAMA_2_7B, hardware=small)[0].checkpointing
    roomy = Hardware(cores=2, memory=400 * 10**9, gpu="", gpu_memory=0)
    assert not _derive(large, config=LLAMA_2_7B, hardware=roomy)[0].checkpointing


def test_a_gpu_trains_in_bfloat16_with_all_rows_of_a_step_at_once() -> None:
    gpu = Hardware(cores=16, memory=10**11, gpu="a GPU", gpu_memory=80 * 10**9)
    recipe, _ = _derive(DEMO._replace(tokens=1_000_000, budget=1_000_000), hardware=gpu)
    assert (recipe.precision, recipe.rows, recipe.accumulation) == ("bfloat16", 16, 1)
