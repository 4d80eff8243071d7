"""TensorBoard: event files, read with `tensorboard --logdir .inhouse/tracking/tensorboard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["open_sink"]


class _TensorBoard:
    def __init__(self, folder: Path, experiment: str, parameters: Mapping[str, Any], first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # what a killed training wrote after its last checkpoint is overwritten
        self._writer = SummaryWriter(str(folder / experiment), purge_step=first_step)
        table = "\n".join(f"| {name} | {value} |" for name, value in parameters.items())
        self._writer.add_text("recipe", f"| value | |\n|---|---|\n{table}", first_step)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self, *, finished: bool) -> None:  # noqa: ARG002 - event files have no ending
        self._writer.close()


def open_sink(folder: Path, experiment: str, parameters: Mapping[str, Any], first_step: int) -> _TensorBoard:
    """Open the event files of an experiment."""
    return _TensorBoard(folder, experiment, parameters, first_step)
