"""The estimate counts what the model's own configuration says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inhouse.config import Training
from inhouse.errors import UserMistake
from inhouse.planning.hardware import Hardware
from inhouse.planning.memory import NF4_BYTES, estimate, trained_weights
from inhouse.planning.method import follow_method
from inhouse.planning.shapes import PUBLIC_SHAPES, Shape
from inhouse.training.method import find_method
from tests.planning.settings import LLAMA_2_7B, RECIPE, SMOLLM2_135M
from tests.recipes import LINEAR
from tests.tiny import make_tiny_model

CPU = Hardware(cores=2, memory=24 * 10**9, gpu="", gpu_memory=0)


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


@pytest.mark.parametrize(
    "method",
    ["full", "partial", "linear_probe", "lora", "dora", "adalora", "ia3", "prompt", "prefix", "p_tuning"],
)
def test_a_method_trains_as_many_weights_as_its_declaration_does(method: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    from inhouse.training.tuned import trained_parameters

    folder = make_tiny_model(tmp_path / "tiny").folder
    config = json.loads((folder / "config.json").read_text())
    recipe = follow_method(replace(RECIPE, rank=8), config, CPU, Training(method=method))[0]
    tuned = find_method(method).prepare(AutoModelForCausalLM.from_pretrained(folder), recipe, 24)
    theirs = sum(weight.numel() for weight in trained_parameters(tuned.model).values())
    assert trained_weights(Shape.of(config), recipe) == theirs


def test_bitfit_trains_the_biases_of_a_model_that_has_some(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, Qwen2Config

    from inhouse.training.tuned import trained_parameters

    sizes = PUBLIC_SHAPES["qwen2.5-coder-0.5b"] | {
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "vocab_size": 128,
    }  # fmt: skip
    model = AutoModelForCausalLM.from_config(Qwen2Config(**sizes))
    recipe = follow_method(RECIPE, sizes, CPU, Training(method="bitfit"))[0]
    tuned = find_method("bitfit").prepare(model, recipe, 24)
    theirs = sum(weight.numel() for weight in trained_parameters(tuned.model).values())
    assert trained_weights(Shape.of(sizes), recipe) == theirs == 2 * (64 + 2 * 32)


def test_four_bits_take_what_bitsandbytes_stores() -> None:
    """A layer of 1,024 x 1,024 as it is kept: half bytes, a byte for 64 weights, a float for 256 of those."""
    functional = pytest.importorskip("bitsandbytes.functional")
    import torch

    packed, state = functional.quantize_4bit(
        torch.randn(1024, 1024), quant_type="nf4", compress_statistics=True
    )
    stored = packed.nbytes + state.absmax.nbytes + state.state2.absmax.nbytes
    assert stored == pytest.approx(1024 * 1024 * NF4_BYTES, rel=0.001)


def test_eight_bit_moments_are_counted_on_a_gpu_only() -> None:
    recipe = replace(RECIPE, optimizer="paged_adamw_8bit")
    gpu = replace(recipe, precision="bfloat16")
    on_cpu, on_gpu = (estimate(SMOLLM2_135M, one, trained=0, validated=0, rate=1.0) for one in (recipe, gpu))
    assert on_cpu.optimizer == 8 * on_cpu.adapter // 4
    assert on_gpu.optimizer == pytest.approx(2.03 * on_gpu.adapter / 4, rel=0.001)


def test_the_adapter_of_the_public_example_is_of_its_published_size() -> None:
    """Rank 16 on queries and values of a 7B model: 8.4 million weights (the source says about 20)."""
    cost = estimate(LLAMA_2_7B, RECIPE, trained=1, validated=0, rate=1e9)
    assert cost.adapter // 4 == 16 * 32 * 4 * 4096


def test_recomputing_costs_time_and_saves_memory() -> None:
    plain = estimate(SMOLLM2_135M, RECIPE, trained=1_000, validated=0, rate=1e11)
    again = estimate(SMOLLM2_135M, replace(RECIPE, checkpointing=True), trained=1_000, validated=0, rate=1e11)
    assert again.activations < plain.activations / 5
    assert again.seconds == pytest.approx(1.5 * plain.seconds, rel=0.01)


MEASURED: list[tuple[dict[str, Any], float]] = [
    ({"targets": LINEAR}, 2.493e9),
    ({"targets": LINEAR, "rows": 2}, 4.167e9),
    ({"targets": LINEAR, "dropout": 0.0}, 2.026e9),
    ({"targets": LINEAR, "sequence_length": 256}, 1.569e9),
    ({"targets": LINEAR, "sequence_length": 400}, 2.120e9),
    ({"rank": 8, "alpha": 16, "dropout": 0.1, "sequence_length": 400}, 1.438e9),
    ({"targets": LINEAR, "checkpointing": True}, 1.418e9),
    ({"targets": LINEAR, "checkpointing": True, "rows": 2, "sequence_length": 1024}, 3.70e9),
    ({"targets": LINEAR, "method": "dora"}, 3.30e9),
    ({"method": "ia3"}, 1.50e9),
    ({"targets": LINEAR, "method": "partial"}, 1.36e9),
    ({"targets": LINEAR, "method": "full"}, 3.14e9),
    ({"targets": LINEAR, "method": "full"}, 3.29e9),  # another run
    ({"targets": LINEAR, "method": "full", "checkpointing": True}, 3.03e9),
    ({"method": "prompt"}, 1.43e9),
    ({"targets": LINEAR, "method": "qlora"}, 2.65e9),
]


@pytest.mark.parametrize(("changes", "measured"), MEASURED)
def test_the_estimate_is_within_10_percent_of_the_measured(changes: dict[str, Any], measured: float) -> None:
    """Peaks of resident memory above what the process held before the model was loaded, on a 2-core CPU."""
    wished = Training(method=changes.get("method"), targets=changes.get("targets"))
    recipe = follow_method(replace(RECIPE, **changes), SMOLLM2_135M, CPU, wished)[0]
    cost = estimate(SMOLLM2_135M, recipe, trained=1, validated=0, rate=1e9)
    assert cost.total == pytest.approx(measured, rel=0.1)


def test_the_parts_add_up() -> None:
    cost = estimate(SMOLLM2_135M, RECIPE, trained=1_000, validated=500, rate=1e11)
    parts = cost.as_json()
    assert parts["total_bytes"] == sum(
        parts[name] for name in parts if name not in ("total_bytes", "seconds")
    )


def test_a_model_of_another_build_is_refused() -> None:
    with pytest.raises(UserMistake, match="intermediate_size"):
        Shape.of({"hidden_size": 1, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 1})
