"""General code is watched: training that loses too much of it stops, and keeps weights that lost little."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from inhouse.models.resolve import BaseModel, resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.training.data import TrainingData
from inhouse.training.forgetting import watching_general_code
from inhouse.training.history import History, Step, Validation
from inhouse.training.trainer import train
from tests.tiny import make_tiny_model
from tests.training.material import examples, recipe, write_dataset

ROWS = [*examples(40), *examples(8, 1, "validation")]


def _history(*general: float, bound: float = 0.1) -> History:
    steps = [Step(number + 1, 1.0, 1.0, 1.0, 1) for number in range(len(general) - 1)]
    validations = [Validation(number, 2.0 - number / 10, loss) for number, loss in enumerate(general)]
    return History(steps, validations, bound)


def test_the_best_weights_are_sought_within_the_bound() -> None:
    history = _history(1.0, 1.05, 1.09, 1.2)
    assert history.forgot()
    assert history.kept_step == 2  # the third validated best of all, and forgot too much
    assert history.finished(steps=10, patience=0)
    assert "training stopped because general code became 20.0% less likely, and the bound is 10.0%" in (
        history.ending(10, 0)
    )


def test_where_all_forgot_too_much_the_least_is_kept_and_told() -> None:
    history = _history(1.0, 1.3, 1.2)
    assert history.kept_step == 2
    assert "forgot least of all" in history.ending(10, 0)


@pytest.mark.parametrize("bound", [0.0, 0.5])
def test_within_the_bound_or_without_one_nothing_stops(bound: float) -> None:
    history = _history(1.0, 1.1, 1.4, bound=bound)
    assert not history.forgot()
    assert history.kept_step == 2


def test_a_history_is_read_back_as_it_was() -> None:
    history = _history(1.0, 1.3)
    history.validations[0] = dataclasses.replace(history.validations[0], rows=(1.0, 2.0))
    assert History.from_json(json.loads(json.dumps(history.as_json()))) == history


def test_the_sample_is_fixed_small_and_free_of_training_text(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "tiny")
    tokenizer = Tokenizer.load(model.folder)
    data = TrainingData.read(write_dataset(tmp_path / "data", ROWS), recipe(), tokenizer.pad)
    first, second = (watching_general_code(data, tokenizer).general for _ in range(2))
    assert first == second
    assert 8 <= len(first) <= 64
    assert {one.split for one in first} == {"general"}
    known = [*ROWS[:40], dataclasses.replace(ROWS[0], id="known", text=first[0].text)]
    data = TrainingData.read(write_dataset(tmp_path / "more", known, ROWS[40:]), recipe(), tokenizer.pad)
    assert first[0].id not in {one.id for one in watching_general_code(data, tokenizer).general}


def _knowing(model: BaseModel, data: TrainingData, folder: Path) -> BaseModel:
    """Return the model after it has learnt the sample by heart: now it has something to forget."""
    from inhouse.training.adapter import load_base

    base = load_base(model, "float32")
    batches = list(data.general_batches())
    optimizer = torch.optim.AdamW(base.parameters(), lr=3e-3)
    for _ in range(6):
        for batch in batches:
            base(batch["input_ids"], labels=batch["input_ids"]).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    shutil.copytree(model.folder, folder)
    base.save_pretrained(folder)
    return resolve(str(folder))


def test_training_that_forgets_stops_early(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    wanted = recipe(
        learning_rate=2e-2,
        epochs=6.0,
        patience=0,
        forgetting_bound=0.05,
        sequence_length=128,
        validate_every=1,
    )
    model = make_tiny_model(tmp_path / "tiny")
    tokenizer = Tokenizer.load(model.folder)
    dataset, out = write_dataset(tmp_path / "data", ROWS), tmp_path / "out"
    data = watching_general_code(TrainingData.read(dataset, wanted, tokenizer.pad), tokenizer)
    knowing = _knowing(model, data, tmp_path / "knowing")
    out.mkdir()
    train(knowing, tokenizer, dataset, wanted, out, Progress.silent())
    history = json.loads((out / "history.json").read_text())
    general = [one["general"] for one in history["validations"]]
    assert history["stopped_early"] is True
    assert general[-1] > 1.05 * general[0]
    assert all(loss <= 1.05 * general[0] for loss in general[1:-1])
    kept = next(one for one in history["validations"] if one["step"] == history["kept_step"])
    assert len(general) == 2 or kept["general"] <= 1.05 * general[0]
    assert "training stopped because general code" in history["ending"]
    assert history["general_code"]["functions"] >= 8
