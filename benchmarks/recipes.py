"""The recipe that the benchmarks of training begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inhouse.records import Recipe

__all__ = ["LINEAR", "plain_recipe"]

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def plain_recipe(steps: int, **changes: Any) -> Recipe:
    """Return LoRA of rank 16 on all linear layers in float32, with nothing optional switched on."""
    plain = Recipe(
        method="lora",
        rank=16,
        alpha=32,
        targets=LINEAR,
        dropout=0.0,
        learning_rate=3e-4,
        schedule="cosine",
        warmup_share=0.0,
        weight_decay=0.0,
        epochs=1.0,
        sequence_length=256,
        rows=1,
        accumulation=1,
        max_steps=steps,
        validate_every=steps,
        patience=0,
        precision="float32",
        checkpointing=False,
        seed=0,
    )
    return replace(plain, **changes)
