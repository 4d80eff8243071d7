"""Adapters of every kind beside each other: each answers as in PEFT, and the base comes back bit for bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inhouse.engines.base import GenerateRequest, ScoreRequest
from inhouse.engines.llama_adapters import _settings
from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import make_tiny_adapter, make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.models.resolve import BaseModel

WEIGHTS = "adapter_model.safetensors"
REQUEST = ScoreRequest(tuple(range(20, 60)), tuple(range(60, 80)))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("base"), biases=True)


@pytest.fixture
def engine(base: BaseModel) -> TorchEngine:
    return TorchEngine(base, Tokenizer.load(base.folder), device="cpu")


def _plain(base: BaseModel) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(base.folder, local_files_only=True)


def peft_adapter(folder: Path, base: BaseModel, kind: str) -> Path:
    """Write an adapter of PEFT's with random weights."""
    from peft import (
        IA3Config,
        LoraConfig,
        PrefixTuningConfig,
        PromptEncoderConfig,
        PromptTuningConfig,
        get_peft_model,
    )

    task: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    configs = {
        "dora": lambda: LoraConfig(r=4, target_modules=["q_proj", "down_proj"], use_dora=True, **task),
        "ranks": lambda: LoraConfig(
            r=4, target_modules=["q_proj"], rank_pattern={"model.layers.1.self_attn.q_proj": 2}
        ),
        "ia3": lambda: IA3Config(
            target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"], **task
        ),
        "prefix": lambda: PrefixTuningConfig(num_virtual_tokens=5, **task),
        "prompt": lambda: PromptTuningConfig(num_virtual_tokens=5, **task),
        "p_tuning": lambda: PromptEncoderConfig(num_virtual_tokens=5, **task),
    }
    model = get_peft_model(_plain(base), configs[kind]())
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data += 0.2 * torch.randn(weight.shape, generator=generator)
    model.save_pretrained(folder)
    return folder


def changed_weights(folder: Path, base: BaseModel, names: tuple[str, ...], *, unties: bool = False) -> Path:
    weights = dict(_plain(base).named_parameters(remove_duplicate=False))
    generator = torch.Generator().manual_seed(1)
    noise = {name: 0.1 * torch.randn(weights[name].shape, generator=generator) for name in names}
    folder.mkdir()
    save_file({name: (weights[name] + noise[name]).detach().clone() for name in names}, folder / WEIGHTS)
    settings = {"format": "changed_weights", "method": "full", "unties_head": unties}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def scores(engine: TorchEngine, adapter: str = "") -> tuple[float, ...]:
    return engine.score([ScoreRequest(REQUEST.context, REQUEST.target, adapter)])[0].logprobs


def scores_of(model: Any) -> list[float]:
    ids = REQUEST.context + REQUEST.target
    with torch.inference_mode():
        logits = model.eval()(torch.tensor([ids])).logits[0, -len(ids) :].log_softmax(-1)
    return [float(logits[at - 1, ids[at]]) for at in range(len(REQUEST.context), len(ids))]


@pytest.mark.parametrize("kind", ["dora", "ranks", "ia3", "prefix", "prompt", "p_tuning"])
def test_an_adapter_scores_and_writes_as_in_peft(
    kind: str, base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    from peft import PeftModel

    folder = peft_adapter(tmp_path, base, kind)
    assert engine.load_adapter(kind, folder).largest_change > 0.01
    model = PeftModel.from_pretrained(_plain(base), str(folder)).eval()
    assert scores(engine, kind) == pytest.approx(scores_of(model), abs=1e-4)
    prompts = [REQUEST.context, REQUEST.context[:7]]  # padded, beside each other
    written = engine.complete([GenerateRequest(prompt, 6, adapter=kind) for prompt in prompts])
    for prompt, answer in zip(prompts, written, strict=True):
        assert list(answer.tokens) == _greedy(model, prompt, len(answer.tokens))


def _greedy(model: Any, prompt: tuple[int, ...], count: int) -> list[int]:
    """Continue without any cache of ours."""
    ids = list(prompt)
    for _ in range(count):
        with torch.inference_mode():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


def test_all_kinds_at_once_in_any_order_leave_the_base_as_it_was(base: BaseModel, tmp_path: Path) -> None:
    engine = TorchEngine(base, Tokenizer.load(base.folder), device="cpu")
    before = scores(engine)
    folders = {
        kind: peft_adapter(tmp_path / kind, base, kind) for kind in ("dora", "ia3", "prefix", "prompt")
    }
    folders["lora"] = make_tiny_adapter(tmp_path / "lora", base)
    names = ("model.layers.0.mlp.up_proj.weight", "model.layers.1.self_attn.q_proj.bias")
    folders["weights"] = changed_weights(tmp_path / "weights", base, names)
    alone = {}
    for kind, folder in folders.items():
        single = TorchEngine(base, Tokenizer.load(base.folder), device="cpu")
        single.load_adapter(kind, folder)
        alone[kind] = scores(single, kind)
        engine.load_adapter(kind, folder)
    for kind in [*folders, *reversed(folders)]:
        assert scores(engine, kind) == alone[kind], kind
        assert scores(engine) == before
    for kind in folders:
        engine._adapters.unload(kind)
        assert scores(engine) == before
    assert len(set(alone.values())) == len(folders)


@pytest.mark.parametrize("unties", [False, True])
def test_shared_embeddings_change_together_unless_the_adapter_unties_the_head(
    unties: bool, base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    name = "lm_head.weight" if unties else "model.embed_tokens.weight"
    folder = changed_weights(tmp_path / "shared", base, (name,), unties=unties)
    engine.load_adapter("shared", folder)
    model = _plain(base)
    new = torch.nn.Parameter(load_file(folder / WEIGHTS)[name])
    model.lm_head.weight = new
    if not unties:
        model.model.embed_tokens.weight = new
    assert scores(engine, "shared") == pytest.approx(scores_of(model), abs=1e-4)


def test_virtual_tokens_take_room_in_the_window(base: BaseModel, engine: TorchEngine, tmp_path: Path) -> None:
    engine.load_adapter("prompt", peft_adapter(tmp_path, base, "prompt"))
    engine._window = 44
    engine.generate(GenerateRequest(REQUEST.context, 1))
    with pytest.raises(UserMistake, match="reads at most 39 tokens: 41"):
        engine.generate(GenerateRequest(REQUEST.context, 1, adapter="prompt"))
    asked = GenerateRequest(REQUEST.context[:35], 20, adapter="prompt")
    assert len(engine.complete([asked])[0].tokens) <= 4


@pytest.mark.parametrize(
    ("names", "change", "sentence"),
    [
        (
            ("model.layers.9.mlp.up_proj.weight",),
            None,
            "layers.9.mlp.up_proj.weight is .* where the base wants absent",
        ),
        (("model.norm.weight",), torch.zeros(3), r"model.norm.weight is \(3,\) where the base wants \(64,\)"),
        ((), None, "it changes no weight"),
    ],
)
def test_changed_weights_of_another_base_are_refused(
    names: tuple[str, ...], change: Any, sentence: str, engine: TorchEngine, tmp_path: Path
) -> None:
    before = scores(engine)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"format": "changed_weights", "method": "full"}))
    save_file({name: torch.zeros(2) if change is None else change for name in names}, tmp_path / WEIGHTS)
    with pytest.raises(UserMistake, match=sentence):
        engine.load_adapter("odd", tmp_path)
    assert scores(engine) == before


def test_changed_weights_that_are_the_bases_own_change_nothing_and_broken_ones_are_refused(
    base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    before = scores(engine)
    folder = changed_weights(tmp_path / "weights", base, ("model.norm.weight",))
    save_file(
        {"model.norm.weight": dict(_plain(base).named_parameters())["model.norm.weight"].data},
        folder / WEIGHTS,
    )
    assert engine.load_adapter("same", folder).largest_change == 0.0
    save_file({"model.norm.weight": torch.full((64,), float("nan"))}, folder / WEIGHTS)
    with pytest.raises(UserMistake, match="answers that are not numbers"):
        engine.load_adapter("broken", folder)
    assert scores(engine) == before


@pytest.mark.parametrize("kind", ["prefix", "prompt"])
def test_virtual_tokens_of_another_base_are_refused(
    kind: str, base: BaseModel, engine: TorchEngine, tmp_path: Path
) -> None:
    folder = peft_adapter(tmp_path, base, kind)
    values = load_file(folder / WEIGHTS)["prompt_embeddings"]
    save_file({"prompt_embeddings": values[:, :-1].contiguous()}, folder / WEIGHTS)
    with pytest.raises(UserMistake, match=f"wants prompt_embeddings of width {values.shape[1]}"):
        engine.load_adapter("odd", folder)


@pytest.mark.parametrize(
    ("kind", "said"), [("ia3", "IA3"), ("prefix", "PREFIX_TUNING"), ("weights", "full"), ("dora", "use_dora")]
)
def test_llama_cpp_says_in_one_sentence_what_it_does_not_take(
    kind: str, said: str, base: BaseModel, tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    if kind == "weights":
        changed_weights(folder, base, ("model.norm.weight",))
    else:
        peft_adapter(folder, base, kind)
    with pytest.raises(UserMistake, match=f"takes plain LoRA adapters: .*{said}; use the torch engine"):
        _settings(folder)
