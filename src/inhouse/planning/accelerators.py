"""GPUs by name: memory as their drivers report it, and peak rates as their makers publish them.

Rates are of dense bfloat16 products accumulated in float32; sparsity is not counted. GPUs without bfloat16
(T4, V100) are not in the table: the product trains in bfloat16.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

from inhouse.errors import UserMistake

__all__ = ["ACCELERATORS", "CONTEXT_BYTES", "Accelerator", "find_accelerator"]

CONTEXT_BYTES = 600_000_000
"""What the driver's context and the libraries' kernels take before the first tensor."""

_MEBIBYTE = 1 << 20
_TERA = 10**12


class Accelerator(NamedTuple):
    """One kind of GPU."""

    name: str
    memory: int  # bytes
    rate: float  # operations a second: the published peak, which no training reaches

    @property
    def usable(self) -> int:
        """Bytes that tensors may fill."""
        return self.memory - CONTEXT_BYTES


def _gpu(name: str, mebibytes: int, tera: float) -> Accelerator:
    return Accelerator(name, mebibytes * _MEBIBYTE, tera * _TERA)


ACCELERATORS: dict[str, Accelerator] = {
    gpu.name: gpu
    for gpu in (
        _gpu("rtx-3060-12gb", 12_288, 25.5),
        _gpu("rtx-4080-16gb", 16_376, 97.5),
        _gpu("l4-24gb", 23_034, 121),
        _gpu("a10-24gb", 23_028, 125),
        _gpu("rtx-3090-24gb", 24_576, 71),
        _gpu("rtx-4090-24gb", 24_564, 165.2),
        _gpu("rtx-5090-32gb", 32_607, 209.5),
        _gpu("a100-40gb", 40_960, 312),
        _gpu("a40-48gb", 46_068, 149.7),
        _gpu("l40s-48gb", 46_068, 362),
        _gpu("a6000-48gb", 49_140, 154.8),
        _gpu("a100-80gb", 81_920, 312),
        _gpu("h100-80gb", 81_559, 989.4),
        _gpu("h200-141gb", 143_771, 989.4),
        _gpu("b200-180gb", 183_359, 2_250),
    )
}


def find_accelerator(name: str) -> Accelerator:
    """Return a GPU by its name, or by a part that only one has. Raises UserMistake with the nearest names."""
    wanted = name.lower().replace(" ", "-")
    found = [gpu for each, gpu in ACCELERATORS.items() if wanted in each]
    if wanted in ACCELERATORS:
        return ACCELERATORS[wanted]
    if len(found) == 1:
        return found[0]
    near = [gpu.name for gpu in found] or difflib.get_close_matches(wanted, ACCELERATORS, n=3, cutoff=0.4)
    raise UserMistake(
        "a GPU is one of the table", f"{name} is {'several' if found else 'none'}",
        f"did you mean {', '.join(near or ACCELERATORS)}",
    )  # fmt: skip
