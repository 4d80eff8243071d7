"""The state of an optimizer, its schedule and the random generators, as safetensors and JSON.

transformers would write them with pickle. Only PyTorch's generators are kept: nothing else is drawn from
during training, and the order of the rows is fixed before it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save

from inhouse.shards import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

__all__ = ["read_optimizer", "read_random", "write_state", "write_tensors"]

_TENSORS = "state.safetensors"
_VALUES = "state.json"
_CPU = "random.cpu"
_CUDA = "random.cuda"


def write_state(folder: Path, optimizer: Optimizer, scheduler: LRScheduler) -> None:
    """Write everything that the next step depends on, the weights apart."""
    state = optimizer.state_dict()
    moments = {
        f"optimizer.{number}.{name}": value
        for number, values in state["state"].items()
        for name, value in values.items()
    }
    tensors = {name: value for name, value in moments.items() if isinstance(value, torch.Tensor)}
    plain = {name: value for name, value in moments.items() if name not in tensors}
    tensors[_CPU] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[_CUDA] = torch.cuda.get_rng_state()
    write_tensors(folder / _TENSORS, tensors)
    values = {"groups": state["param_groups"], "moments": plain, "scheduler": scheduler.state_dict()}
    write_json(folder / _VALUES, values)


def read_optimizer(folder: Path, optimizer: Optimizer, scheduler: LRScheduler) -> None:
    """Put an optimizer and its schedule back where `write_state` found them."""
    values = json.loads((folder / _VALUES).read_text(encoding="utf-8"))
    state: dict[int, dict[str, Any]] = {}
    for key, value in (load_file(folder / _TENSORS) | values["moments"]).items():
        kind, _, name = key.partition(".")
        if kind == "optimizer":
            number, _, moment = name.partition(".")
            state.setdefault(int(number), {})[moment] = value
    groups = [{**group, "betas": tuple(group["betas"])} for group in values["groups"]]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    scheduler.load_state_dict(values["scheduler"])


def read_random(folder: Path) -> None:
    """Put the random generators back where `write_state` found them."""
    tensors = load_file(folder / _TENSORS)
    torch.set_rng_state(tensors[_CPU])
    if _CUDA in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors[_CUDA])


def write_tensors(path: Path, tensors: dict[str, Any]) -> None:
    """Write a safetensors file; a full disk is an OSError here, as with any file.

    Tensors that share memory, as the tables of an eight-bit optimizer do, are each written.
    """
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.detach().clone() if place in seen else tensor.detach().contiguous()
        seen.add(place)
    path.write_bytes(save(apart, {"format": "pt"}))
