"""Spare tokens that get a meaning: their embeddings are trained, written and served with the adapter."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from inhouse.engines.base import ScoreRequest
from inhouse.engines.llama_adapters import _settings as llama_settings
from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.planning.plan import _with_new_tokens
from inhouse.progress import Progress
from inhouse.records import Example
from inhouse.shards import read_records
from inhouse.training.adapter import load_base, prepare, read_adapter, write_adapter
from inhouse.training.losses import has_plain_head
from inhouse.training.method import find_method, known_methods
from inhouse.training.trainer import train
from inhouse.training.tuned import trained_parameters
from tests.tiny import make_tiny_adapter, make_tiny_model
from tests.training.material import example, method_recipe, recipe, write_dataset

if TYPE_CHECKING:
    from inhouse.models.resolve import BaseModel

NEW = (4, 5)  # markers of the tiny model
ROWS = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"


def _rows(count: int, split: str = "train") -> list[Example]:
    """The last tokens are what the new token at the beginning says; what stands between does not help."""
    made = []
    for number in range(count):
        filler = [20 + (7 * number + 3 * place) % 40 for place in range(4)]
        answer = [100, 101, 102] if number % 2 else [110, 111, 112]
        ids = [NEW[number % 2], *filler, *answer]
        made.append(example(f"{split}-{number}", ids, [False] * 5 + [True] * 3, split=split))
    return made


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    torch.set_num_threads(1)
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), tied=request.param)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data"), _rows(24), _rows(6, "validation"))


def _train(model: BaseModel, dataset: Path, folder: Path, name: str = "lora") -> dict[int, float]:
    folder.mkdir(exist_ok=True)
    wanted = replace(method_recipe(name, model), new_tokens=NEW)
    train(model, Tokenizer.load(model.folder), dataset, wanted, folder, Progress.silent())
    history = json.loads((folder / "history.json").read_text())
    losses = {one["step"]: one["loss"] for one in history["validations"]}
    return {0: losses[0], 1: losses[history["kept_step"]]}


def _loss(engine: TorchEngine, dataset: Path, adapter: str) -> float:
    rows = [row for row in read_records(dataset, "examples", Example) if row.split == "validation"]
    scores = engine.score([ScoreRequest(row.input_ids[:5], row.input_ids[5:], adapter) for row in rows])
    return -sum(sum(each.logprobs) for each in scores) / (3 * len(rows))


@pytest.mark.parametrize("name", ["lora", "dora", "lora_plus"])
def test_new_tokens_are_learnt_and_served_as_they_were_trained(
    name: str, model: BaseModel, dataset: Path, tmp_path: Path
) -> None:
    losses = _train(model, dataset, tmp_path / "run", name)
    adapter = tmp_path / "run" / "adapter"
    rows = load_file(adapter / "adapter_model.safetensors")[ROWS]
    began = prepare(model, replace(method_recipe(name, model), new_tokens=NEW), 4).tensors()[ROWS]
    assert rows.shape == (2, 64)
    assert (rows - began).abs().max() > 1e-3
    engine = TorchEngine(model, Tokenizer.load(model.folder), device="cpu")
    base = _loss(engine, dataset, "")
    engine.load_adapter("tuned", adapter)
    assert _loss(engine, dataset, "tuned") == pytest.approx(losses[1], abs=2e-5)
    assert losses[1] < losses[0] - 0.1
    engine.load_adapter("plain", make_tiny_adapter(tmp_path / "plain", model))
    alone = TorchEngine(model, Tokenizer.load(model.folder), device="cpu")
    alone.load_adapter("plain", tmp_path / "plain")
    assert _loss(engine, dataset, "plain") == _loss(alone, dataset, "plain")
    assert _loss(engine, dataset, "tuned") == pytest.approx(losses[1], abs=2e-5)
    assert _loss(engine, dataset, "") == base


def test_nothing_else_of_the_embeddings_changes(model: BaseModel, dataset: Path, tmp_path: Path) -> None:
    _train(model, dataset, tmp_path)
    names = set(load_file(tmp_path / "adapter" / "adapter_model.safetensors"))
    assert {name for name in names if "lora_" not in name} == {ROWS}
    tuned = prepare(model, recipe(new_tokens=NEW), 4)
    before = load_base(model, "float32").get_input_embeddings().weight
    after = tuned.base.get_input_embeddings().weight
    others = [row for row in range(len(before)) if row not in NEW]
    assert torch.equal(before[others], after[others])
    assert {name for name in trained_parameters(tuned.model) if "lora_" not in name} == {f"{ROWS}.default"}


def test_new_tokens_begin_apart_from_each_other_the_same_with_each_seed(model: BaseModel) -> None:
    one, same, other = (
        prepare(model, recipe(new_tokens=NEW, seed=seed), 4).tensors()[ROWS] for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert (one[0] - one[1]).abs().max() > 0.05


def test_a_checkpoint_brings_them_back(model: BaseModel, tmp_path: Path) -> None:
    tuned = prepare(model, recipe(new_tokens=NEW), 4)
    for weight in trained_parameters(tuned.model).values():
        weight.data += 0.5
    write_adapter(tuned, "base", tmp_path)
    again = prepare(model, recipe(new_tokens=NEW, seed=3), 4)
    read_adapter(again, tmp_path)
    for name, weight in trained_parameters(tuned.model).items():
        assert torch.equal(weight, trained_parameters(again.model)[name]), name


def test_the_cheap_loss_still_applies(model: BaseModel) -> None:
    assert has_plain_head(prepare(model, recipe(new_tokens=NEW), 4).base)


def test_the_llama_engine_refuses_them_in_a_sentence(model: BaseModel, tmp_path: Path) -> None:
    write_adapter(prepare(model, recipe(new_tokens=NEW), 4), "base", tmp_path)
    with pytest.raises(UserMistake, match=r"gives tokens of the base a new meaning .*; use the torch engine"):
        llama_settings(tmp_path)


def test_the_recipe_takes_them_from_the_dataset_and_other_methods_are_refused(tmp_path: Path) -> None:
    (tmp_path / "accounting.json").write_text(json.dumps({"infill": {"new_tokens": [4, 5, 6]}}))
    made, reasons = _with_new_tokens(recipe(), {}, tmp_path)
    assert made.new_tokens == (4, 5, 6)
    assert "spare tokens" in reasons["new_tokens"]
    able = {name for name in known_methods() if "new_tokens" in find_method(name).uses}
    assert able == {"lora", "qlora", "rslora", "dora", "lora_plus"}
    with pytest.raises(UserMistake, match=r"dora, lora, lora_plus, qlora, rslora: .* the method is pissa"):
        _with_new_tokens(replace(recipe(), method="pissa"), {}, tmp_path)
    (tmp_path / "accounting.json").write_text(json.dumps({"row_length": 512}))
    assert _with_new_tokens(recipe(), {}, tmp_path)[0] == recipe()
