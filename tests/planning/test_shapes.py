"""Models by name have the weights that their makers publish; GPUs are found by a part of their name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inhouse.errors import UserMistake
from inhouse.planning.accelerators import ACCELERATORS, find_accelerator
from inhouse.planning.shapes import PUBLIC_SHAPES, Shape, find_config

# billions of weights, as the model cards say them
PUBLISHED = {
    "smollm2-360m": 0.362,
    "smollm2-1.7b": 1.71,
    "tinyllama-1.1b": 1.10,
    "qwen2.5-coder-0.5b": 0.494,
    "qwen2.5-coder-1.5b": 1.54,
    "qwen2.5-coder-3b": 3.09,
    "qwen2.5-coder-7b": 7.62,
    "qwen2.5-coder-14b": 14.8,
    "qwen2.5-coder-32b": 32.8,
    "qwen-7b": 7.72,
    "llama-2-7b": 6.74,
    "llama-2-13b": 13.0,
    "llama-65b": 65.3,
    "llama-2-70b": 69.0,
    "llama-3.1-8b": 8.03,
    "llama-3.1-70b": 70.6,
    "llama-3.2-1b": 1.24,
    "llama-3.2-3b": 3.21,
    "mistral-7b": 7.25,
    "codestral-22b": 22.2,
}


@pytest.mark.parametrize(("name", "billions"), PUBLISHED.items())
def test_a_public_shape_has_its_published_size(name: str, billions: float) -> None:
    assert Shape.of(PUBLIC_SHAPES[name]).weights / 1e9 == pytest.approx(billions, rel=0.005)


@pytest.mark.parametrize(
    "reference",
    ["Qwen/Qwen2.5-Coder-7B", "qwen2.5-coder-7b-instruct", "Qwen/Qwen2.5-Coder-7B-Instruct"],
)
def test_a_hub_id_finds_its_shape_without_a_network(reference: str) -> None:
    assert find_config(reference) == ("qwen2.5-coder-7b", PUBLIC_SHAPES["qwen2.5-coder-7b"])


def test_a_hub_id_with_a_version_at_its_end_finds_its_shape() -> None:
    assert find_config("mistralai/Mistral-7B-Instruct-v0.3")[0] == "mistral-7b"
    assert find_config("meta-llama/Llama-2-7b-chat-hf")[0] == "llama-2-7b"
    assert find_config("builtin:smollm2-135m")[0] == "smollm2-135m"


def test_a_config_and_the_folder_around_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(PUBLIC_SHAPES["llama-2-7b"]), encoding="utf-8")
    assert find_config(str(tmp_path))[1] == find_config(str(tmp_path / "config.json"))[1]
    (tmp_path / "config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(UserMistake, match="one JSON object"):
        find_config(str(tmp_path))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserMistake, match=r"qwen2\.5-coder-7b"):
        find_config("qwen2.5-codr-7b")


def test_a_mixture_of_experts_is_refused_not_undercounted() -> None:
    with pytest.raises(UserMistake, match="num_local_experts"):
        Shape.of(PUBLIC_SHAPES["mistral-7b"] | {"num_local_experts": 8})


def test_qwen_has_biases_and_llama_has_none() -> None:
    assert Shape.of(PUBLIC_SHAPES["qwen2.5-coder-0.5b"]).biases == 24 * (896 + 2 * 128)
    assert Shape.of(PUBLIC_SHAPES["llama-2-7b"]).biases == 0


def test_a_gpu_is_found_by_a_part_that_only_it_has() -> None:
    assert find_accelerator("RTX 4090").name == "rtx-4090-24gb"
    assert find_accelerator("a100-80").name == "a100-80gb"
    with pytest.raises(UserMistake, match="several; did you mean a100-40gb, a100-80gb"):
        find_accelerator("a100")
    with pytest.raises(UserMistake, match="none"):
        find_accelerator("abacus")


def test_no_gpu_lends_all_its_memory_to_tensors() -> None:
    assert all(0 < gpu.usable < gpu.memory for gpu in ACCELERATORS.values())
