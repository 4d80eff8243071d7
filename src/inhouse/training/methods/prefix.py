"""Prefix tuning, Li & Liang 2021, https://arxiv.org/abs/2101.00190.

It begins as the keys and values of random tokens (theirs: of real words), not as noise, which a model takes
long to get over.
"""

from __future__ import annotations

from typing import Any

from inhouse.training.prompts import prompt_choices, prompt_method


def _config(virtual_tokens: int) -> Any:
    from peft import PrefixTuningConfig

    return PrefixTuningConfig(num_virtual_tokens=virtual_tokens, task_type="CAUSAL_LM")


def _start(model: Any, ids: Any) -> None:
    import torch

    from inhouse.engines.torch_prefix import virtual_tokens

    base = model.get_base_model()
    embeddings = base.get_input_embeddings()(ids.to(base.device))
    pairs = virtual_tokens(base, "PROMPT_TUNING", embeddings)
    parts = torch.stack([part[0] for pair in pairs for part in pair])  # (2L, H, P, S)
    model.prompt_encoder["default"].embedding.weight.copy_(parts.permute(2, 0, 1, 3).flatten(1))


METHOD = prompt_method(
    "prefix",
    "trained keys and values before every text, in every layer: no weight changes; small adapters",
    _config,
    _start,
    prompt_choices(1e-2, "keys and values of a few tokens must move far; 10 to 100 times LoRA's is usual"),
)
