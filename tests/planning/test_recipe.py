"""Every value has a reason, the user's word wins, and the budget is never exceeded."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.config import Training
from inhouse.planning.hardware import Hardware
from inhouse.planning.recipe import Material, derive, largest_rank
from inhouse.planning.shapes import PUBLIC_SHAPES
from inhouse.records import Recipe
from inhouse.training.method import known_methods
from tests.planning.settings import LLAMA_2_7B, SMOLLM2_135M

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
    assert 1.0 <= recipe.epochs <= 10.0
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


@pytest.mark.parametrize(
    ("examples", "validation", "method", "epochs"),
    [
        (999, True, None, 10.0),
        (1_000, True, None, 5.0),
        (10_000, True, None, 5.0),
        (10_001, True, None, 3.0),
        (999, False, None, 3.0),
        (999, True, "full", 3.0),
        (999, True, "partial", 3.0),
    ],
)
def test_epochs_follow_size_validation_and_method(
    examples: int, validation: bool, method: str | None, epochs: float
) -> None:
    material = DEMO._replace(examples=examples, validation=validation, budget=10_000_000)
    assert _derive(material, Training(method=method))[0].epochs == epochs


@pytest.mark.parametrize(("examples", "rows"), [(10_000, 16), (10_001, 32)])
def test_the_batch_follows_the_size_of_the_dataset(examples: int, rows: int) -> None:
    material = DEMO._replace(examples=examples, tokens=10_000_000, budget=10_000_000)
    recipe, _ = _derive(material)
    assert recipe.rows * recipe.accumulation == rows


@pytest.mark.parametrize(
    ("examples", "budget", "dropout"), [(999, 30_000, 0.05), (999, 60_000, 0.1), (1_000, 60_000, 0.05)]
)
def test_a_small_dataset_seen_twice_is_regularised_more(examples: int, budget: int, dropout: float) -> None:
    assert _derive(DEMO._replace(examples=examples, budget=budget))[0].dropout == dropout


@pytest.mark.parametrize(
    ("tokens", "method", "share"),
    [
        (300 * 16 * 512, None, 0.1),
        (301 * 16 * 512, None, 0.05),
        (300 * 16 * 512, "full", 0.1),
        (301 * 16 * 512, "full", 0.03),
    ],
)
def test_warm_up_takes_a_smaller_share_of_many_steps(tokens: int, method: str | None, share: float) -> None:
    recipe, reasons = _derive(DEMO._replace(tokens=tokens, budget=tokens), Training(method=method))
    assert recipe.warmup_share == share
    assert f"{recipe.max_steps} steps" in reasons["warmup_share"]


def test_full_training_is_slow_early_and_decays() -> None:
    recipe, reasons = _derive(DEMO, Training(method="full"))
    assert (recipe.learning_rate, recipe.weight_decay, recipe.rank, recipe.dropout) == (5e-5, 0.1, 0, 0.0)
    rates = [recipe.learning_rate * share for share in recipe.layer_rates]
    assert rates == pytest.approx([1e-6, 2e-6, 1e-5, 5e-5])
    assert reasons["rank"] == "not used by full"


@pytest.mark.parametrize(
    ("conversations", "objective", "weight"),
    [(0, "text", 0.0), (80, "instructions", 0.1), (40, "mixed", 0.1)],
)
def test_the_task_follows_what_the_dataset_holds(conversations: int, objective: str, weight: float) -> None:
    recipe, _ = _derive(DEMO._replace(conversations=conversations))
    assert (recipe.objective, recipe.prompt_loss_weight) == (objective, weight)


def test_every_method_has_a_whole_recipe_with_reasons() -> None:
    for name in known_methods():
        recipe, reasons = _derive(DEMO, Training(method=name))
        assert recipe.method == name
        assert set(reasons) == {field.name for field in fields(recipe)}
        assert all(reasons.values())


def test_a_gpu_too_small_for_lora_gets_a_quantized_base() -> None:
    material = DEMO._replace(examples=500, row_length=2_048)
    small, large = (
        _derive(
            material, None, Hardware(8, 64 * 10**9, "a GPU", size * 10**9), PUBLIC_SHAPES["qwen2.5-coder-7b"]
        )
        for size in (16, 80)
    )
    assert (large[0].method, large[0].rank, large[0].quantization) == ("lora", 16, "")
    assert (small[0].method, small[0].rank, small[0].quantization) == ("qlora", 32, "nf4")
    assert small[0].optimizer == "paged_adamw_8bit"
    assert "would not fit" in small[1]["method"]
    assert "quantized base" in small[1]["rank"]


def test_a_method_that_was_set_is_not_replaced() -> None:
    small = Hardware(8, 64 * 10**9, "a GPU", 16 * 10**9)
    material = DEMO._replace(row_length=2_048)
    recipe, reasons = _derive(material, Training(method="lora"), small, PUBLIC_SHAPES["qwen2.5-coder-7b"])
    assert recipe.method == "lora"
    assert reasons["method"].startswith("set by you")


@pytest.mark.parametrize(("model", "rate"), [("qwen2.5-coder-7b", 2e-4), ("llama-2-13b", 1e-4)])
def test_a_big_quantized_model_learns_slower(model: str, rate: float) -> None:
    gpu = Hardware(8, 64 * 10**9, "a GPU", 80 * 10**9)
    recipe, _ = _derive(DEMO, Training(method="qlora"), gpu, PUBLIC_SHAPES[model])
    assert recipe.learning_rate == rate
    assert (
        _derive(DEMO, Training(method="qlora", learning_rate=3e-4), gpu, PUBLIC_SHAPES[model])[
            0
        ].learning_rate
        == 3e-4
    )


def test_a_paged_optimizer_is_not_taken_on_a_cpu_and_the_recipe_says_so() -> None:
    recipe, reasons = _derive(DEMO, Training(method="qlora"))
    assert recipe.optimizer == "adamw"
    assert "needs a GPU" in reasons["optimizer"]


def test_the_derived_rank_never_exceeds_a_target_but_the_users_own_is_left_to_be_refused() -> None:
    narrow = SMOLLM2_135M | {"hidden_size": 48, "num_attention_heads": 3, "num_key_value_heads": 1}
    large = DEMO._replace(examples=20_000)
    assert _derive(large, config=narrow)[0].rank == 16
    assert _derive(large, Training(method="adalora"), config=narrow)[0].rank == 10
    assert _derive(large, Training(rank=99), config=narrow)[0].rank == 99


def test_adalora_begins_with_more_than_its_rank_so_a_sweep_may_not_double_it_to_the_side() -> None:
    assert largest_rank(SMOLLM2_135M, "lora", ("k_proj",)) == 192
    assert largest_rank(SMOLLM2_135M, "adalora", ("k_proj",)) == 128


def test_a_value_that_the_method_does_not_use_is_said_to_be_unused() -> None:
    recipe, reasons = _derive(DEMO, Training(method="prompt", rank=8))
    assert recipe.rank == 0
    assert reasons["rank"] == "not used by prompt: yours is left aside"
    assert not recipe.checkpointing


def test_a_long_training_validates_once_an_epoch() -> None:
    recipe, _ = _derive(DEMO._replace(budget=10_000_000))
    assert recipe.epochs == 10
    assert 10 <= math.ceil(recipe.max_steps / recipe.validate_every) <= 11
