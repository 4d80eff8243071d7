"""`kill -9` at any file operation, checkpoints in the making included, leads to the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import make_tiny_model
from tests.training.material import examples, write_dataset

ROOT = Path(__file__).parent.parent.parent
ADAPTER = Path("adapter", "adapter_model.safetensors")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what `tests.training.killed` did, and where."""
    folder = tmp_path_factory.mktemp("killed")
    make_tiny_model(folder / "model")
    write_dataset(folder / "dataset", examples(60), examples(10, 1, "validation"))
    paths = [str(folder / name) for name in ("model", "dataset", "undisturbed", "killed")]
    command = [sys.executable, "-m", "tests.training.killed", *paths, "11"]
    telemetry = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "CI"))}
    done = subprocess.run(command, cwd=ROOT, env=telemetry, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {"folder": folder, **json.loads(done.stdout)}


def test_killed_trainings_end_in_the_bytes_of_an_undisturbed_one(runs: dict[str, Any]) -> None:
    statuses = [end["status"] for end in runs["ends"]]
    assert statuses.count(-9) >= 6  # killed, and not merely failed
    assert statuses == [-9] * (len(statuses) - 1) + [0]
    undisturbed, killed = (_files(runs["folder"] / name) for name in ("undisturbed", "killed"))
    assert sorted(undisturbed) == sorted(killed)
    different = [name for name in undisturbed if undisturbed[name] != killed[name]]
    assert different == [Path("measured.json")]
    assert len(undisturbed[ADAPTER]) > 10_000


def test_a_kill_hit_a_checkpoint_that_was_being_written(runs: dict[str, Any]) -> None:
    assert sum(end["unfinished"] for end in runs["ends"]) >= 3


def test_a_killed_training_went_on_and_did_not_begin_again(runs: dict[str, Any]) -> None:
    measured = json.loads((runs["folder"] / "killed" / "measured.json").read_text())
    assert measured["resumed_from_step"] > 0


def test_no_pickle_ever_lay_on_the_disk(runs: dict[str, Any]) -> None:
    seen = {name for end in runs["ends"] for name in end["files"]}
    assert seen
    assert {Path(name.removesuffix(".tmp")).suffix for name in seen} == {".json", ".safetensors"}


def test_nothing_is_sent_anywhere(runs: dict[str, Any]) -> None:
    """TRL reports every trainer to its makers unless it is told not to."""
    assert runs["whole"]["connections"] == 0


def test_a_method_that_remembers_more_than_its_adapter_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    make_tiny_model(tmp_path / "model")
    write_dataset(tmp_path / "dataset", examples(24), examples(6, 1, "validation"))
    paths = [str(tmp_path / name) for name in ("model", "dataset", "undisturbed", "killed")]
    command = [sys.executable, "-m", "tests.training.killed", *paths, "5", "adalora", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    statuses = [end["status"] for end in json.loads(done.stdout)["ends"]]
    assert statuses.count(-9) >= 2
    assert statuses[-1] == 0
    undisturbed, killed = (_files(tmp_path / name) for name in ("undisturbed", "killed"))
    different = [name for name in undisturbed if undisturbed[name] != killed[name]]
    assert different == [Path("measured.json")]


def _files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
