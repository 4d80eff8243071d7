from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.training.learning_rates import learning_rate_factor, warmup_steps


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
