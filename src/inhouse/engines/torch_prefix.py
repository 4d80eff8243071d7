"""Virtual tokens as the keys and values that the model would have kept of them.

Prefix tuning trains keys and values (Li & Liang 2021, https://arxiv.org/abs/2101.00190), prompt tuning and
p-tuning embeddings; those go through the model once. From there on all are the same: a cache that begins with
P positions. Shapes: L layers, H heads of keys, P virtual tokens, S size of a head, R rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    Pairs = Sequence[tuple[torch.Tensor, torch.Tensor]]

__all__ = ["filled_cache", "key_size", "virtual_tokens"]


def virtual_tokens(model: Any, kind: str, values: torch.Tensor) -> Pairs:
    """Return keys and values, each (1, H, P, S), of every layer.

    `kind` is PEFT's: for PREFIX_TUNING `values` is (P, 2 * L * H * S), otherwise (P, hidden size).
    """
    values = values.to(model.device, model.dtype)
    if kind == "PREFIX_TUNING":
        heads, size = key_size(model.config)
        parts = values.view(len(values), -1, heads, size).permute(1, 2, 0, 3)[:, None]  # (2L, 1, H, P, S)
        return [(parts[at], parts[at + 1]) for at in range(0, len(parts), 2)]
    cache = _new_cache(model)
    model.base_model(inputs_embeds=values[None], past_key_values=cache, use_cache=True)
    return [(layer.keys, layer.values) for layer in cache.layers]


def filled_cache(model: Any, pairs: Pairs, rows: int, cache: Any = None) -> Any:
    """Return a cache (a new one, or the empty one given) that begins with the virtual tokens in every row."""
    cache = _new_cache(model) if cache is None else cache
    for number, (keys, values) in enumerate(pairs):
        cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
    return cache


def _new_cache(model: Any) -> Any:
    from transformers.cache_utils import DynamicCache

    return DynamicCache(config=model.config)


def key_size(config: Any) -> tuple[int, int]:
    """Return how many heads of keys a layer has, and their size."""
    text = config.get_text_config()
    heads = text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // heads
    return getattr(text, "num_key_value_heads", None) or heads, size
