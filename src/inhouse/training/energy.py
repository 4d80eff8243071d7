"""Energy, where the machine tells: RAPL for processors, NVML for NVIDIA GPUs. Nothing is estimated.

RAPL's counters (Linux, /sys/class/powercap) are readable by root only on most machines, cover the whole
machine and wrap around after some minutes of full load; NVML's count from the start of the driver.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["EnergyMeter"]

_POWERCAP = Path("/sys/class/powercap")
_MICRO, _MILLI = 1e-6, 1e-3


class EnergyMeter:
    """Adds up what the counters advance by. `read` must be called at least every few minutes."""

    def __init__(self, powercap: Path = _POWERCAP) -> None:
        self._packages = [path for path in sorted(powercap.glob("intel-rapl:*")) if _is_package(path)]
        self._last = {path: _count(path / "energy_uj") for path in self._packages}
        self._gpu = _Gpu.find()
        self._last_gpu = self._gpu.joules() if self._gpu else 0.0

    def read(self) -> dict[str, float]:
        """Return the joules since the last call: "cpu" and "gpu", each only where the machine tells."""
        used: dict[str, float] = {}
        told = [self._advance(path) for path in self._packages]
        known = [joules for joules in told if joules is not None]
        if known:
            used["cpu"] = sum(known)
        if self._gpu is not None:
            now = self._gpu.joules()
            used["gpu"] = max(0.0, now - self._last_gpu)
            self._last_gpu = now
        return used

    def _advance(self, package: Path) -> float | None:
        before, now = self._last[package], _count(package / "energy_uj")
        self._last[package] = now
        if before is None or now is None:
            return None
        turn = _count(package / "max_energy_range_uj") or 0
        return (now - before if now >= before else now - before + turn) * _MICRO


class _Gpu:
    """The first GPU, through NVML."""

    def __init__(self) -> None:
        import pynvml

        pynvml.nvmlInit()
        self._handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        self.joules()  # not every GPU has the counter

    @classmethod
    def find(cls) -> _Gpu | None:
        """Return the GPU, or None where there is none, or nothing that could be asked."""
        if find_spec("pynvml") is None:
            return None
        try:
            return cls()
        except Exception:  # NVML's own errors, without a driver or without the counter
            return None

    def joules(self) -> float:
        """Return what the GPU has used since its driver was loaded."""
        import pynvml

        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) * _MILLI


def _is_package(path: Path) -> bool:
    """Tell a package from its parts, which it includes: intel-rapl:0 from intel-rapl:0:1."""
    return path.name.count(":") == 1


def _count(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
