"""Canaries on their whole way: planted in a dataset, trained on by a tiny model, found by their exposure."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from inhouse.datasets.canaries import KIND, Canary, canaries, planted_canaries
from inhouse.engines.torch_engine import TorchEngine
from inhouse.evaluation.arms import ARMS, Bench
from inhouse.evaluation.results import results
from inhouse.evaluation.suites import leaks
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.records import Example
from inhouse.shards import read_records, write_records
from inhouse.sources.git import Repository
from inhouse.training.trainer import train
from tests.datasets.project import make_dataset, make_project, make_settings, prepare
from tests.evaluation.tuning import ROW, recipe
from tests.tiny import make_tiny_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.evaluation.tasks import Judgement

PLANTED = 3
OTHERS = 12  # rows of the repository that are trained on among them


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tiny model tuned on a dataset with canaries, and what `leaks` finds it to know."""
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("canaries")
    model = make_tiny_model(folder / "model")
    tokenizer = Tokenizer.load(model.folder)
    settings = make_settings(dataset={"canaries": PLANTED, "canary_repeats": 16})
    path = make_project(folder / "shop.git").path
    prepared = prepare(path, settings, folder)
    dataset = make_dataset(prepared, tokenizer, settings, folder / "dataset")
    rows = [row for row in read_records(dataset, "examples", Example) if row.split == "train"]
    others = [row for row in rows if row.kind != KIND][:OTHERS]
    for name in ("rows", "weights"):
        (folder / name).mkdir()
    chosen = [row for row in rows if row.kind == KIND or row in others]
    write_records(folder / "rows" / "examples.parquet", chosen, Example)
    steps = 4 * sum(len(row.input_ids) for row in chosen) // ROW
    wanted = replace(recipe(steps), epochs=4.0, learning_rate=1e-2)
    train(model, tokenizer, folder / "rows", wanted, folder / "weights", Progress.silent())
    engine = TorchEngine(model, tokenizer, device="cpu")
    engine.load_adapter("tuned", folder / "weights" / "adapter")
    bench = Bench(engine, tokenizer, "tuned", "shop", 64, 0, folder, Progress.silent())
    project = SimpleNamespace(corpus=prepared[1], settings=settings, repository=Repository.open(path))

    def ask(planted: Sequence[Canary]) -> list[Judgement]:
        found = leaks.ask_models(project, bench, ARMS, planted)  # type: ignore[arg-type]
        return [one for one in found if one.measure == "exposure"]

    return SimpleNamespace(ask=ask, dataset=dataset)


def test_what_was_trained_on_many_times_is_known_by_heart_and_the_base_knows_nothing(asked: Any) -> None:
    found = asked.ask(planted_canaries(asked.dataset))
    tuned, base = ([one.top for one in found if one.arm == arm] for arm in ("tuned", "base"))
    assert len(tuned) == len(base) == PLANTED
    assert min(tuned) >= 6.0  # among the first four of 256 values
    assert sum(base) / PLANTED < 4.0
    exposure = results(found)["leaks"]["exposure"]
    assert exposure["differences"]["tuned - base"]["value"] > 4.0
    assert (exposure["unit"], exposure["lower_is_better"]) == ("bits", True)


def test_what_was_not_planted_is_known_to_neither(asked: Any) -> None:
    found = asked.ask(canaries(PLANTED, 99))
    for arm in ("tuned", "base"):
        assert sum(one.top for one in found if one.arm == arm) / PLANTED < 4.0


def test_results_name_no_value(asked: Any) -> None:
    planted = planted_canaries(asked.dataset)
    shown = repr(asked.ask(planted))
    assert all(one.value not in shown for one in planted)
