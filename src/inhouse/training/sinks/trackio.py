"""trackio: a local SQLite file, read with `TRACKIO_DIR=.inhouse/tracking/trackio trackio show`."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["open_sink"]

_PROJECT = "inhouse"


class _Trackio:
    def __init__(self, folder: Path, experiment: str, parameters: Mapping[str, Any]) -> None:
        os.environ["TRACKIO_DIR"] = str(folder.resolve())  # read when trackio is imported
        with redirect_stdout(StringIO()):  # standard output is for results
            import trackio

            config = {name: value for name, value in parameters.items() if not name.startswith("_")}
            self._run = trackio.init(
                project=_PROJECT,
                name=experiment,
                config=config,
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        with redirect_stdout(StringIO()):
            self._run.log(dict(values), step=step)

    def close(self, *, finished: bool) -> None:  # noqa: ARG002 - its runs have no ending
        import trackio

        with redirect_stdout(StringIO()):
            trackio.finish()  # not the run's own: that leaves it to be finished, and told, at the exit


def open_sink(folder: Path, experiment: str, parameters: Mapping[str, Any], first_step: int) -> _Trackio:  # noqa: ARG001 - a step may be logged twice
    """Open the run of an experiment, the old one where it goes on."""
    return _Trackio(folder, experiment, parameters)
