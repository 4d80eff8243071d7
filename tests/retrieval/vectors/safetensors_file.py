"""Safetensors files written by hand, as the format says: header length, header, values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

_NAMES = {
    "float32": "F32",
    "float16": "F16",
    "float64": "F64",
    "int64": "I64",
    "int8": "I8",
    "uint16": "BF16",
}


def write_safetensors(file: Path, tensors: dict[str, np.ndarray]) -> None:
    """Write arrays; those of uint16 as the bits of bfloat16."""
    header, end = {}, 0
    for name, values in tensors.items():
        begin, end = end, end + values.nbytes
        header[name] = {
            "dtype": _NAMES[values.dtype.name],
            "shape": values.shape,
            "data_offsets": [begin, end],
        }
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(v.tobytes() for v in tensors.values()))
