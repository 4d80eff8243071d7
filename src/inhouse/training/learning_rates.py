"""The learning rate over the steps of a training, and over the depth of the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from inhouse.training.layers import block_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from inhouse.records import Recipe

__all__ = ["LAYER_SHARES", "learning_rate_factor", "optimizer_groups", "rate_share", "warmup_steps"]

LAYER_SHARES = (0.02, 0.04, 0.2, 1.0)
"""Shares of the learning rate for embeddings and the early, middle and final third of the blocks.

At 5e-5 these are 1e-6, 2e-6, 1e-5 and 5e-5; the last norm and the output head go with the final third.
"""


def warmup_steps(share: float, total: int) -> int:
    """Return how many of `total` steps warm up: the share, rounded up, but never all of them."""
    return min(math.ceil(share * total), total - 1)


def learning_rate_factor(step: int, *, warmup: int, total: int, shape: str) -> float:
    """Return the share of the peak learning rate at a step, counted from 0.

    Rises evenly to the peak, then falls to zero just after the last step, along half a cosine (Loshchilov &
    Hutter 2017, https://arxiv.org/abs/1608.03983) or a straight line. Neither end is zero: a step with
    learning rate zero costs as much as any and learns nothing.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / (total - warmup))
    return 0.5 * (1 + math.cos(math.pi * done)) if shape == "cosine" else 1 - done


def rate_share(name: str, recipe: Recipe, blocks: int) -> float:
    """Return a parameter's share of the recipe's learning rate.

    `rate_ratio` is LoRA+'s: the second factor of a low-rank update learns that much faster.
    """
    share = recipe.rate_ratio if ".lora_B." in name else 1.0
    if not recipe.layer_rates:
        return share
    embeddings, *depths = recipe.layer_rates
    block = block_number(name)
    if block is not None:
        return share * depths[len(depths) - 1 - (blocks - 1 - block) * len(depths) // blocks]
    return share * (embeddings if "embed" in name or "wte" in name else depths[-1])


def optimizer_groups(
    parameters: Mapping[str, torch.Tensor], recipe: Recipe, blocks: int
) -> list[dict[str, Any]]:
    """Return PyTorch's parameter groups, those with the recipe's own learning rate first.

    Biases and norms do not decay: pulling them towards zero serves nothing.
    """
    groups: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, weight in parameters.items():
        decay = recipe.weight_decay if weight.ndim > 1 else 0.0
        groups.setdefault((rate_share(name, recipe, blocks), decay), []).append(weight)
    order = sorted(groups, key=lambda key: (key[0] != 1.0, -key[0], -key[1]))
    return [
        {"params": groups[key], "lr": key[0] * recipe.learning_rate, "weight_decay": key[1]} for key in order
    ]
