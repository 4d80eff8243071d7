"""Where the curves of a training may be written besides its own history: one small file for each tool.

A sink writes to a local folder and opens no connection. It is asked for by name in `training.sinks`; its
module is imported only then, and so is the library that it needs.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["PACKAGES", "Sink", "check_sinks", "open_sinks"]

PACKAGES = {"mlflow": "mlflow", "tensorboard": "tensorboard", "trackio": "trackio"}
"""The package that each sink imports."""


class Sink(Protocol):
    """One tool that draws curves. Each module of this package has `open_sink`, which returns one."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write values of one optimizer step, counted from 1; step 0 is the base model."""

    def close(self, *, finished: bool) -> None:
        """Write what is left; `finished` is false for a training that failed."""


def check_sinks(names: Sequence[str]) -> None:
    """Raise UserMistake for the first sink whose package is not installed."""
    for name in names:
        if find_spec(PACKAGES[name]) is None:
            raise UserMistake(
                f"the sink {name} needs the package {PACKAGES[name]}",
                "it is not installed",
                f"pip install 'inhouse[{name}]', or leave it out of training.sinks",
            )


def open_sinks(
    names: Sequence[str], folder: Path, experiment: str, parameters: Mapping[str, Any], first_step: int
) -> list[Sink]:
    """Return the sinks of a training that begins, or goes on, with `first_step`.

    Each writes below `folder/NAME`. Raises UserMistake for one whose package is not installed.
    """
    check_sinks(names)
    sinks: list[Sink] = []
    for name in names:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        module = import_module(f"{__name__}.{name}")
        sinks.append(module.open_sink(place, experiment, parameters, first_step))
    return sinks
