from __future__ import annotations

import dataclasses
import io
import json
import math
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from inhouse.digests import digest_file
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.training.checkpoints import Checkpoints
from inhouse.training.data import TrainingData
from inhouse.training.history import Course, History, Step, Validation
from inhouse.training.trainer import _last_course, train
from tests.tiny import make_tiny_model
from tests.training.material import PAD, VOCABULARY, example, examples, recipe, write_dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from inhouse.models.resolve import BaseModel
    from inhouse.records import Recipe

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    torch.set_num_threads(1)  # the tiny products gain nothing from more
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def trained(model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that trains into a new folder; equal requests are trained once."""
    known: dict[Any, Path] = {}

    def run(wanted: Recipe, *, validation: int = 10, again: int = 0) -> Path:
        key = (wanted, validation, again)
        if key not in known:
            folder = tmp_path_factory.mktemp("run")
            dataset = write_dataset(folder / "data", examples(40), examples(validation, 1, "validation"))
            known[key] = folder / "out"
            known[key].mkdir()
            tokenizer = Tokenizer.load(model.folder)
            train(model, tokenizer, dataset, wanted, known[key], Progress.silent())
        return known[key]

    return run


def _history(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "history.json").read_text()))


# ------------------------------------------------------------ loss


def test_accumulation_equals_the_big_batch(trained: Callable[..., Path]) -> None:
    """Means of means would weigh the tokens of short rows more: the loss is divided by the whole step's."""
    calm = recipe(dropout=0.0, epochs=1.0)
    at_once = trained(dataclasses.replace(calm, rows=4, accumulation=1))
    in_parts = trained(dataclasses.replace(calm, rows=1, accumulation=4))
    for one, other in zip(_history(at_once)["steps"], _history(in_parts)["steps"], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-6)
    weights = [load_file(folder / "adapter" / WEIGHTS) for folder in (at_once, in_parts)]
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=1e-6), name


def test_the_first_loss_is_the_mean_over_trained_tokens_of_the_base(
    model: BaseModel, trained: Callable[..., Path]
) -> None:
    """The adapter begins as nothing, so the first loss must follow from the untouched base alone."""
    wanted = recipe(dropout=0.0, epochs=1.0, rows=4, accumulation=1)
    folder = trained(wanted)
    data = TrainingData.read(folder.parent / "data", wanted, PAD)
    assert _history(folder)["steps"][0]["loss"] == pytest.approx(_plain_loss(model, data), abs=1e-5)


def test_weights_of_examples_count(model: BaseModel, tmp_path: Path) -> None:
    """Weight 2 equals standing there twice."""
    short, long = examples(2, seed=4)
    twice = dataclasses.replace(short, id="again")
    heavy = dataclasses.replace(short, weight=2.0)
    first = []
    for name, made in (("heavy", [heavy, long]), ("twice", [short, twice, long])):
        dataset = write_dataset(tmp_path / name, made)
        folder = tmp_path / f"{name}-out"
        folder.mkdir()
        wanted = recipe(dropout=0.0, epochs=1.0, rows=8, accumulation=1)
        train(model, Tokenizer.load(model.folder), dataset, wanted, folder, Progress.silent())
        first.append(_history(folder)["steps"][0])
    assert first[0]["loss"] == pytest.approx(first[1]["loss"], abs=1e-6)
    assert first[0]["gradient_norm"] == pytest.approx(first[1]["gradient_norm"], rel=1e-5)


def test_recomputed_activations_change_nothing(trained: Callable[..., Path]) -> None:
    wanted = recipe(epochs=1.0)  # with dropout: its masks must come back too
    plain, recomputed = trained(wanted), trained(dataclasses.replace(wanted, checkpointing=True))
    losses = [[step["loss"] for step in _history(folder)["steps"]] for folder in (plain, recomputed)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_bfloat16_trains_with_an_adapter_in_float32(trained: Callable[..., Path]) -> None:
    folder = trained(recipe(epochs=1.0, precision="bfloat16"))
    assert {tensor.dtype for tensor in load_file(folder / "adapter" / WEIGHTS).values()} == {torch.float32}
    full = _history(trained(recipe(epochs=1.0)))
    assert _history(folder)["steps"][0]["loss"] == pytest.approx(full["steps"][0]["loss"], rel=0.02)


# ------------------------------------------------------------ what is written


def test_equal_inputs_give_equal_bytes(trained: Callable[..., Path]) -> None:
    first, second = trained(recipe()), trained(recipe(), again=1)
    for path in first.rglob("*.*"):
        if path.name != "measured.json":
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path.name


def test_the_output_is_whole_and_nothing_else_stays(trained: Callable[..., Path]) -> None:
    folder = trained(recipe())
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "adapter/adapter_config.json",
        f"adapter/{WEIGHTS}",
        "first_batch.json",
        "history.json",
        "measured.json",
        "run.json",
    ]
    text = (folder / "adapter" / "adapter_config.json").read_text()
    settings = json.loads(text)
    assert settings["target_modules"] == ["down_proj", "q_proj", "up_proj", "v_proj"]
    assert settings["inference_mode"] is True
    assert not re.search(r'"[^"]*/[^"]*"', text)  # no path


def test_only_low_rank_updates_of_the_targets_are_trained(
    model: BaseModel, trained: Callable[..., Path]
) -> None:
    before = digest_file(model.folder / "model.safetensors")
    weights = load_file(trained(recipe()) / "adapter" / WEIGHTS)
    layers = {name.split(".")[-3] for name in weights}
    assert layers == {"q_proj", "v_proj", "up_proj", "down_proj"}
    assert all(re.search(r"\.lora_[AB]\.weight$", name) for name in weights)
    assert all(min(tensor.shape) == 4 for tensor in weights.values())
    assert digest_file(model.folder / "model.safetensors") == before


def test_peft_loads_the_adapter_and_it_has_the_loss_that_was_recorded(
    model: BaseModel, trained: Callable[..., Path]
) -> None:
    from peft import PeftModel

    from inhouse.training.adapter import load_base
    from inhouse.training.losses import weighted_loss

    wanted = recipe()
    folder = trained(wanted)
    loaded = PeftModel.from_pretrained(load_base(model, "float32"), str(folder / "adapter")).eval()
    data = TrainingData.read(folder.parent / "data", wanted, PAD)
    total = weight = 0.0
    with torch.no_grad():
        for batch in data.validation_batches():
            total += weighted_loss(loaded.get_base_model(), batch).item()
            weight += batch["weights"].sum().item()
    history = _history(folder)
    recorded = {one["step"]: one["loss"] for one in history["validations"]}
    assert total / weight == pytest.approx(recorded[history["kept_step"]], abs=1e-5)
    assert history["better_than_base"] is True
    assert recorded[history["kept_step"]] < recorded[0] - 0.1


def test_the_history_accounts_for_every_token(trained: Callable[..., Path]) -> None:
    wanted = recipe()
    folder = trained(wanted)
    history = _history(folder)
    data = TrainingData.read(folder.parent / "data", wanted, PAD)
    assert [step["step"] for step in history["steps"]] == list(range(1, data.steps + 1))
    assert history["tokens_seen"] == 2 * data.packing.tokens  # two epochs, the broken last step included
    assert history["packing"]["tokens"] == sum(len(one.input_ids) for one in data.train)
    rates = [step["learning_rate"] for step in history["steps"]]
    assert max(rates) == wanted.learning_rate
    assert all(0 < rate <= wanted.learning_rate for rate in rates)
    validated = [one["step"] for one in history["validations"]]
    assert validated == [0, *range(3, data.steps + 1, 3), *([data.steps] if data.steps % 3 else [])]


def test_stdout_stays_clean_and_progress_says_loss_and_speed(
    model: BaseModel, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = write_dataset(tmp_path / "data", examples(8))
    said = io.StringIO()
    (tmp_path / "out").mkdir()
    progress = Progress(stream=said)
    train(model, Tokenizer.load(model.folder), dataset, recipe(epochs=1.0), tmp_path / "out", progress)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    lines = said.getvalue().splitlines()
    assert lines[1].startswith("note: without validation examples training cannot stop early")
    live = r"\(loss \d\.\d{3}, [\d,]+ tokens/s, \d+\.\d GB\)"
    assert re.fullmatch(rf"train: \d+ tokens, [\d.]+ s {live}", lines[2])
    assert lines[3].startswith("There were no validation examples")


# ------------------------------------------------------------ stopping


def test_training_stops_when_validation_no_longer_falls(trained: Callable[..., Path]) -> None:
    folder = trained(recipe(learning_rate=0.9, epochs=8.0, validate_every=1, patience=2))
    history = _history(folder)
    losses = [one["loss"] for one in history["validations"] if one["step"]]
    best = losses.index(min(losses))
    assert history["stopped_early"] is True
    assert len(losses) - 1 - best == 2
    assert history["kept_step"] == best + 1
    assert len(history["steps"]) == len(losses) < history["planned_steps"]
    assert "stopped early after 2 validations" in history["ending"]


def test_without_validation_nothing_stops_early_and_the_last_weights_are_kept(
    trained: Callable[..., Path],
) -> None:
    history = _history(trained(recipe(), validation=0))
    assert history["validations"] == []
    assert history["kept_step"] == len(history["steps"]) == history["planned_steps"]
    assert history["better_than_base"] is None


def test_validation_that_would_cost_too_much_is_sampled_and_counted(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, examples(40), examples(400, 1, "validation"))
    data = TrainingData.read(dataset, recipe(epochs=1.0), PAD)
    validations = 1 + math.ceil(data.steps / 3)
    assert 0 < len(data.validation_rows) < len(data.validation_packing.rows)
    assert 0.4 * validations * data.validation_tokens <= 0.25 * data.packing.tokens
    assert len(set(data.validation_rows)) == len(data.validation_rows)


def test_no_more_steps_than_the_recipe_allows(tmp_path: Path) -> None:
    data = TrainingData.read(write_dataset(tmp_path, examples(40)), recipe(max_steps=2), PAD)
    assert data.steps == 2
    assert len(data.order) == 8


# ------------------------------------------------------------ refusals


def _refused(model: BaseModel, folder: Path, wanted: Recipe, rows: Any = None) -> str:
    dataset = write_dataset(folder / "data", rows if rows is not None else examples(20))
    (folder / "out").mkdir(exist_ok=True)
    with pytest.raises(UserMistake) as mistake:
        train(model, Tokenizer.load(model.folder), dataset, wanted, folder / "out", Progress.silent())
    return str(mistake.value)


def test_an_unknown_target_names_its_neighbours(model: BaseModel, tmp_path: Path) -> None:
    sentence = _refused(model, tmp_path, recipe(targets=("q_proj", "value_proj")))
    assert "it has no value_proj" in sentence
    assert "v_proj" in sentence.partition("did you mean")[2]


def test_the_output_head_is_no_target(model: BaseModel, tmp_path: Path) -> None:
    assert "the output head takes no adapter" in _refused(model, tmp_path, recipe(targets=("lm_head",)))


def test_a_rank_above_the_smallest_side_is_refused(model: BaseModel, tmp_path: Path) -> None:
    assert _refused(model, tmp_path, recipe(rank=33)) == (
        "the rank may not exceed the smallest side of a target layer: rank 33, smallest side 32; "
        "set training.rank to 32 or less."
    )


def test_a_dataset_without_a_trained_token_is_refused(model: BaseModel, tmp_path: Path) -> None:
    silent = [example("a", [5, 6, 7], [False] * 3), example("b", [5, 6], [True, False])]
    assert "at least one token that carries loss" in _refused(model, tmp_path, recipe(), silent)


def test_a_loss_that_blows_up_stops_and_lists_the_examples(model: BaseModel, tmp_path: Path) -> None:
    sentence = _refused(model, tmp_path, recipe(learning_rate=1e30, warmup_share=0.0))
    assert "must stay finite" in sentence
    assert "lower training.learning_rate" in sentence
    failed = json.loads((tmp_path / "out" / "failed_batch.json").read_text())
    assert set(failed["examples"]) <= {one.id for one in examples(20)}
    assert failed["examples"]
    assert not (tmp_path / "out" / "adapter").exists()


def test_a_finished_training_is_not_repeated_and_another_is_refused(
    model: BaseModel, trained: Callable[..., Path]
) -> None:
    folder = trained(recipe())
    again = partial(train, model, Tokenizer.load(model.folder), folder.parent / "data")
    before = (folder / "measured.json").stat().st_mtime_ns
    again(recipe(), folder, Progress.silent())
    assert (folder / "measured.json").stat().st_mtime_ns == before
    with pytest.raises(UserMistake, match="goes on only with the model, the dataset and the recipe"):
        again(recipe(seed=8), folder, Progress.silent())


def test_a_checkpoint_of_another_training_is_refused(model: BaseModel, tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "out" / "checkpoints").writing(3) as folder:
        Course("another", History([Step(1, 1.0, 1.0, 1.0, 1)])).write(folder)
    assert "belongs to another" in _refused(model, tmp_path, recipe())


def test_a_checkpoint_whose_best_weights_are_damaged_is_not_gone_on_from(tmp_path: Path) -> None:
    """It would end by copying the damaged weights."""
    store = Checkpoints(tmp_path)
    steps = [Step(number, 1.0, 1.0, 1.0, 1) for number in (1, 2, 3)]
    validations = [Validation(1, 2.0), Validation(2, 1.0), Validation(3, 1.5)]
    for count in (1, 2, 3):
        with store.writing(count) as folder:
            Course("run", History(steps[:count], validations[:count])).write(folder)
    quiet = Progress.silent()
    assert _last_course(store, "run", 0.0, quiet).history.step == 3
    (store.path(2) / "complete.json").unlink()
    assert _last_course(store, "run", 0.0, quiet).history.step == 1


def _plain_loss(model: BaseModel, data: TrainingData) -> float:
    """Return the mean loss of the first step's documents, each alone, from the model's own logits."""
    from inhouse.training.adapter import load_base

    base = load_base(model, "float32").eval()
    losses: list[float] = []
    for row in data.step_rows(0):
        for segment in row:
            one = data.train[segment.example]
            logprobs = base(torch.tensor([one.input_ids])).logits.log_softmax(-1)[0]
            places = [place for place in range(1, len(one.input_ids)) if one.trained[place]]
            losses += [-logprobs[place - 1, one.input_ids[place]].item() for place in places]
    assert max(one.input_ids[0] for one in data.train) < VOCABULARY
    return sum(losses) / len(losses)
