"""A base model, loaded and made ready for training, and the files of its adapter.

The files are the same bytes for equal adapters, whatever the paths and the hash seed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from inhouse.errors import UserMistake
from inhouse.training.attention import attend_by_document
from inhouse.training.method import find_method
from inhouse.training.neftune import add_noise
from inhouse.training.state import write_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

    from inhouse.models.resolve import BaseModel
    from inhouse.records import Recipe
    from inhouse.training.tuned import Tuned

__all__ = ["CONFIG", "WEIGHTS", "load_base", "prepare", "read_adapter", "write_adapter"]

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_TRAINED = "trained.safetensors"  # in checkpoints, where the adapter does not hold everything


def load_base(model: BaseModel, precision: str, quantization: str = "") -> PreTrainedModel:
    """Load a base model's weights for training, in "float32" or "bfloat16"; linear layers in NF4 if asked."""
    dtype = getattr(torch, precision)
    try:
        base = AutoModelForCausalLM.from_pretrained(
            model.folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            **(_four_bits(dtype) if quantization else {}),
        )
    except RuntimeError as error:
        if "mismatched" not in str(error):
            raise
        raise UserMistake(
            "the weights of a base model have the shapes that its config.json says",
            f"those in {model.folder} have others",
            "copy the model again",
        ) from None
    for module in base.modules():
        if hasattr(
            module, "support_avx512bf16_for_cpu"
        ):  # would repack the base, rounded, at each validation
            module.support_avx512bf16_for_cpu = False
    return base


def prepare(model: BaseModel, recipe: Recipe, steps: int) -> Tuned:
    """Load a base and make it ready for a training of `steps` steps by the recipe's method.

    Raises UserMistake for a method that does not exist, and where base and recipe do not go together.
    """
    method = find_method(recipe.method)
    base = load_base(model, recipe.precision, recipe.quantization)
    base.requires_grad_(False)
    attend_by_document(base)
    torch.manual_seed(recipe.seed)  # what an adapter begins with
    tuned = method.prepare(base, recipe, max(1, steps))
    if recipe.neftune:
        add_noise(base, recipe.neftune)
    return tuned


def write_adapter(tuned: Tuned, base_name: str, folder: Path) -> None:
    """Write weights and settings, and what a training needs beyond them to go on."""
    write_tensors(folder / WEIGHTS, tuned.tensors())
    settings = json.dumps(tuned.settings(base_name), indent=2, sort_keys=True)
    (folder / CONFIG).write_text(settings + "\n", encoding="utf-8")
    if not tuned.resumes_from_export:
        write_tensors(folder / _TRAINED, tuned.state())


def read_adapter(tuned: Tuned, folder: Path) -> None:
    """Put written weights back into a model that was prepared in the same way."""
    if tuned.resumes_from_export:
        tuned.put_back(load_file(folder / WEIGHTS))
    else:
        tuned.restore(load_file(folder / _TRAINED))


def _four_bits(dtype: torch.dtype) -> dict[str, Any]:
    from transformers import BitsAndBytesConfig

    try:
        import bitsandbytes  # noqa: F401 - transformers' own complaint names no extra
    except ImportError:
        raise UserMistake(
            "a base in four bits needs the package bitsandbytes",
            "it is not installed",
            "run `pip install 'inhouse[quantized]'`",
        ) from None
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": config, "device_map": {"": 0 if torch.cuda.is_available() else "cpu"}}
