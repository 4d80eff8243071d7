"""The estimate counts what the model's own configuration says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inhouse.errors import UserMistake
from inhouse.planning.memory import Shape, estimate
from inhouse.records import Recipe
from tests.tiny import make_tiny_model

# public sizes
LLAMA_2_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}
SMOLLM2_135M = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
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


@pytest.mark.parametrize(
    ("config", "weights", "norms"),
    [(LLAMA_2_7B, 6_738_415_616, 65 * 4096), (SMOLLM2_135M, 134_515_008, 61 * 576)],
)
def test_weights_are_the_published_numbers(config: dict[str, int], weights: int, norms: int) -> None:
    assert Shape.of(config).weights == weights - norms


def test_weights_and_adapter_are_those_of_the_libraries(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = make_tiny_model(tmp_path / "tiny").folder
    config = json.loads((folder / "config.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(folder)
    theirs = sum(weight.numel() for name, weight in model.named_parameters() if "norm" not in name)
    assert Shape.of(config).weights == theirs
    targets = tuple(Shape.of(config).targets)
    adapted = get_peft_model(model, LoraConfig(r=8, target_modules=list(targets)))
    trainable = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    cost = estimate(config, replace(RECIPE, rank=8, targets=targets), trained=1, validated=0, rate=1e9)
    assert cost.adapter == 4 * trainable
    assert cost.optimizer == 2 * cost.gradients == 8 * trainable


def test_the_adapter_of_the_public_example_is_of_its_published_size() -> None:
    """Rank 16 on queries and values of a 7B model: 8.4 million weights (the source says about 20)."""
    cost = estimate(LLAMA_2_7B, RECIPE, trained=1, validated=0, rate=1e9)
    assert cost.adapter // 4 == 16 * 32 * 4 * 4096


def test_recomputing_costs_time_and_saves_memory() -> None:
    plain = estimate(SMOLLM2_135M, RECIPE, trained=1_000, validated=0, rate=1e11)
    again = estimate(SMOLLM2_135M, replace(RECIPE, checkpointing=True), trained=1_000, validated=0, rate=1e11)
    assert again.activations < plain.activations / 5
    assert again.seconds == pytest.approx(1.5 * plain.seconds, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({"targets": ALL}, 2.493e9),
        ({"targets": ALL, "rows": 2}, 4.167e9),
        ({"targets": ALL, "dropout": 0.0}, 2.026e9),
        ({"targets": ALL, "sequence_length": 256}, 1.569e9),
        ({"targets": ALL, "sequence_length": 400}, 2.120e9),
        ({"rank": 8, "alpha": 16, "dropout": 0.1, "sequence_length": 400}, 1.438e9),
    ],
)
def test_the_estimate_is_within_15_percent_of_the_measured(changes: dict[str, Any], measured: float) -> None:
    """Peaks of resident memory above what the process held before the model was loaded, on a 2-core CPU."""
    cost = estimate(SMOLLM2_135M, replace(RECIPE, **changes), trained=1, validated=0, rate=1e9)
    assert cost.total == pytest.approx(measured, rel=0.15)


def test_the_parts_add_up() -> None:
    cost = estimate(SMOLLM2_135M, RECIPE, trained=1_000, validated=500, rate=1e11)
    parts = cost.as_json()
    assert parts["total_bytes"] == sum(
        parts[name] for name in parts if name not in ("total_bytes", "seconds")
    )


def test_a_model_of_another_build_is_refused() -> None:
    with pytest.raises(UserMistake, match="intermediate_size"):
        Shape.of({"hidden_size": 1, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 1})
