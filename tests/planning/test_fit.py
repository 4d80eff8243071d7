"""What does not fit is refused with settings that do, the nearest first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.errors import UserMistake
from inhouse.planning.fit import needed_bytes, remedies, require_fit
from inhouse.planning.shapes import PUBLIC_SHAPES
from tests.planning.settings import RECIPE
from tests.recipes import LINEAR

QWEN_7B = PUBLIC_SHAPES["qwen2.5-coder-7b"]
GPU = replace(RECIPE, precision="bfloat16", sequence_length=2_048, rank=32, targets=LINEAR, rows=2)


def test_every_remedy_fits_and_the_same_training_comes_before_another() -> None:
    found = remedies(QWEN_7B, GPU, 24 * 10**9)
    assert [one.changes for one in found] == [
        "recompute activations",
        "rows of 256 tokens",
        "the method qlora",
    ][: len(found)] or found[0].changes == "recompute activations"
    assert all(one.total == needed_bytes(QWEN_7B, one.recipe) <= 24 * 10**9 for one in found)
    assert 1 <= len(found) <= 3


def test_rows_keep_their_step_when_they_are_taken_one_at_a_time() -> None:
    one = next(one for one in remedies(QWEN_7B, GPU, 40 * 10**9) if one.changes == "one row at a time")
    assert (one.recipe.rows, one.recipe.accumulation) == (1, 2)


def test_only_the_longest_shorter_row_is_named() -> None:
    lengths = [
        one.changes
        for one in remedies(QWEN_7B, GPU, 24 * 10**9, most=20)
        if one.changes.startswith("rows of")
    ]
    assert len(lengths) == 1


def test_virtual_tokens_are_never_told_to_recompute() -> None:
    prompt = replace(GPU, method="prompt", rank=0, targets=(), dropout=0.0, virtual_tokens=20)
    assert not any("recompute" in one.changes for one in remedies(QWEN_7B, prompt, 20 * 10**9, most=20))


def test_full_training_that_cannot_fit_is_answered_with_adapters() -> None:
    full = replace(GPU, method="full", rank=0, dropout=0.0)
    assert [one.recipe.method for one in remedies(QWEN_7B, full, 24 * 10**9)] == ["lora", "qlora"]


def test_a_training_that_cannot_fit_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserMistake) as refused:
        require_fit(QWEN_7B, GPU, 24 * 10**9)
    assert "recompute activations (" in str(refused.value)
    assert "\n" not in str(refused.value)
    require_fit(QWEN_7B, GPU, 80 * 10**9)


def test_nothing_fits_into_nothing() -> None:
    with pytest.raises(UserMistake, match="smaller base model or a larger machine"):
        require_fit(QWEN_7B, GPU, 10**9)
