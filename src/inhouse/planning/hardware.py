"""What this machine has, and how fast it multiplies matrices."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Hardware", "matmul_rate", "probe"]

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SIZE = 1_024
_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Hardware:
    """Sizes are in bytes. `gpu` is "" on a machine without one."""

    cores: int
    memory: int
    gpu: str
    gpu_memory: int

    @property
    def device(self) -> str:
        """Where training runs."""
        return "cuda" if self.gpu else "cpu"

    @property
    def training_memory(self) -> int:
        """The memory that training may fill."""
        return self.gpu_memory if self.gpu else self.memory


def probe() -> Hardware:
    """Return what a process may use here, a container's limits respected."""
    import torch

    gpu, gpu_memory = "", 0
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        gpu, gpu_memory = str(properties.name), int(properties.total_memory)
    memory = min([int(psutil.virtual_memory().total), *_cgroup_limits()])
    return Hardware(len(os.sched_getaffinity(0)), memory, gpu, gpu_memory)


def matmul_rate(device: str) -> float:
    """Return measured floating-point operations a second of the matrix product that training uses."""
    import torch

    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    size = _SIZE * (8 if device == "cuda" else 1)
    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    best, end = 0.0, time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def _cgroup_limits() -> list[int]:
    words = [Path(path).read_text(encoding="ascii").strip() for path in _CGROUP_LIMITS if Path(path).exists()]
    return [int(word) for word in words if word.isdigit()]
