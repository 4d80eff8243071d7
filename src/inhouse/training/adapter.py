"""The low-rank adapter: put into a base model, checked before it is made, and written the same every time.

LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685. The base stays frozen, embeddings and norms included.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from inhouse.errors import UserMistake
from inhouse.training.state import write_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from peft import PeftModel
    from transformers import PreTrainedModel

    from inhouse.models.resolve import BaseModel
    from inhouse.records import Recipe

__all__ = ["CONFIG", "WEIGHTS", "load_base", "lora_config", "read_adapter", "write_adapter"]

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def load_base(model: BaseModel, precision: str) -> PreTrainedModel:
    """Load a base model's weights for training, in "float32" or "bfloat16"."""
    return AutoModelForCausalLM.from_pretrained(
        model.folder,
        dtype=getattr(torch, precision),
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )


def lora_config(base: PreTrainedModel, recipe: Recipe) -> LoraConfig:
    """Return PEFT's settings for a recipe. Raises UserMistake for targets or a rank the base cannot have."""
    sizes = _linear_sizes(base)
    for target in recipe.targets:
        if target not in sizes:
            near = difflib.get_close_matches(target, sizes, n=3, cutoff=0.4) or sorted(sizes)
            raise UserMistake(
                "training.targets names linear layers of the model",
                f"it has no {target}",
                f"did you mean {', '.join(near)}",
            )
    smallest = min(sizes[target] for target in recipe.targets)
    if recipe.rank > smallest:
        raise UserMistake(
            "the rank may not exceed the smallest side of a target layer",
            f"rank {recipe.rank}, smallest side {smallest}",
            f"set training.rank to {smallest} or less",
        )
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=sorted(recipe.targets),
        bias="none",
        task_type="CAUSAL_LM",
    )


def write_adapter(model: PeftModel, base_name: str, folder: Path) -> None:
    """Write weights and settings; equal adapters give equal bytes, whatever the paths and the hash seed."""
    write_tensors(folder / WEIGHTS, get_peft_model_state_dict(model, save_embedding_layers=False))
    settings: dict[str, Any] = model.peft_config["default"].to_dict()
    settings |= {"base_model_name_or_path": base_name, "inference_mode": True}
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}
    (folder / CONFIG).write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_adapter(model: PeftModel, folder: Path) -> None:
    """Put written weights back into a model that has the same adapter."""
    set_peft_model_state_dict(model, load_file(folder / WEIGHTS))


def _linear_sizes(base: PreTrainedModel) -> dict[str, int]:
    """Return the smaller side of every kind of linear layer; the output head cannot carry an adapter."""
    head = base.get_output_embeddings()
    sizes: dict[str, int] = {}
    for path, module in base.named_modules():
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head:
            name = path.rpartition(".")[2]
            sizes[name] = min(sizes.get(name, min(module.weight.shape)), *module.weight.shape)
    return sizes
