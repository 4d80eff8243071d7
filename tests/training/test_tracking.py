"""Who, what, where and how: run.json, live.json, `inhouse runs`, sinks, energy, and what changed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from inhouse.errors import UserMistake
from inhouse.models.resolve import BaseModel
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.records import Recipe
from inhouse.training.energy import EnergyMeter
from inhouse.training.runs import compare_runs, find_run, list_runs
from inhouse.training.sinks import PACKAGES, check_sinks
from inhouse.training.tracking import Identity, check_begun
from inhouse.training.trainer import Options, train
from tests.tiny import make_tiny_model
from tests.training.material import examples, recipe, write_dataset

ROWS = [*examples(40), *examples(8, 1, "validation")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    torch.set_num_threads(1)
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def _train(model: BaseModel, dataset: Path, folder: Path, wanted: Recipe, options: Any = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    train(model, Tokenizer.load(model.folder), dataset, wanted, folder, Progress.silent(), options)


def _killed(model: BaseModel, dataset: Path, folder: Path, wanted: Recipe, step: int) -> None:
    """Train in a process that is killed with SIGKILL once `live.json` tells of `step`."""
    process = os.fork()
    if process == 0:
        _train(model, dataset, folder, wanted)
        os._exit(0)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and _live(folder).get("step", 0) < step:
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -9


def _live(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "live.json").read_text()))
    except (OSError, ValueError):
        return {}


LONG = recipe(epochs=12.0, patience=0)


@pytest.fixture(scope="module")
def state(model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with two finished runs, a killed and a failed one."""
    folder = tmp_path_factory.mktemp("state")
    dataset = write_dataset(folder / "data", ROWS)
    weights = folder / "artefacts" / "weights"
    _train(model, dataset, weights / "aaaa000000000000", recipe(epochs=1.0))
    _train(model, dataset, weights / "bbbb000000000000", recipe(epochs=3.0, learning_rate=2e-2))
    _killed(model, dataset, weights / "cccc000000000000.partial", LONG, step=4)
    with pytest.raises(UserMistake, match="stay finite"):
        _train(
            model, dataset, weights / "dddd000000000000.partial", recipe(learning_rate=1e30, warmup_share=0.0)
        )
    return folder


# ------------------------------------------------------------ what and where


def test_a_run_tells_what_decides_its_weights_and_every_seed(state: Path, model: BaseModel) -> None:
    told = json.loads((state / "artefacts" / "weights" / "aaaa000000000000" / "run.json").read_text())
    assert told["model_digest"] == model.digest
    assert told["recipe"] == json.loads(json.dumps(dataclasses.asdict(recipe(epochs=1.0))))
    assert told["experiment"] == Identity.of(model, state / "data", recipe(epochs=1.0)).experiment
    assert len(told["seeds"]) == 3
    assert all("7" in str(seed) for seed in told["seeds"].values())


def test_what_was_measured_tells_code_libraries_and_machine(state: Path) -> None:
    measured = json.loads(
        (state / "artefacts" / "weights" / "aaaa000000000000" / "measured.json").read_text()
    )
    assert len(measured["code_digest"]) == 64
    assert measured["libraries"]["torch"] == str(torch.__version__)
    assert measured["hardware"]["cores"] == len(os.sched_getaffinity(0))
    assert measured["hardware"]["processor"]
    assert not (state / "artefacts" / "weights" / "aaaa000000000000" / "live.json").exists()


# ------------------------------------------------------------ list and compare


def test_runs_are_listed_with_unfinished_and_failed_ones(state: Path) -> None:
    runs = {run.id[:4]: run for run in list_runs(state)}
    assert {name: run.state for name, run in runs.items()} == {
        "aaaa": "finished",
        "bbbb": "finished",
        "cccc": "killed",
        "dddd": "failed",
    }
    assert runs["cccc"].numbers["step"] >= 4
    assert "must stay finite" in runs["dddd"].sentence
    assert runs["aaaa"].numbers["validation"] < runs["aaaa"].numbers["base_validation"]


def test_two_runs_are_compared_on_the_same_examples(state: Path) -> None:
    first, second = (find_run(list_runs(state), name) for name in ("aaaa", "bbb"))
    found = compare_runs(first, second)
    asked = {row["field"]: (row["first"], row["second"]) for row in found["asked"]}
    assert asked["recipe.epochs"] == (1.0, 3.0)
    assert asked["recipe.learning_rate"] == (5e-3, 2e-2)
    assert "recipe.rank" not in asked
    assert found["environment"] == []
    losses = [run.numbers["validation"] for run in (first, second)]
    assert found["validation"]["difference"]["value"] == pytest.approx(losses[1] - losses[0], abs=1e-4)
    assert f"{second.id} is better" in found["validation"]["sentence"]


def test_a_name_that_fits_no_run_or_several_lists_them(state: Path) -> None:
    for name in ("zzzz", ""):
        with pytest.raises(UserMistake, match="aaaa00000000"):
            find_run(list_runs(state), name)


def test_the_verb_prints_them(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from inhouse.cli.main import main

    shutil.copytree(state, tmp_path / ".inhouse")
    (tmp_path / ".inhouse" / "workspace.json").write_text('{"format": 1}')
    at = ["--workspace", str(tmp_path)]
    assert main(["runs", *at]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("aaaa00000000", "killed", "failed", "must stay finite"))
    assert main(["runs", "aaaa", "bbbb", "--json", *at]) == 0
    assert json.loads(capsys.readouterr().out)["first"] == "aaaa00000000"
    assert main(["runs", "aaaa", "bbbb", *at]) == 0
    assert "recipe.learning_rate" in capsys.readouterr().out
    assert main(["runs", "zzzz", *at]) == 2


# ------------------------------------------------------------ resuming


def test_a_moved_workspace_resumes_to_the_same_bytes(model: BaseModel, state: Path, tmp_path: Path) -> None:
    dataset = state / "data"
    _killed(model, dataset, tmp_path / "here" / "run", LONG, step=4)
    shutil.move(tmp_path / "here", tmp_path / "there")
    shutil.copytree(dataset, tmp_path / "there" / "data")
    _train(model, tmp_path / "there" / "data", tmp_path / "there" / "run", LONG)
    _train(model, dataset, tmp_path / "undisturbed", LONG)
    assert json.loads((tmp_path / "there" / "run" / "measured.json").read_text())["resumed_from_step"] > 0
    for name in ("adapter/adapter_model.safetensors", "history.json", "run.json"):
        moved, plain = (folder / name for folder in (tmp_path / "there" / "run", tmp_path / "undisturbed"))
        assert moved.read_bytes() == plain.read_bytes(), name


def test_a_changed_recipe_or_dataset_refuses_and_names_both_values(
    model: BaseModel, state: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(state / "artefacts" / "weights" / "cccc000000000000.partial", folder)
    changed = dataclasses.replace(LONG, learning_rate=1e-3, rank=8)
    with pytest.raises(UserMistake) as mistake:
        _train(model, state / "data", folder, changed)
    assert "recipe.learning_rate 0.005 instead of 0.001, recipe.rank 4 instead of 8;" in str(mistake.value)
    other = write_dataset(tmp_path / "data", examples(41), ROWS[40:])
    with pytest.raises(UserMistake, match=r'was begun with dataset "\w{12}" instead of "\w{12}";'):
        _train(model, other, folder, LONG)


def test_a_begun_training_that_is_not_gone_on_with_is_told_and_with_resume_refused(
    model: BaseModel, state: Path
) -> None:
    weights = state / "artefacts" / "weights"
    said, progress = _listening()
    begun, new = weights / "cccc000000000000.partial", weights / "ffff000000000000.partial"
    check_begun(begun, Identity.of(model, state / "data", LONG), progress, resume=True)
    assert said == []  # it goes on
    other = Identity.of(model, state / "data", recipe(seed=99))
    check_begun(new, other, progress, resume=False)
    assert "recipe.seed 7 instead of 99" in said[0]
    with pytest.raises(UserMistake, match=r"recipe.seed 7 instead of 99"):
        check_begun(new, other, progress, resume=True)


def test_resume_without_anything_to_resume_says_so(model: BaseModel, state: Path, tmp_path: Path) -> None:
    said, progress = _listening()
    check_begun(
        tmp_path / "eeee000000000000.partial",
        Identity.of(model, state / "data", LONG),
        progress,
        resume=True,
    )
    assert said == ["there is no unfinished training to go on with: one begins"]


def test_another_version_of_a_library_is_named_and_resume_takes_the_checkpoints_along(
    model: BaseModel, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions are part of a stage's fingerprint, so the same training has another folder under new ones."""
    weights = tmp_path / "weights"
    begun, new = weights / "cccc000000000000.partial", weights / "ffff000000000000.partial"
    _killed(model, state / "data", begun, LONG, step=4)
    newer = tmp_path / "site" / "accelerate-99.0.dist-info"
    newer.mkdir(parents=True)
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: accelerate\nVersion: 99.0\n")
    old = version("accelerate")
    monkeypatch.syspath_prepend(str(newer.parent))
    identity = Identity.of(model, state / "data", LONG)
    said, progress = _listening()
    check_begun(new, identity, progress, resume=False)
    (sentence,) = said
    assert (
        f"a new training begins: the same one in {begun} was begun with accelerate {old} instead of 99.0;"
        in sentence
    )
    assert sentence.endswith("`inhouse train --resume` goes on with it")
    said.clear()
    new.mkdir()
    options = Options(resume=True)
    train(model, Tokenizer.load(model.folder), state / "data", LONG, new, progress, options)
    assert said[0].startswith(
        f"the checkpoint after step 3 was written with accelerate {old} instead of 99.0: "
    )
    assert not begun.exists()
    measured = json.loads((new / "measured.json").read_text())
    assert measured["resumed_from_step"] == 3
    assert measured["libraries"]["accelerate"] == "99.0"
    assert [versions["accelerate"] for versions in measured["earlier_versions"]] == [old]


def _listening() -> tuple[list[str], Progress]:
    """Return a progress and the warnings that it is given."""
    said: list[str] = []
    progress = Progress.silent()
    progress.warn = said.append  # type: ignore[method-assign]
    return said, progress


# ------------------------------------------------------------ energy


def test_energy_counts_packages_once_and_over_a_turn_of_the_counter(tmp_path: Path) -> None:
    for name, used in (("intel-rapl:0", 900_000), ("intel-rapl:0:0", 5), ("intel-rapl:1", 100)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{used}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("1000000\n")
    meter = EnergyMeter(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("400000\n")  # it went round
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("1500100\n")
    assert meter.read()["cpu"] == pytest.approx(0.5 + 1.5)
    assert meter.read()["cpu"] == 0.0


def test_a_machine_that_does_not_tell_is_not_guessed(tmp_path: Path) -> None:
    assert "cpu" not in EnergyMeter(tmp_path).read()


# ------------------------------------------------------------ sinks


def test_a_sink_whose_package_is_absent_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "trackio", "no_such_package")
    with pytest.raises(
        UserMistake, match=r"the sink trackio needs the package.*pip install 'inhouse\[trackio\]'"
    ):
        check_sinks(["trackio"])


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_sink_gets_the_curves_of_the_history(
    model: BaseModel, state: Path, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if find_spec(PACKAGES[name]) is None:
        pytest.skip(f"{PACKAGES[name]} is not installed: pip install 'inhouse[{name}]'")
    options = Options(sinks=(name,), tracking=tmp_path / "tracking")
    _train(model, state / "data", tmp_path / "run", recipe(epochs=1.0), options)
    assert capfd.readouterr().out == ""
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    wanted = [(step["step"], pytest.approx(step["loss"], abs=1e-5)) for step in history["steps"]]
    assert _read(name, tmp_path / "tracking" / name, history["run"][:12]) == wanted
    plain = state / "artefacts" / "weights" / "aaaa000000000000" / "adapter" / "adapter_model.safetensors"
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").read_bytes() == plain.read_bytes()


def _read(name: str, folder: Path, experiment: str) -> list[tuple[int, float]]:
    """Return (step, training loss) as the tool itself reads it."""
    if name == "tensorboard":
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder / experiment)).Reload()
        return [(event.step, event.value) for event in events.Scalars("train/loss")]
    if name == "mlflow":
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=folder.as_uri())
        place = client.get_experiment_by_name("inhouse").experiment_id
        run = client.search_runs([place])[0]
        assert run.info.status == "FINISHED"
        return [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "train/loss")]
    import sqlite3

    with sqlite3.connect(folder / "inhouse.db") as store:
        rows = store.execute(
            "SELECT step, metrics FROM metrics WHERE run_name = ? ORDER BY id", (experiment,)
        )
        found = [(step, json.loads(values).get("train/loss")) for step, values in rows]
    return [(step, loss) for step, loss in found if loss is not None]


def test_a_sink_that_breaks_is_dropped_and_training_goes_on(
    model: BaseModel, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def log(self, step: int, values: Any) -> None:
            raise OSError("no space")

    monkeypatch.setattr("inhouse.training.trainer.open_sinks", lambda *_: [Broken()])
    _train(model, state / "data", tmp_path / "run", recipe(epochs=1.0))
    assert (tmp_path / "run" / "adapter").exists()
