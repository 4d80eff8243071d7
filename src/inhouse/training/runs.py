"""The trainings of a workspace: finished, running, stopped, failed or killed; listed and compared.

A finished training is an artefact of the stage `weights`; an unfinished one the same folder, still partial.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from inhouse.digests import short
from inhouse.errors import UserMistake
from inhouse.evaluation import significance
from inhouse.evaluation.measures import plain
from inhouse.training.tracking import LIVE, RUN
from inhouse.workspace import MEASURED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inhouse.evaluation.statistics import Estimate

__all__ = ["Run", "compare_runs", "find_run", "list_runs", "paired_difference"]

_PARTIAL = ".partial"
_SAME_PROCESS = 1.0  # seconds that the start of a process may be off


@dataclass(frozen=True, slots=True)
class Run:
    """One training. `numbers` holds what is known of its course, `history` all of it once it is finished."""

    id: str  # what the folder is named by, as `inhouse status` shows it
    state: str  # finished, running, stopped, failed, killed
    sentence: str  # why it failed
    identity: dict[str, Any]  # run.json
    numbers: dict[str, Any]
    environment: dict[str, Any]
    history: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return all but the history as plain values."""
        return {
            "id": self.id,
            "state": self.state,
            "sentence": self.sentence,
            **self.numbers,
            "identity": self.identity,
            "environment": self.environment,
        }


def list_runs(state: Path) -> list[Run]:
    """Return the trainings of a state folder, oldest first; folders that never began one are left out."""
    folders = sorted((state / "artefacts" / "weights").glob("*"))
    runs = [_read(folder) for folder in folders if (folder / RUN).exists()]
    return sorted(runs, key=lambda run: (run.numbers["started"] or 0.0, run.id))


def find_run(runs: list[Run], name: str) -> Run:
    """Return the run whose id, or experiment, begins with `name`. Raises UserMistake for none or several."""
    found = [run for run in runs if name and name in (run.id[: len(name)], _experiment(run)[: len(name)])]
    if len(found) != 1:
        known = ", ".join(run.id for run in runs) or "there is none"
        rule = "a run is named by the beginning of its id" if found else "no run has this name"
        raise UserMistake(rule, f"{name} (known: {known})", "see `inhouse runs`")
    return found[0]


def compare_runs(first: Run, second: Run) -> dict[str, Any]:
    """Return what was asked of two runs in different ways, where they ran, and which validated better."""
    fields = [_flat(run.identity) for run in (first, second)]
    places = [_flat(run.environment) for run in (first, second)]
    numbers = [run.numbers for run in (first, second)]
    return {
        "first": first.id,
        "second": second.id,
        "asked": _different(*fields),
        "environment": _different(*places),
        "measured": _different(*numbers),
        "validation": _validation(first, second),
    }


def paired_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> Estimate | None:
    """Return the kept validation loss of the second minus that of the first, in nats for each token.

    The histories are those of `history.json`. None where they did not validate on the same examples.
    """
    one, other = first["validation"], second["validation"]
    keys = ("row_examples", "row_weights")
    if not one["row_examples"] or any(one[key] != other[key] for key in keys):
        return None
    weights, examples = one["row_weights"], one["row_examples"]
    return significance.paired_difference(
        (_kept_rows(second), weights), (_kept_rows(first), weights), examples
    )


def _kept_rows(history: Mapping[str, Any]) -> list[float]:
    kept = history["kept_step"]
    return list(next(one["rows"] for one in history["validations"] if one["step"] == kept))


def _validation(first: Run, second: Run) -> dict[str, Any]:
    if first.history is None or second.history is None:
        return {"sentence": "Only finished runs are compared on their validation examples."}
    difference = paired_difference(first.history, second.history)
    if difference is None:
        return {"sentence": "They did not validate on the same examples, so their losses do not compare."}
    words = {0: "No difference shows", -1: f"{second.id} is better", 1: f"{first.id} is better"}
    sentence = (
        f"{words[significance.sign(difference)]}: the validation loss of {second.id} minus that of "
        f"{first.id} is {difference.value:+.4f} nats a token (95% interval {difference.low:+.4f} to "
        f"{difference.high:+.4f}, {difference.n} examples)."
    )
    return {"sentence": sentence, "difference": plain(difference)}


def _different(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [*first, *(name for name in second if name not in first)]
    rows = [{"field": name, "first": first.get(name), "second": second.get(name)} for name in names]
    return [row for row in rows if row["first"] != row["second"]]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _experiment(run: Run) -> str:
    return str(run.identity["experiment"])


def _read(folder: Path) -> Run:
    identity = _json(folder / RUN) or {}
    name = short(folder.name.removesuffix(_PARTIAL))
    if folder.name.endswith(_PARTIAL):
        return _unfinished(name, identity, _json(folder / LIVE) or {})
    history, measured = _json(folder / "history.json") or {}, _json(folder / MEASURED) or {}
    return Run(name, "finished", "", identity, _finished(history, measured), _environment(measured), history)


def _finished(history: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    by_step = {one["step"]: one for one in history["validations"]}
    kept = by_step.get(history["kept_step"], {})
    return {
        "started": measured.get("started"),
        "step": len(history["steps"]),
        "steps": history["planned_steps"],
        "kept_step": history["kept_step"],
        "loss": history["steps"][-1]["loss"],
        "base_validation": by_step.get(0, {}).get("loss"),
        "validation": kept.get("loss"),
        "general_forgotten": history["general_code"]["forgotten"]
        if history["general_code"]["tokens"]
        else None,
        "tokens": history["tokens_seen"],
        "tokens_per_second": measured.get("tokens_per_second"),
        "training_seconds": measured.get("training_seconds"),
        "memory_bytes": measured.get("device_memory_bytes") or measured.get("peak_memory_bytes"),
        "energy_joules": measured.get("energy_joules"),
    }


def _unfinished(name: str, identity: dict[str, Any], live: dict[str, Any]) -> Run:
    state = live.get("state", "killed")
    if state == "running" and not _is_alive(*live["process"]):
        state = "killed"
    known = (
        "started",
        "step",
        "steps",
        "loss",
        "base_validation",
        "validation",
        "tokens",
        "tokens_per_second",
    )
    numbers = {key: live.get(key) for key in (*known, "memory_bytes", "remaining_seconds")}
    return Run(name, state, live.get("sentence", ""), identity, numbers, _environment(live), None)


def _environment(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: values[key] for key in ("inhouse", "code_digest", "libraries", "hardware") if key in values}


def _is_alive(process: int, created: float) -> bool:
    try:
        return abs(psutil.Process(process).create_time() - created) < _SAME_PROCESS
    except psutil.Error:
        return False


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # gone, or being renewed
        return None
