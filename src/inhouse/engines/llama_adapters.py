"""A LoRA adapter of PEFT in the form that llama.cpp reads, as its `convert_lora_to_gguf.py` writes it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

__all__ = ["convert_adapter"]

_WEIGHT = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.([\w.]+)\.lora_([AB])\.weight")
_IN_FILE = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def convert_adapter(folder: Path, base: Path, target: Path) -> float:
    """Write the adapter in `folder` as a GGUF file for the base model in the file `base`.

    Returns the largest number in its update's second factor, 0 for an update that is zero. Raises UserMistake
    when it is no plain LoRA adapter of the layers of this base.
    """
    from gguf import GGUFReader, GGUFWriter
    from safetensors import safe_open

    settings = _settings(folder)
    fields = {name: field.contents() for name, field in GGUFReader(base).fields.items()}
    kind = fields["general.architecture"]
    writer = GGUFWriter(target, kind)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(settings["lora_alpha"]))
    largest = 0.0
    with safe_open(folder / "adapter_model.safetensors", framework="np") as file:
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name).astype("float32")
            part, values = _tensor(name, tensor, fields, folder)
            largest = max(largest, float(abs(values).max()) if part.endswith("_b") else 0.0)
            writer.add_tensor(part, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return largest


def _settings(folder: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unfit(folder, str(error)) from None
    if settings.get("peft_type") != "LORA":
        raise _unfit(folder, f"its method is {settings.get('method') or settings.get('peft_type')}")
    for name in ("use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "modules_to_save"):
        if settings.get(name):
            raise _unfit(folder, f"it uses {name}")
    if settings.get("trainable_token_indices"):
        raise _unfit(folder, "it gives tokens of the base a new meaning (dataset.infill_tokens)")
    return settings


def _tensor(
    name: str, tensor: np.ndarray[Any, Any], fields: Mapping[str, Any], folder: Path
) -> tuple[str, np.ndarray[Any, Any]]:
    """Return a tensor's name and content as llama.cpp has them."""
    match = _WEIGHT.fullmatch(name)
    if match is None or match[2] not in _IN_FILE:
        raise _unfit(folder, f"it changes {name}")
    kind, part = fields["general.architecture"], _IN_FILE[match[2]]
    if kind == "llama" and match[3] == "B" and part in ("attn_q", "attn_k"):
        heads = "head_count" if part == "attn_q" else "head_count_kv"
        tensor = _interleaved(tensor, int(fields[f"{kind}.attention.{heads}"]))
    return f"blk.{match[1]}.{part}.weight.lora_{match[3].lower()}", tensor


def _interleaved(tensor: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Reorder rotary rows as llama.cpp does to Llama: halves to interleaved pairs.

    Shapes: (heads * size, rank) -> (heads, 2, size / 2, rank) and the middle ones swapped.
    """
    halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:])
    return halves.swapaxes(1, 2).reshape(tensor.shape).copy()


def _unfit(folder: Path, reason: str) -> UserMistake:
    return UserMistake(
        "the llama.cpp engine takes plain LoRA adapters", f"{folder}: {reason}", "use the torch engine"
    )
