"""The model sizes and the recipe that the tests of planning start from."""

from __future__ import annotations

from inhouse.planning.shapes import PUBLIC_SHAPES
from inhouse.records import Recipe

LLAMA_2_7B = PUBLIC_SHAPES["llama-2-7b"]
SMOLLM2_135M = PUBLIC_SHAPES["smollm2-135m"]
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RECIPE = Recipe(
    method="lora",
    rank=16,
    alpha=32,
    targets=("q_proj", "v_proj"),
    dropout=0.05,
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
