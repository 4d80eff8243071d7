"""MLflow: its file store, read with `mlflow ui --backend-store-uri .inhouse/tracking/mlflow`.

The file store is all that mlflow-skinny can write; `mlflow migrate-filestore` takes it to a database.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["open_sink"]

_EXPERIMENT = "inhouse"
_TAG = "inhouse.experiment"
_LONGEST = 500  # characters of a parameter that every store takes


class _MLflow:
    def __init__(self, folder: Path, experiment: str, parameters: Mapping[str, Any]) -> None:
        # read when mlflow is imported: no usage reports to its makers, and yes, we mean the file store
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient(tracking_uri=folder.resolve().as_uri())
        known = self._client.get_experiment_by_name(_EXPERIMENT)
        place = known.experiment_id if known else self._client.create_experiment(_EXPERIMENT)
        runs = self._client.search_runs([place], f"tags.`{_TAG}` = '{experiment}'", max_results=1)
        if runs:
            self._run = runs[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
            return
        self._run = self._client.create_run(place, tags={_TAG: experiment}, run_name=experiment).info.run_id
        for name, value in parameters.items():
            self._client.log_param(self._run, name, str(value)[:_LONGEST])

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=step)

    def close(self, *, finished: bool) -> None:
        self._client.set_terminated(self._run, "FINISHED" if finished else "FAILED")


def open_sink(folder: Path, experiment: str, parameters: Mapping[str, Any], first_step: int) -> _MLflow:  # noqa: ARG001 - a step may be logged twice
    """Open the run of an experiment, the old one where it goes on."""
    return _MLflow(folder, experiment, parameters)
