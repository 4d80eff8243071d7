"""The layers that a recipe names: found in the model, or refused with the nearest names."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe

__all__ = ["block_number", "check_names", "check_rank", "is_feed_forward", "linear_sizes", "module_names"]


def linear_sizes(base: PreTrainedModel) -> dict[str, int]:
    """Return the smaller side of every kind of linear layer; the output head cannot carry an adapter."""
    import torch
    from transformers.pytorch_utils import Conv1D

    head = base.get_output_embeddings()
    sizes: dict[str, int] = {}
    for path, module in base.named_modules():
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head:
            name = path.rpartition(".")[2]
            sides = _sides(module)
            sizes[name] = min(sizes.get(name, min(sides)), *sides)
    return sizes


def check_names(targets: Iterable[str], base: PreTrainedModel, names: Iterable[str], kind: str) -> None:
    """Raise UserMistake for a target that is not among `names`; nearest names are shown."""
    known = list(dict.fromkeys(names))
    for target in targets:
        if target in known:
            continue
        if kind == "linear layers" and _is_head(target, base):
            raise UserMistake(
                "the output head takes no adapter: the loss reads its weights directly",
                target,
                "leave it out of training.targets, or choose the method linear_probe",
            )
        near = difflib.get_close_matches(target, known, n=3, cutoff=0.4) or sorted(known)
        raise UserMistake(
            f"training.targets names {kind} of the model",
            f"it has no {target}",
            f"did you mean {', '.join(near)}",
        )


def check_rank(rank: int, recipe: Recipe, sizes: Mapping[str, int], why: str = "") -> None:
    """Raise UserMistake for a rank that exceeds a side of a target layer."""
    smallest = min((sizes[target] for target in recipe.targets), default=rank)
    if rank > smallest:
        raise UserMistake(
            "the rank may not exceed the smallest side of a target layer",
            f"rank {rank}{why}, smallest side {smallest}",
            f"set training.rank to {smallest * recipe.rank // rank} or less",
        )


def module_names(base: PreTrainedModel) -> list[str]:
    """Return the last part of the name of every module that has weights of its own."""
    return list(dict.fromkeys(name.split(".")[-2] for name, _ in base.named_parameters() if "." in name))


def block_number(name: str) -> int | None:
    """Return which block a parameter belongs to, counted from 0; None for embeddings, last norm and head."""
    return next((int(part) for part in name.split(".") if part.isdigit()), None)


def is_feed_forward(target: str, base: PreTrainedModel) -> bool:
    """Return whether layers of this name stand outside attention."""
    paths = [path for path, _ in base.named_modules() if path.rpartition(".")[2] == target]
    return not any("attn" in path or "attention" in path for path in paths)


def _sides(module: Any) -> tuple[int, int]:
    """Return the sides of a linear layer; four-bit weights are stored flat and cannot tell."""
    if hasattr(module, "in_features"):
        return module.in_features, module.out_features
    inputs, outputs = module.weight.shape
    return int(inputs), int(outputs)


def _is_head(name: str, base: PreTrainedModel) -> bool:
    head = base.get_output_embeddings()
    return any(path == name and module is head for path, module in base.named_modules())
