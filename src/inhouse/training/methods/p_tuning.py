"""P-tuning, Liu et al. 2021, https://arxiv.org/abs/2103.10385: embeddings that a small network makes."""

from __future__ import annotations

from typing import Any

from inhouse.training.prompts import prompt_choices, prompt_method


def _config(virtual_tokens: int) -> Any:
    from peft import PromptEncoderConfig

    return PromptEncoderConfig(num_virtual_tokens=virtual_tokens, task_type="CAUSAL_LM")


def _start(_model: Any, _ids: Any) -> None:
    """Leave the network as it was made, from the recipe's seed."""


METHOD = prompt_method(
    "p_tuning",
    "prompt tuning through a small network that is dropped afterwards: steadier with little data",
    _config,
    _start,
    prompt_choices(1e-3, "a network is trained, not the embeddings: a tenth of prompt tuning's"),
)
