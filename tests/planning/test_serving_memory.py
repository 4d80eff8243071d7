"""Serving: weights, and keys and values that grow with context and requests."""

from __future__ import annotations

import pytest

from inhouse.errors import UserMistake
from inhouse.planning.serving_memory import estimate_serving
from inhouse.planning.shapes import PUBLIC_SHAPES
from tests.tiny import make_tiny_model


def test_keys_and_values_are_those_of_the_library(tmp_path: object) -> None:
    import json
    from pathlib import Path

    import torch
    from transformers import AutoModelForCausalLM

    folder = make_tiny_model(Path(str(tmp_path)) / "tiny").folder
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    with torch.no_grad():
        cache = model(torch.zeros(3, 7, dtype=torch.long), use_cache=True).past_key_values
    theirs = sum(part.nbytes for layer in cache.layers for part in (layer.keys, layer.values))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert estimate_serving(config, "bfloat16", context=7, requests=3).keys_and_values == theirs


def test_the_grouped_keys_of_a_new_model_take_an_eighth_of_an_old_ones() -> None:
    old, new = (
        estimate_serving(PUBLIC_SHAPES[name], "bfloat16", context=4_096, requests=1).keys_and_values
        for name in ("llama-2-7b", "qwen2.5-coder-7b")
    )
    assert old == 2 * 32 * 4096 * 2 * 4_096
    assert old / new == pytest.approx(9.14, rel=0.01)


def test_the_embedded_file_is_as_large_as_its_precision_says() -> None:
    """The GGUF file that is carried (Q4_1) has 98 MB; norms, the tokenizer and mixed blocks make the rest."""
    cost = estimate_serving(PUBLIC_SHAPES["smollm2-135m"], "q4_1", context=1, requests=1)
    assert cost.weights == pytest.approx(98e6, rel=0.15)


def test_an_unknown_precision_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserMistake, match="nf4"):
        estimate_serving(PUBLIC_SHAPES["llama-2-7b"], "int3", context=1, requests=1)
