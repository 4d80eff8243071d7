"""The recipe that tests begin with: LoRA in float32, nothing optional switched on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inhouse.records import Recipe

__all__ = ["LINEAR", "plain_recipe"]

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def plain_recipe(**changes: Any) -> Recipe:
    """Return the recipe with other values where they are given."""
    plain = Recipe(
        method="lora",
        rank=16,
        alpha=32,
        targets=LINEAR,
        dropout=0.0,
        learning_rate=3e-4,
        schedule="cosine",
        warmup_share=0.1,
        weight_decay=0.0,
        epochs=1.0,
        sequence_length=512,
        rows=1,
        accumulation=1,
        max_steps=10,
        validate_every=5,
        patience=0,
        precision="float32",
        checkpointing=False,
        seed=0,
    )
    return replace(plain, **changes)
