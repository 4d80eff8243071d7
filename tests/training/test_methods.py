"""Every method trains for real, is written, resumed, and served as it was trained."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from inhouse.config import Training
from inhouse.engines.base import ScoreRequest
from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.planning.hardware import Hardware
from inhouse.planning.method import follow_method
from inhouse.progress import Progress
from inhouse.training import method as declarations
from inhouse.training.adapter import load_base, prepare
from inhouse.training.checkpoints import Checkpoints
from inhouse.training.data import TrainingData
from inhouse.training.losses import weighted_loss
from inhouse.training.method import UNUSED, find_method, known_methods
from inhouse.training.trainer import train
from inhouse.training.tuned import trained_parameters
from tests.tiny import make_tiny_model
from tests.training.material import LAPTOP, PAD, examples, recipe, write_dataset
from tests.training.material import method_recipe as recipe_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from inhouse.models.resolve import BaseModel
    from inhouse.records import Recipe

WEIGHTS = "adapter_model.safetensors"
ISSUE = {
    "full", "partial", "linear_probe", "bitfit", "lora", "rslora", "dora", "lora_plus", "adalora", "pissa",
    "olora", "qlora", "ia3", "prefix", "prompt", "p_tuning",
}  # fmt: skip
METHODS = sorted(ISSUE)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    """A tiny model with biases in its attention, as Qwen2 has."""
    torch.set_num_threads(1)
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), biases=True)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data"), examples(24), examples(6, 1, "validation"))


@pytest.fixture(scope="module")
def trained(
    model: BaseModel, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return a function that trains by a method, once."""
    known: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in known:
            known[name] = tmp_path_factory.mktemp(name)
            _train(model, dataset, recipe_of(name, model), known[name])
        return known[name]

    return run


@pytest.fixture(scope="module")
def engine(model: BaseModel) -> TorchEngine:
    return TorchEngine(model, Tokenizer.load(model.folder), device="cpu")


def _train(model: BaseModel, dataset: Path, wanted: Recipe, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    train(model, Tokenizer.load(model.folder), dataset, wanted, folder, Progress.silent())


def _history(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "history.json").read_text()))


def _losses(folder: Path) -> dict[int, float]:
    return {one["step"]: one["loss"] for one in _history(folder)["validations"]}


# ------------------------------------------------------------ declarations


def test_every_method_that_was_promised_is_declared() -> None:
    assert set(known_methods()) == ISSUE
    assert all(name == method.name for name, method in known_methods().items())
    assert all(20 < len(method.line) < 110 for method in known_methods().values())


def test_a_new_method_is_one_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import inhouse.training.methods as package
    from inhouse.cli.main import main

    (tmp_path / "invented.py").write_text(
        "from inhouse.training.low_rank import low_rank\n"
        "from inhouse.training.method import no_choices\n"
        "METHOD = low_rank('invented', 'made up for a test', defaults=no_choices)\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    declarations.known_methods.cache_clear()
    try:
        with pytest.raises(SystemExit):
            main(["train", "--help"])
        assert "invented      made up for a test\n" in capsys.readouterr().out
    finally:
        declarations.known_methods.cache_clear()


def test_a_method_that_is_not_there_shows_the_nearest() -> None:
    with pytest.raises(UserMistake, match="no such training method: p-tuning; did you mean p_tuning"):
        find_method("p-tuning")


@pytest.mark.parametrize("name", METHODS)
def test_a_recipe_holds_nothing_that_its_method_does_not_use(name: str, model: BaseModel) -> None:
    config = json.loads((model.folder / "config.json").read_text())
    wished = Training(method=name, rank=8, layers=1, virtual_tokens=5)
    made, reasons = follow_method(recipe(rank=8), config, LAPTOP, wished)
    for field, nothing in UNUSED.items():
        if field not in known_methods()[name].uses:
            assert getattr(made, field) == nothing, field
            left = ": yours is left aside" if field in ("rank", "layers", "virtual_tokens") else ""
            assert reasons[field] == f"not used by {name}{left}"


def test_without_a_gpu_qlora_says_which_optimizer_it_takes_instead(model: BaseModel) -> None:
    config = json.loads((model.folder / "config.json").read_text())
    made, reasons = follow_method(recipe(), config, LAPTOP, Training(method="qlora"))
    assert (made.quantization, made.optimizer) == ("nf4", "adamw")
    assert "instead of paged 8-bit AdamW, which needs a GPU" in reasons["optimizer"]
    gpu = Hardware(cores=2, memory=1, gpu="a GPU", gpu_memory=1)
    assert follow_method(recipe(), config, gpu, Training(method="qlora"))[0].optimizer == "paged_adamw_8bit"


# ------------------------------------------------------------ training


@pytest.mark.parametrize("name", METHODS)
def test_training_helps_and_the_engine_answers_with_the_loss_that_was_recorded(
    name: str, model: BaseModel, dataset: Path, trained: Callable[[str], Path], engine: TorchEngine
) -> None:
    """Packed rows in training, one document at a time in the engine: one loss, or isolation is broken."""
    folder = trained(name)
    losses, kept = _losses(folder), _history(folder)["kept_step"]
    assert losses[kept] < losses[0] - 0.02
    assert engine.load_adapter(name, folder / "adapter").largest_change > 0.01
    if name != "qlora":  # which was trained beside rounded weights
        assert _engine_loss(engine, dataset, "") == pytest.approx(losses[0], abs=2e-5)
        assert _engine_loss(engine, dataset, name) == pytest.approx(losses[kept], abs=2e-5)


@pytest.mark.parametrize("name", METHODS)
def test_an_interrupted_training_ends_in_the_same_bytes(
    name: str, model: BaseModel, dataset: Path, trained: Callable[[str], Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    complete = Checkpoints._complete

    def stop(self: Checkpoints, partial: Path, final: Path) -> None:
        complete(self, partial, final)
        if final.name == "step-000004":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "_complete", stop)
        with pytest.raises(KeyboardInterrupt):
            _train(model, dataset, recipe_of(name, model), tmp_path)
    _train(model, dataset, recipe_of(name, model), tmp_path)
    assert json.loads((tmp_path / "measured.json").read_text())["resumed_from_step"] == 4
    for file in (f"adapter/{WEIGHTS}", "adapter/adapter_config.json", "history.json"):
        assert (tmp_path / file).read_bytes() == (trained(name) / file).read_bytes(), file


@pytest.mark.parametrize(
    ("name", "pattern", "count"),
    [
        ("full", r"model\.layers\.[01]\.(self_attn|mlp)\.\w+_proj\.(weight|bias)", 4 * 2 + 2 * 2),
        ("partial", r"model\.layers\.1\.(self_attn|mlp)\.\w+_proj\.(weight|bias)", 4 + 2),
        ("bitfit", r"model\.layers\.[01]\.self_attn\.[qkvo]_proj\.bias", 8),
        ("linear_probe", r"lm_head\.weight", 1),
        ("ia3", r"base_model\.model\.model\.layers\.[01]\.\w+\.[kvd]\w*_proj\.ia3_l", 6),
        ("dora", r".*\.lora_(A\.weight|B\.weight|magnitude_vector)", 24),
        ("prompt", r"prompt_embeddings", 1),
        ("p_tuning", r"prompt_embeddings", 1),
        ("prefix", r"prompt_embeddings", 1),
    ],
)
def test_only_what_the_method_trains_is_written(
    name: str, pattern: str, count: int, trained: Callable[[str], Path]
) -> None:
    """Norms and embeddings stay frozen: nobody named them."""
    weights = load_file(trained(name) / "adapter" / WEIGHTS)
    assert len(weights) == count
    assert all(re.fullmatch(pattern, key) for key in weights), sorted(weights)
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


@pytest.mark.parametrize("name", ["full", "partial", "bitfit", "linear_probe"])
def test_an_adapter_of_changed_weights_names_its_method(name: str, trained: Callable[[str], Path]) -> None:
    settings = json.loads((trained(name) / "adapter" / "adapter_config.json").read_text())
    assert (settings["format"], settings["method"]) == ("changed_weights", name)
    assert settings["unties_head"] is (name == "linear_probe")


def test_norms_and_embeddings_are_trained_when_they_are_named(model: BaseModel) -> None:
    wanted = recipe_of("full", model, targets=("input_layernorm", "norm", "embed_tokens"))
    names = set(trained_parameters(prepare(model, wanted, 4).model))
    assert names == {
        "model.embed_tokens.weight",
        "model.layers.0.input_layernorm.weight",
        "model.layers.1.input_layernorm.weight",
        "model.norm.weight",
    }


def test_changed_weights_of_a_half_precision_base_are_trained_in_float32(model: BaseModel) -> None:
    tuned = prepare(model, recipe_of("partial", model), 4)
    assert {weight.dtype for weight in trained_parameters(tuned.model).values()} == {torch.float32}
    half = prepare(model, dataclasses.replace(recipe_of("partial", model), precision="bfloat16"), 4)
    assert {weight.dtype for weight in trained_parameters(half.model).values()} == {torch.float32}
    assert half.base.get_input_embeddings().weight.dtype == torch.bfloat16


# ------------------------------------------------------------ what single methods promise


def test_lora_plus_and_rslora_and_dora_are_what_they_say(model: BaseModel) -> None:
    made = {name: prepare(model, recipe_of(name, model), 4) for name in ("rslora", "dora")}
    layers = {name: tuned.base.model.layers[0].self_attn.q_proj for name, tuned in made.items()}
    wanted = recipe_of("rslora", model)
    assert layers["rslora"].scaling["default"] == pytest.approx(wanted.alpha / wanted.rank**0.5)
    assert layers["dora"].use_dora == {"default": True}
    assert recipe_of("lora_plus", model).rate_ratio == 16.0


@pytest.mark.parametrize("name", ["pissa", "olora"])
def test_a_warm_start_is_written_for_the_original_base(name: str, model: BaseModel, tmp_path: Path) -> None:
    """PiSSA and OLoRA take their start out of the base weights: without conversion the adapter fits none."""
    from peft import PeftModel

    from inhouse.training.adapter import write_adapter

    tuned = prepare(model, recipe_of(name, model), 4)
    changed = dict(tuned.base.named_parameters())["model.layers.0.self_attn.q_proj.base_layer.weight"]
    original = load_base(model, "float32")
    assert not torch.allclose(changed, original.model.layers[0].self_attn.q_proj.weight, atol=1e-3)
    generator = torch.Generator().manual_seed(0)
    for weight in trained_parameters(tuned.model).values():
        weight.data += 0.05 * torch.randn(weight.shape, generator=generator)
    write_adapter(tuned, "base", tmp_path)
    ids = torch.arange(20, 60)[None]
    with torch.no_grad():
        wanted = tuned.model.eval()(ids).logits
        untouched = original(ids).logits
        loaded = PeftModel.from_pretrained(original, str(tmp_path)).eval()
        got = loaded(ids).logits
    assert (got - untouched).abs().max() > 0.1
    assert torch.allclose(got, wanted, atol=1e-4)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["r"] == 2 * 4


def test_adalora_moves_rank_between_layers(trained: Callable[[str], Path]) -> None:
    """Under TRL alone every layer keeps the rank that it began with, 6 here."""
    ranks = json.loads((trained("adalora") / "adapter" / "adapter_config.json").read_text())["rank_pattern"]
    assert len(ranks) == 8
    assert len(set(ranks.values())) > 1
    assert sum(ranks.values()) <= 4 * 8 < 6 * 8


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_adalora_trains_its_three_factors_in_float32_and_nothing_else(
    precision: str, model: BaseModel
) -> None:
    """PEFT lets the number that counts ranks be trained where the base has half precision."""
    wanted = dataclasses.replace(recipe_of("adalora", model), precision=precision)
    weights = trained_parameters(prepare(model, wanted, 9).model)
    assert {name.split(".")[-2] for name in weights} == {"lora_A", "lora_B", "lora_E"}
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


def test_the_penalty_of_adalora_is_the_one_that_trl_loses(model: BaseModel) -> None:
    tuned = prepare(model, recipe_of("adalora", model), 9)
    ids = torch.arange(20, 60)[None]
    with torch.no_grad():
        plain = tuned.base(ids, labels=ids).loss
        with_penalty = tuned.model(ids, labels=ids).loss
    penalty = tuned.penalty()
    assert penalty is not None
    assert penalty.item() == pytest.approx((with_penalty - plain).item(), abs=1e-5)
    assert penalty.item() > 0.5


def test_the_penalty_pulls_and_stays_out_of_the_recorded_loss(
    model: BaseModel, dataset: Path, trained: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    from inhouse.training.methods.adalora import AdaLora

    monkeypatch.setattr(AdaLora, "penalty", lambda _: None)
    _train(model, dataset, recipe_of("adalora", model), tmp_path)
    with_it, without = (_history(folder)["steps"] for folder in (trained("adalora"), tmp_path))
    assert with_it[0]["loss"] == without[0]["loss"]
    assert with_it[0]["gradient_norm"] != without[0]["gradient_norm"]


def test_qlora_has_a_base_in_four_bits_that_validation_does_not_repack(model: BaseModel) -> None:
    """bitsandbytes rounds a four-bit base once more, in evaluation mode on some processors."""
    tuned = prepare(model, recipe_of("qlora", model), 4)
    layer = tuned.base.model.layers[0].mlp.up_proj.get_base_layer()
    assert type(layer).__name__ == "Linear4bit"
    assert (layer.weight.quant_state.quant_type, layer.weight.quant_state.nested) == ("nf4", True)
    before = layer.weight.data.clone()
    tuned.model.eval()
    with torch.no_grad():
        first = tuned.base(torch.arange(20, 60)[None]).logits
    assert torch.equal(layer.weight.data, before)
    tuned.model.train()
    tuned.model.eval()
    assert torch.equal(tuned.base(torch.arange(20, 60)[None]).logits, first)


@pytest.mark.parametrize("name", ["prefix", "prompt", "p_tuning"])
def test_validation_of_the_base_leaves_virtual_tokens_out(
    name: str, model: BaseModel, dataset: Path, trained: Callable[[str], Path]
) -> None:
    assert _losses(trained(name))[0] == pytest.approx(_losses(trained("lora"))[0], abs=1e-6)


def test_virtual_tokens_and_documents_of_a_packed_row_do_not_mix(model: BaseModel, dataset: Path) -> None:
    """Each document must read the virtual tokens and itself: no gradient must know the packing."""
    wanted = recipe_of("prefix", model)
    tuned = prepare(model, wanted, 4)
    data = TrainingData.read(dataset, wanted, PAD)
    row = max(range(len(data.packing.rows)), key=lambda number: len(data.packing.rows[number]))
    together = _gradient(tuned, [data.batch([row])])
    from inhouse.training.packing import collate

    alone = [collate([(segment,)], data.train, PAD) for segment in data.packing.rows[row]]
    assert len(alone) > 1
    apart = _gradient(tuned, alone)
    assert together[0] == pytest.approx(apart[0], rel=1e-5)
    assert torch.allclose(together[1], apart[1], atol=1e-5)


def test_noise_on_embeddings_is_scaled_by_the_document_and_only_for_training(model: BaseModel) -> None:
    from inhouse.training.neftune import document_lengths

    positions = torch.tensor([[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 4, 5]])
    assert document_lengths(positions).tolist() == [[3, 3, 3, 2, 2, 1], [6] * 6]
    wanted = recipe_of("bitfit", model, neftune=5.0)
    tuned = prepare(model, wanted, 4)
    seen: list[torch.Tensor] = []
    tuned.base.model.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    inputs = {"input_ids": torch.arange(20, 26)[None], "position_ids": positions[:1], "use_cache": False}
    for training in (True, False):
        tuned.model.train(training)
        tuned.base.model(**inputs)
    noise = (seen[0] - tuned.base.get_input_embeddings()(inputs["input_ids"])).abs()[0]  # (T, D)
    bounds = 5.0 / (document_lengths(positions)[0] * 64).sqrt()
    assert bool((noise.amax(1) <= bounds).all())
    assert bool((noise.amax(1) > 0.8 * bounds).all())
    assert torch.equal(seen[1], tuned.base.get_input_embeddings()(inputs["input_ids"]))


def _gradient(tuned: Any, batches: list[dict[str, torch.Tensor]]) -> tuple[float, torch.Tensor]:
    tuned.model.zero_grad()
    total = 0.0
    for batch in batches:
        loss = weighted_loss(tuned.base, batch)
        loss.backward()
        total += loss.item()
    (weight,) = trained_parameters(tuned.model).values()
    return total, weight.grad.clone()


# ------------------------------------------------------------ what is refused


def test_bitfit_needs_biases(tmp_path: Path) -> None:
    bare = make_tiny_model(tmp_path / "bare")
    with pytest.raises(UserMistake, match=r"trains the biases of a model: this one \(llama\) has none"):
        prepare(bare, recipe_of("bitfit", bare), 4)


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        (
            "lora",
            {"targets": ("q_porj",)},
            "linear layers of the model: it has no q_porj; did you mean q_proj",
        ),
        ("ia3", {"targets": ("kproj",)}, "it has no kproj; did you mean k_proj"),
        (
            "full",
            {"targets": ("input_norm",)},
            "modules of the model: it has no input_norm; did you mean input_lay",
        ),
        ("lora", {"targets": ("lm_head",)}, "the output head takes no adapter"),
        ("lora", {"rank": 33}, "rank 33, smallest side 32; set training.rank to 32 or less"),
        (
            "adalora",
            {"rank": 30},
            r"rank 45 \(AdaLoRA begins with half as much again as 30\), smallest side 32",
        ),
        ("partial", {"layers": 3}, "trains some of the last blocks: 3 of 2; set training.layers to 1 to 2"),
    ],
)
def test_what_a_model_does_not_have_is_one_sentence(
    name: str, changes: dict[str, Any], sentence: str, model: BaseModel
) -> None:
    targets = {"targets": ("q_proj", "v_proj")} if "rank" in changes else {}
    with pytest.raises(UserMistake, match=sentence):
        prepare(model, recipe_of(name, model, **(targets | changes)), 4)


def test_a_head_that_is_the_embeddings_cannot_be_trained_apart(model: BaseModel) -> None:
    with pytest.raises(UserMistake, match="it has no lm_head; did you mean"):
        prepare(model, recipe_of("full", model, targets=("lm_head",)), 4)


@pytest.mark.parametrize("name", ["prefix", "prompt", "p_tuning"])
def test_virtual_tokens_do_not_go_with_recomputed_activations(name: str, model: BaseModel) -> None:
    wanted = dataclasses.replace(recipe_of(name, model), checkpointing=True)
    with pytest.raises(UserMistake, match="cannot be trained with recomputed activations"):
        prepare(model, wanted, 4)
    assert not known_methods()[name].recomputes


@pytest.mark.parametrize("name", ["dora", "full", "adalora", "ia3"])
def test_recomputed_activations_change_nothing(
    name: str, model: BaseModel, dataset: Path, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    _train(model, dataset, dataclasses.replace(recipe_of(name, model), checkpointing=True), tmp_path)
    pairs = zip(_history(tmp_path)["steps"], _history(trained(name))["steps"], strict=True)
    assert all(one["loss"] == pytest.approx(other["loss"], abs=1e-5) for one, other in pairs)


def test_a_paged_optimizer_without_a_gpu_is_refused() -> None:
    from inhouse.training.optimizers import make_optimizer

    with pytest.raises(UserMistake, match="a paged optimizer needs a GPU"):
        make_optimizer([], recipe(optimizer="paged_adamw_8bit"))


def _engine_loss(engine: TorchEngine, dataset: Path, adapter: str) -> float:
    """Return the mean loss of the validation documents, each scored alone."""
    data = TrainingData.read(dataset, recipe(), PAD)
    rows = [one for one in data.validation if sum(one.trained[1:])]
    requests = [ScoreRequest(one.input_ids[:1], one.input_ids[1:], adapter) for one in rows]
    total = count = 0.0
    for one, scores in zip(rows, engine.score(requests), strict=True):
        total -= sum(value for value, kept in zip(scores.logprobs, one.trained[1:], strict=True) if kept)
        count += sum(one.trained[1:])
    return total / count
