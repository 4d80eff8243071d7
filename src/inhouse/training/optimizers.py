"""The optimizers that a recipe may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from inhouse.records import Recipe

__all__ = ["make_optimizer"]


def make_optimizer(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW (Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101) over parameter groups.

    "paged_adamw_8bit" keeps its moments in eight bits and moves them out when GPU memory runs short (Dettmers
    et al. 2021, https://arxiv.org/abs/2110.02861). Raises UserMistake for it on a CPU, where it does not run.
    """
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    if not torch.cuda.is_available():
        raise UserMistake(
            "a paged optimizer needs a GPU", recipe.optimizer, "set training.optimizer to adamw"
        )
    from bitsandbytes.optim import PagedAdamW8bit

    optimizer: torch.optim.Optimizer = PagedAdamW8bit(groups, lr=recipe.learning_rate)
    return optimizer
