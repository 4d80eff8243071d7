"""What this machine has of what inhouse needs, and for each lack the exact command that mends it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Check", "examine"]

_GIGABYTE = 1_000_000_000
_MIN_GIT = (2, 31)
_MIN_MEMORY = 6 * _GIGABYTE
_MIN_DISK = 4 * _GIGABYTE


class Check(NamedTuple):
    """One line of `inhouse doctor`. `state` is "ok", "missing" (runs fail) or "absent" (optional)."""

    what: str
    state: str
    found: str
    mend: str


def examine() -> list[Check]:
    """Return all checks, in the order in which lacks should be mended."""
    checks: list[Callable[[], Check]] = [
        _python, _git, _memory, _disk, _training, _serving, _grammars, _base_model, _accelerator,
    ]  # fmt: skip
    return [check() for check in checks]


def _python() -> Check:
    state = "ok" if sys.version_info >= (3, 11) else "missing"
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Check("Python 3.11 or newer", state, found, "" if state == "ok" else "install Python 3.11")


def _git() -> Check:
    what = f"git {_MIN_GIT[0]}.{_MIN_GIT[1]} or newer"
    mend = "apt-get install git (or your system's equivalent)"
    try:
        done = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Check(what, "missing", "none", mend)
    number = done.stdout.split()[2]
    numbers = tuple(int(part) for part in number.split(".")[:2])
    state = "ok" if numbers >= _MIN_GIT else "missing"
    return Check(what, state, number, "" if state == "ok" else mend)


def _memory() -> Check:
    total = psutil.virtual_memory().total
    state = "ok" if total >= _MIN_MEMORY else "missing"
    found = f"{total / _GIGABYTE:.1f} GB, {psutil.cpu_count() or 1} cores"
    mend = "" if state == "ok" else "use a larger machine"
    return Check(f"memory of {_MIN_MEMORY // _GIGABYTE} GB", state, found, mend)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    state = "ok" if free >= _MIN_DISK else "missing"
    mend = "" if state == "ok" else "free some space, or name another disk with --workspace"
    found = f"{free / _GIGABYTE:.1f} GB free here"
    return Check(f"disk space of {_MIN_DISK // _GIGABYTE} GB", state, found, mend)


def _training() -> Check:
    return _packages("training", ("torch", "transformers", "trl", "peft"), "train")


def _serving() -> Check:
    return _packages("serving", ("fastapi", "uvicorn"), "serve")


def _grammars() -> Check:
    from inhouse.languages import grammar_versions

    versions = grammar_versions()
    found = ", ".join(f"{name} {number}" for name, number in versions.items())
    mend = "" if versions else "pip install --upgrade inhouse"
    return Check("grammars", "ok" if versions else "missing", found, mend)


def _base_model() -> Check:
    from inhouse.models.resolve import list_models

    known = [model for model in list_models() if model.reference.startswith("builtin:")]
    lacking = [model for model in known if model.state == "absent"]
    mend = lacking[0].next_step if lacking else ""
    found = ", ".join(f"{model.reference} {model.state}" for model in known)
    return Check("embedded base model", "missing" if lacking else "ok", found, mend)


def _accelerator() -> Check:
    what = "GPU (optional)"
    if find_spec("torch") is None:
        return Check(what, "absent", "torch is not installed", "")
    import torch

    if not torch.cuda.is_available():
        return Check(what, "absent", "none: about 100 trained tokens a second on two cores", "")
    return Check(what, "ok", torch.cuda.get_device_name(0), "")


def _packages(what: str, names: tuple[str, ...], extra: str) -> Check:
    found, lacking = [], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lacking.append(name)
    mend = f"pip install 'inhouse[{extra}]'" if lacking else ""
    state = "missing" if lacking else "ok"
    return Check(f"packages for {what}", state, ", ".join(found) or "none", mend)
