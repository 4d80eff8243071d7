"""Prompt tuning, Lester et al. 2021, https://arxiv.org/abs/2104.08691. It begins as random tokens."""

from __future__ import annotations

from typing import Any

from inhouse.training.prompts import prompt_choices, prompt_method


def _config(virtual_tokens: int) -> Any:
    from peft import PromptTuningConfig

    return PromptTuningConfig(num_virtual_tokens=virtual_tokens, task_type="CAUSAL_LM")


def _start(model: Any, ids: Any) -> None:
    base = model.get_base_model()
    embeddings = base.get_input_embeddings()(ids.to(base.device))
    model.prompt_encoder["default"].embedding.weight.copy_(embeddings)


METHOD = prompt_method(
    "prompt",
    "trained embeddings before every text: the smallest adapters; good from billions of weights on",
    _config,
    _start,
    prompt_choices(1e-2, "embeddings of a few tokens must move far; 10 to 100 times LoRA's is usual"),
)
