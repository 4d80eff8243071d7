from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inhouse.engines.base import GenerateRequest, ScoreRequest
from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import make_tiny_adapter, make_tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inhouse.models.resolve import BaseModel

REQUEST = ScoreRequest(tuple(range(20, 60)), tuple(range(60, 80)))
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def engine(base: BaseModel) -> TorchEngine:
    return TorchEngine(base, Tokenizer.load(base.folder), device="cpu")


def scores(engine: TorchEngine, adapter: str = "") -> tuple[float, ...]:
    return engine.score([ScoreRequest(REQUEST.context, REQUEST.target, adapter)])[0].logprobs


def edit_weights(folder: Path, change: Callable[[str, torch.Tensor], torch.Tensor]) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({name: change(name, value) for name, value in weights.items()}, folder / WEIGHTS)


def edit_config(folder: Path, **values: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def peft_scores(base: BaseModel, folder: Path) -> list[float]:
    """Score with PEFT's own model class and all the logits."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base.folder, local_files_only=True)
    model = PeftModel.from_pretrained(model, str(folder)).eval()
    ids = REQUEST.context + REQUEST.target
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return [float(logits[at - 1, ids[at]]) for at in range(len(REQUEST.context), len(ids))]


def test_an_adapter_answers_as_in_peft_and_leaves_the_base_as_it_was(base: BaseModel, tmp_path: Path) -> None:
    engine = TorchEngine(base, Tokenizer.load(base.folder), device="cpu")
    before = scores(engine)
    folders = [make_tiny_adapter(tmp_path / str(number), base, seed=number) for number in range(3)]
    for number, folder in enumerate(folders):
        loaded = engine.load_adapter(f"adapter/{number}.v1", folder)
        assert loaded.name == f"adapter/{number}.v1"
        assert loaded.largest_change > 0.01
    for number, folder in enumerate(folders):
        assert scores(engine, f"adapter/{number}.v1") == pytest.approx(peft_scores(base, folder), abs=1e-4)
    assert scores(engine) == before


def test_the_base_that_an_adapter_names_is_not_looked_for_on_the_network(
    base: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a connection was opened")

    folder = make_tiny_adapter(tmp_path, base)
    edit_config(folder, base_model_name_or_path="acme/base")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    engine = TorchEngine(base, Tokenizer.load(base.folder), device="cpu")
    assert engine.load_adapter("adapter", folder).largest_change > 0.01


def test_an_adapter_that_was_never_trained_is_loaded_and_said_to_change_nothing(
    base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    edit_weights(folder, lambda name, value: value if "lora_A" in name else torch.zeros_like(value))
    assert engine.load_adapter("untrained", folder).largest_change == 0.0
    assert scores(engine, "untrained") == scores(engine)


def test_an_adapter_that_does_nothing_is_refused(
    base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    folder = make_tiny_adapter(tmp_path, base, alpha=0)
    before = scores(engine)
    with pytest.raises(UserMistake, match="changes nothing; train it again"):
        engine.load_adapter("nothing", folder)
    with pytest.raises(UserMistake, match="no such adapter"):
        scores(engine, "nothing")
    assert scores(engine) == before


def test_an_adapter_with_broken_numbers_is_refused(
    base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    edit_weights(folder, lambda _, value: value * float("nan"))
    before = scores(engine)
    with pytest.raises(UserMistake, match="answers that are not numbers"):
        engine.load_adapter("broken", folder)
    assert scores(engine) == before


def test_a_refused_first_adapter_does_not_stand_in_the_way_of_the_next(
    base: BaseModel, tmp_path: Path
) -> None:
    engine = TorchEngine(base, Tokenizer.load(base.folder), device="cpu")
    before = scores(engine)
    with pytest.raises(UserMistake, match="changes nothing"):
        engine.load_adapter("adapter", make_tiny_adapter(tmp_path / "nothing", base, alpha=0))
    assert scores(engine) == before
    good = make_tiny_adapter(tmp_path / "good", base)
    engine.load_adapter("adapter", good)
    assert scores(engine, "adapter") == pytest.approx(peft_scores(base, good), abs=1e-4)


@pytest.mark.parametrize(("layers", "hidden"), [(2, 32), (1, 64), (3, 64)])
def test_an_adapter_of_another_base_is_refused_and_changes_nothing(
    engine: TorchEngine, tmp_path: Path, layers: int, hidden: int
) -> None:
    other = make_tiny_model(tmp_path / "other", layers=layers, hidden=hidden)
    folder = make_tiny_adapter(tmp_path / "adapter", other)
    before = scores(engine)
    with pytest.raises(UserMistake, match="an adapter must fit the base model"):
        engine.load_adapter("other", folder)
    assert scores(engine) == before


def test_an_adapter_for_layers_that_are_not_there_is_refused(
    base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    edit_config(folder, target_modules=["Wqkv"])
    with pytest.raises(UserMistake, match="Wqkv"):
        engine.load_adapter("odd", folder)


def test_a_pickled_adapter_is_not_read(base: BaseModel, engine: TorchEngine, tmp_path: Path) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    torch.save(load_file(folder / WEIGHTS), folder / "adapter_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(UserMistake, match=f"an adapter folder needs {WEIGHTS}"):
        engine.load_adapter("pickled", folder)


def test_a_file_cut_short_is_refused(base: BaseModel, engine: TorchEngine, tmp_path: Path) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])
    with pytest.raises(UserMistake, match="the file of an adapter is damaged"):
        engine.load_adapter("cut", folder)


def test_an_adapter_that_would_rewrite_the_base_weights_is_refused(
    base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    edit_config(folder, init_lora_weights="pissa")
    with pytest.raises(UserMistake, match="its starting point pissa changes the base weights"):
        engine.load_adapter("pissa", folder)


def test_another_method_is_refused_by_name(base: BaseModel, engine: TorchEngine, tmp_path: Path) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LOHA", "target_modules": ["q_proj"]})
    )
    with pytest.raises(UserMistake, match="its method is LOHA, and this engine knows LORA, IA3"):
        engine.load_adapter("loha", folder)


def test_a_name_is_used_once_and_an_unknown_one_is_refused(
    base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    folder = make_tiny_adapter(tmp_path, base)
    engine.load_adapter("taken", folder)
    for name in ("taken", ""):
        with pytest.raises(UserMistake, match="a name that is not in use"):
            engine.load_adapter(name, folder)
    with pytest.raises(UserMistake, match="no such adapter in the engine: 'absent'"):
        engine.generate(GenerateRequest((9,), 4, adapter="absent"))
