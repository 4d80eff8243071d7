from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inhouse.training.learning_rates import (
    LAYER_SHARES,
    learning_rate_factor,
    optimizer_groups,
    rate_share,
    warmup_steps,
)
from tests.training.material import recipe


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("linear", [1 / 3, 2 / 3, 1.0, 0.75, 0.5, 0.25]),
        ("cosine", [1 / 3, 2 / 3, 1.0, 0.8535534, 0.5, 0.1464466]),
    ],
)
def test_the_shape_is_exact(shape: str, expected: list[float]) -> None:
    factors = [learning_rate_factor(step, warmup=2, total=6, shape=shape) for step in range(6)]
    assert factors == pytest.approx(expected)


@given(st.integers(1, 200), st.floats(0, 0.99), st.sampled_from(["linear", "cosine"]))
def test_no_step_is_wasted_on_a_learning_rate_of_zero(total: int, share: float, shape: str) -> None:
    warmup = warmup_steps(share, total)
    factor = partial(learning_rate_factor, warmup=warmup, total=total, shape=shape)
    factors = [factor(step) for step in range(total)]
    assert all(0 < value <= 1 for value in factors)
    assert factors[warmup] == 1.0
    assert factors == sorted(factors[:warmup]) + sorted(factors[warmup:], reverse=True)
    assert factor(total) == pytest.approx(0.0, abs=1e-12)


def test_a_single_step_does_not_warm_up() -> None:
    assert warmup_steps(0.5, 1) == 0
    assert warmup_steps(0.1, 11) == 2


def test_layer_wise_rates_are_those_of_the_handbook() -> None:
    """Embeddings 1e-6, early layers 2e-6, middle 1e-5, final 5e-5; what follows the blocks is final."""
    wanted = recipe(learning_rate=5e-5, layer_rates=LAYER_SHARES)
    names = ["model.embed_tokens.weight", *(f"model.layers.{n}.mlp.up_proj.weight" for n in range(6))]
    rates = [5e-5 * rate_share(name, wanted, 6) for name in [*names, "model.norm.weight", "lm_head.weight"]]
    assert rates == pytest.approx([1e-6, 2e-6, 2e-6, 1e-5, 1e-5, 5e-5, 5e-5, 5e-5, 5e-5])
    assert rate_share("model.layers.0.mlp.up_proj.weight", wanted, 2) == 0.2
    assert rate_share("model.layers.1.mlp.up_proj.weight", wanted, 2) == 1.0


def test_groups_hold_every_parameter_once_and_the_recipes_own_rate_comes_first() -> None:
    """The recorded learning rate is that of the first group."""
    shapes = {
        "base_model.model.model.layers.0.mlp.up_proj.lora_B.default.weight": (4, 2),
        "base_model.model.model.layers.0.mlp.up_proj.lora_A.default.weight": (2, 4),
        "base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector.default.weight": (4,),
    }
    weights = {name: torch.zeros(shape) for name, shape in shapes.items()}
    wanted = recipe(learning_rate=1e-4, rate_ratio=16.0, weight_decay=0.1)
    groups = optimizer_groups(weights, wanted, 1)
    assert [(group["lr"], group["weight_decay"], len(group["params"])) for group in groups] == [
        (1e-4, 0.1, 1), (1e-4, 0.0, 1), (16e-4, 0.1, 1)
    ]  # fmt: skip
    assert groups[2]["params"][0] is next(iter(weights.values()))
