"""One tensor of a safetensors file, read with numpy alone: the header, then the rows that are asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Tensor", "find_tensor", "tensors_of"]

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
}
_LONGEST_HEADER = 10**8  # bytes, as the format allows


class Tensor:
    """A tensor on the disk."""

    def __init__(self, file: Path, start: int, kind: str, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._widened = kind == "BF16"
        self._values = np.memmap(file, _TYPES[kind], "r", start, shape)

    def rows(self, which: slice | np.ndarray) -> np.ndarray:
        """Return rows; numbers with a point as float32."""
        values = np.asarray(self._values[which])
        if self._widened:  # bfloat16 is the upper half of a float32
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values.astype(np.float32) if values.dtype.kind == "f" else values


def tensors_of(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name; those of a type that numpy lacks are left out."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header: dict[str, Any] = json.loads(stream.read(min(length, _LONGEST_HEADER)))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        if any(8 + length + entry["data_offsets"][1] > size for entry in entries.values()):
            raise _damaged(file)
        return {
            name: Tensor(file, 8 + length + entry["data_offsets"][0], entry["dtype"], tuple(entry["shape"]))
            for name, entry in entries.items()
            if entry["dtype"] in _TYPES and entry["shape"] and all(entry["shape"])
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(file) from error


def find_tensor(files: Sequence[Path], endings: Sequence[str]) -> Tensor | None:
    """Return the first tensor with two dimensions whose name ends in one of these."""
    for file in files:
        for name, tensor in sorted(tensors_of(file).items()):
            if name.endswith(tuple(endings)) and len(tensor.shape) == 2:
                return tensor
    return None


def _damaged(file: Path) -> UserMistake:
    return UserMistake("a file of the model is damaged", str(file), "copy the model again")
