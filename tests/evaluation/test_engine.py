"""The whole comparison on a tiny model and a real engine, with an adapter that was really trained."""

from __future__ import annotations

import json
import math

import pytest

from inhouse.config import Settings
from inhouse.evaluation.compare import write_scores
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.records import Score
from inhouse.shards import read_records
from tests.evaluation.test_compare import write_dataset
from tests.evaluation.tuning import tune
from tests.tiny import make_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory, planted, index):
    from inhouse.engines.torch_engine import TorchEngine

    home = tmp_path_factory.mktemp("tiny")
    model = make_tiny_model(home / "model")
    tokenizer = Tokenizer.load(model.folder)
    adapter = tune(model, tokenizer, "ledgerkit", planted.tree(), home / "training", tokens=4 * 256)
    engine = TorchEngine(model, tokenizer, device="cpu")
    engine.load_adapter("tuned", adapter)
    (home / "dataset").mkdir()
    (home / "scores").mkdir()
    dataset = write_dataset(home / "dataset", planted, planted.items()[:9])
    settings = Settings.model_validate(
        {"budget": "smoke", "evaluation": {"context_tokens": 400, "retrieval_shares": [0.4]}}
    )
    write_scores(
        engine,
        tokenizer,
        dataset,
        {"validation": index, "heldout": index},
        "tuned",
        "ledgerkit",
        settings,
        home / "scores",
        Progress.silent(),
    )
    return home / "scores"


def test_every_measure_of_every_arm_comes_out_of_a_real_engine(folder):
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for measures in summary["arms"].values():
        assert 1.0 < measures["bits_per_byte"]["value"] < 20.0  # the weights are random
        assert 0.0 <= measures["next_token_accuracy"]["value"] < 0.5
        assert measures["statement_exact"]["n"] == 6
    assert summary["budget"]["generated"]["used"] > 0
    assert summary["retention"]["difference"]["value"] != 0.0


def test_the_adapter_is_what_makes_the_difference(folder):
    scores = list(read_records(folder, "scores", Score))
    base = {score.item: score.bits for score in scores if score.arm == "base"}
    tuned = {score.item: score.bits for score in scores if score.arm == "tuned"}
    assert len(base) == 6
    assert all(base[item] != tuned[item] for item in base)
    assert not any(math.isnan(score.statement_exact) for score in scores)
