"""A sweep keeps to its budget and to validation, resumes, and says which is best with its interval."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch

from inhouse.errors import UserMistake
from inhouse.models.resolve import BaseModel
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.reporting.sweep_page import write_sweep_page
from inhouse.training.sweep import Grid, sweep
from tests.tiny import make_tiny_model
from tests.training.material import examples, recipe, write_dataset

ROWS = [*examples(60), *examples(10, 1, "validation")]
RECIPE = recipe(learning_rate=1e-3, epochs=3.0, patience=0)
GRID = Grid((1e-3, 1e-2), (2, 4), 6_000)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    torch.set_num_threads(1)
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def swept(model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    dataset = write_dataset(folder / "data", ROWS)
    (dataset / "items.parquet").write_bytes(b"held out: whoever reads this fails")
    (folder / "out").mkdir()
    _sweep(model, dataset, folder / "out")
    return folder


def _sweep(model: BaseModel, dataset: Path, folder: Path, grid: Grid = GRID) -> None:
    sweep(model, Tokenizer.load(model.folder), dataset, RECIPE, grid, folder, Progress.silent())


def test_every_point_is_trained_within_the_budget(swept: Path) -> None:
    found = json.loads((swept / "out" / "sweep.json").read_text())
    tried = [(point["rank"], point["learning_rate"]) for point in found["points"]]
    assert tried == [
        (4, 1e-3),
        (4, 1e-2),
        (2, 1e-2),
    ]  # the faster rate is better here, so ranks are tried at it
    tokens = [point["tokens"] for point in found["points"]]
    assert len(set(tokens)) == 1
    assert 0.7 * GRID.tokens < sum(tokens) <= GRID.tokens
    assert {len(point["losses"]) for point in found["points"]} == {len(found["points"][0]["losses"])}


def test_the_best_is_said_with_its_interval_and_its_lead_over_the_recipe(swept: Path) -> None:
    found = json.loads((swept / "out" / "sweep.json").read_text())
    losses = {point["name"]: point["validation"]["value"] for point in found["points"]}
    best = found["best"]
    assert best["name"] == min(losses, key=lambda name: losses[name])
    assert best["validation"]["low"] < best["validation"]["value"] < best["validation"]["high"]
    assert found["difference"]["value"] == pytest.approx(
        losses[best["name"]] - losses[found["derived"]], abs=1e-4
    )
    assert found["difference"]["high"] < 0
    assert "surely better than rank 4, learning rate 0.001" in found["sentence"]


def test_done_points_are_not_trained_again(model: BaseModel, swept: Path, tmp_path: Path) -> None:
    before = (swept / "out" / "sweep.json").read_bytes()
    measured = {path: path.stat().st_mtime_ns for path in (swept / "out").rglob("measured.json")}
    assert len(measured) == 3
    (swept / "out" / "sweep.json").unlink()
    _sweep(model, swept / "data", swept / "out")
    assert (swept / "out" / "sweep.json").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in measured} == measured
    assert not list((swept / "out").rglob("*.safetensors"))


def test_a_sweep_killed_inside_a_point_goes_on_to_the_same_bytes(
    model: BaseModel, swept: Path, tmp_path: Path
) -> None:
    """The points before it are not trained again; the one that was hit is."""
    out = tmp_path / "out"
    out.mkdir()
    process = os.fork()
    if process == 0:
        _sweep(model, swept / "data", out)
        os._exit(0)
    hit = out / "points" / "rank-4-rate-0.01" / "live.json"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not hit.exists():
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -9
    assert not (hit.parent / "measured.json").exists()
    first = out / "points" / "rank-4-rate-0.001" / "measured.json"
    before = first.stat().st_mtime_ns
    _sweep(model, swept / "data", out)
    assert first.stat().st_mtime_ns == before
    assert (out / "sweep.json").read_bytes() == (swept / "out" / "sweep.json").read_bytes()


def test_a_budget_too_small_names_the_one_that_suffices(
    model: BaseModel, swept: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserMistake) as mistake:
        _sweep(model, swept / "data", tmp_path, Grid((1e-3, 1e-2), (4,), 100))
    needed = int(str(mistake.value).rpartition(" ")[2].rstrip("."))
    assert "each of the 2 points of a sweep trains for at least 4 steps: 100 tokens" in str(mistake.value)
    assert 4 * 2 * 100 < needed < 3_000


def test_without_validation_nothing_can_be_chosen(model: BaseModel, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "data", examples(20))
    with pytest.raises(UserMistake, match="decided on at least 6 validation examples: there are 0"):
        _sweep(model, dataset, tmp_path)


def test_the_points_lie_around_the_recipe_and_below_the_largest_rank() -> None:
    assert Grid.around(recipe(rank=16, learning_rate=3e-4), 9, 24) == Grid(
        (1e-4, 3e-4, 9e-4, 3e-3), (8, 16, 24), 9
    )
    assert Grid.around(recipe(rank=16, learning_rate=3e-4), 9, 24).points == 6
    assert Grid.around(recipe(method="bitfit", rank=0), 9, 24).ranks == ()


def test_the_page_shows_every_point(swept: Path, tmp_path: Path) -> None:
    found = json.loads((swept / "out" / "sweep.json").read_text())
    write_sweep_page("a <b>", found, tmp_path / "sweep.html")
    page = (tmp_path / "sweep.html").read_text()
    assert all(page.count(point["name"]) >= 2 for point in found["points"])
    assert "a &lt;b&gt;" in page
    assert found["sentence"] in page
    assert "<script" not in page
