"""The learning rate over the steps of a training."""

from __future__ import annotations

import math

__all__ = ["learning_rate_factor", "warmup_steps"]


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
