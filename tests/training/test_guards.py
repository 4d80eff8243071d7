"""Each refusal, really provoked on the tiny model: one sentence, before the work, and what to do about it."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inhouse.errors import UserMistake
from inhouse.models.resolve import BaseModel, resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.records import Example, Recipe
from inhouse.training.data import FEWEST_VALIDATED
from inhouse.training.guards import MIN_VALIDATION, check_truncation
from inhouse.training.trainer import Options, train
from tests.tiny import make_tiny_model
from tests.training.material import PAD, example, examples, recipe, write_dataset


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    torch.set_num_threads(1)
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def learnt(model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    """The tiny model after it has learnt the pattern of the examples: it has something to lose."""
    from inhouse.training.adapter import load_base

    base = load_base(model, "float32")
    width = max(len(one.input_ids) for one in examples(60))
    ids = torch.tensor([[10 + (start + 7 * place) % 31 for place in range(width)] for start in range(31)])
    optimizer = torch.optim.AdamW(base.parameters(), lr=3e-3)
    for _ in range(40):
        base(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("learnt") / "model"
    shutil.copytree(model.folder, folder)
    base.save_pretrained(folder)
    return resolve(str(folder))


def _train(
    model: BaseModel,
    folder: Path,
    rows: list[Example],
    wanted: Recipe | None = None,
    options: Options | None = None,
) -> Path:
    dataset, out = write_dataset(folder / "data", rows), folder / "out"
    out.mkdir(exist_ok=True)
    train(model, Tokenizer.load(model.folder), dataset, wanted or recipe(), out, Progress.silent(), options)
    return out


def _refused(*arguments: Any) -> str:
    with pytest.raises(UserMistake) as mistake:
        _train(*arguments)
    sentence = str(mistake.value)
    assert sentence.count(";") >= 1  # a next step
    assert not (arguments[1] / "out" / "adapter").exists()
    return sentence


def _changed(model: BaseModel, folder: Path, file: str, change: Any) -> BaseModel:
    """Return a copy of the model with one JSON file changed."""
    shutil.copytree(model.folder, folder)
    values = json.loads((folder / file).read_text())
    change(values)
    (folder / file).write_text(json.dumps(values))
    return resolve(str(folder))


# ------------------------------------------------------------ the data


def test_an_empty_training_split(model: BaseModel, tmp_path: Path) -> None:
    sentence = _refused(model, tmp_path, examples(9, split="validation"))
    assert sentence.startswith("training needs examples: the training split of the dataset is empty")


def test_loss_on_padding(model: BaseModel, tmp_path: Path) -> None:
    padded = example("padded", [10, 17, 24, PAD, PAD])
    sentence = _refused(model, tmp_path, [*examples(8), padded])
    assert f"2 trained token(s) of example padded are the padding token {PAD}" in sentence


def test_padding_without_loss_is_no_mistake(model: BaseModel, tmp_path: Path) -> None:
    padded = example("padded", [10, 17, 24, PAD, PAD], [True, True, True, False, False])
    assert (_train(model, tmp_path, [*examples(8), padded]) / "adapter").exists()


def _asked(tokenizer: Tokenizer) -> list[Example]:
    ids, trained = tokenizer.chat_example(
        [{"role": "user", "content": "area of what?"}, {"role": "assistant", "content": "return width"}]
    )
    return [example(f"asked-{number}", ids, trained, kind="implementation") for number in range(6)]


def test_a_chat_template_without_end_marks(model: BaseModel, tmp_path: Path) -> None:
    """The model would write until it is stopped."""
    endless = (
        "{% for m in messages %}{{ m['role'] }}: {% if m['role'] == 'assistant' %}{% generation %}"
        "{{ m['content'] }}{% endgeneration %}{% else %}{{ m['content'] }}{% endif %}\n{% endfor %}"
    )
    other = _changed(
        model, tmp_path / "m", "tokenizer_config.json", lambda file: file.update(chat_template=endless)
    )
    sentence = _refused(other, tmp_path, _asked(Tokenizer.load(other.folder)))
    assert "ends with an end mark that carries loss" in sentence
    assert "none of 6 conversations" in sentence
    closed = _asked(Tokenizer.load(model.folder))
    assert (_train(model, tmp_path / "closed", closed) / "adapter").exists()


def test_a_chat_template_whose_marks_the_tokenizer_lacks(model: BaseModel, tmp_path: Path) -> None:
    """Its marks would be words in several tokens, which no base model has seen in that place."""

    def rename(file: dict[str, Any]) -> None:
        file["chat_template"] = file["chat_template"].replace("<|im_start|>", "<|header|>")

    other = _changed(model, tmp_path / "m", "tokenizer_config.json", rename)
    rows = _asked(Tokenizer.load(other.folder))
    sentence = _refused(other, tmp_path, rows)
    assert sentence == (
        "the marks of a chat template are tokens of the model, or they are read as words: its tokenizer has "
        "no <|header|>; give the model the chat template that belongs to its tokenizer."
    )
    assert (_train(other, tmp_path / "text", examples(8)) / "adapter").exists()  # no conversation, no harm


@pytest.mark.parametrize("count", [1, 5])
def test_a_validation_set_too_small_to_decide_anything(model: BaseModel, tmp_path: Path, count: int) -> None:
    rows = [*examples(12), *examples(count, 1, "validation")]
    sentence = _refused(model, tmp_path, rows)
    assert sentence.startswith(
        f"with fewer than 6 validation examples nothing can be decided: there are {count};"
    )
    assert "--allow small_validation" in sentence
    allowed = _train(model, tmp_path, rows, recipe(), Options(allow=("small_validation",)))
    assert json.loads((allowed / "history.json").read_text())["validation"]["examples"] == count


def test_as_many_validation_examples_are_enough_as_can_be_significant(
    model: BaseModel, tmp_path: Path
) -> None:
    """All better: two-sided sign test."""
    enough = next(count for count in range(1, 20) if 2 / 2**count < 0.05)
    assert enough == MIN_VALIDATION == FEWEST_VALIDATED
    assert _train(model, tmp_path, [*examples(12), *examples(enough, 1, "validation")]).exists()


def test_a_dataset_of_another_tokenizer_by_its_tokens(model: BaseModel, tmp_path: Path) -> None:
    """It would end in an index error, or on a GPU in something worse."""
    sentence = _refused(model, tmp_path, [*examples(8), example("far", [10, 49_000])])
    assert "a dataset is made of the tokens of one model: this one has token 49000" in sentence
    assert "inhouse dataset" in sentence


def test_a_dataset_of_another_tokenizer_by_its_text(model: BaseModel, tmp_path: Path) -> None:
    """Where all tokens exist, the loss would only be high."""
    rows = [dataclasses.replace(one, text="def area(): pass") for one in examples(8)]
    assert "the tokens of 8 of 8 examples mean another text" in _refused(model, tmp_path, rows)
    tokenizer = Tokenizer.load(model.folder)
    right = [
        dataclasses.replace(one, text=tokenizer.decode(one.input_ids, markers=True)) for one in examples(8)
    ]
    assert _train(model, tmp_path / "right", right).exists()


# ------------------------------------------------------------ the model


def test_a_model_without_an_end_token(model: BaseModel, tmp_path: Path) -> None:
    def forget(values: dict[str, Any]) -> None:
        values.pop("eos_token", None)
        values.pop("eos_token_id", None)

    other = _changed(model, tmp_path / "m", "tokenizer_config.json", forget)
    for name in ("config.json", "generation_config.json"):
        values = json.loads((other.folder / name).read_text())
        forget(values)
        (other.folder / name).write_text(json.dumps(values))
    with pytest.raises(UserMistake, match=r"must name the token that ends a text.*add eos_token"):
        Tokenizer.load(other.folder)


def test_a_model_without_a_pad_token_gets_a_stand_in_that_carries_no_loss(
    model: BaseModel, tmp_path: Path
) -> None:
    other = _changed(model, tmp_path / "m", "tokenizer_config.json", lambda file: file.pop("pad_token"))
    tokenizer = Tokenizer.load(other.folder)
    assert tokenizer.pad not in {tokenizer.eos, *tokenizer.ends}
    assert (_train(other, tmp_path, examples(8)) / "adapter").exists()


# ------------------------------------------------------------ the first steps


def test_a_learning_rate_that_explodes_is_stopped_in_the_first_steps(
    learnt: BaseModel, tmp_path: Path
) -> None:
    wanted = recipe(learning_rate=0.9, alpha=64, epochs=20.0, warmup_share=0.0, patience=0)
    sentence = _refused(learnt, tmp_path, examples(60), wanted)
    assert sentence.startswith("the loss may not explode in the first steps: after ")
    assert "lower training.learning_rate" in sentence
    live = json.loads((tmp_path / "out" / "live.json").read_text())
    assert live["state"] == "failed"
    assert live["step"] <= 10
    assert live["sentence"] == sentence


def test_gradients_that_are_all_zero(model: BaseModel, tmp_path: Path) -> None:
    """A head of zeros: whatever the layers do, every word stays equally likely."""
    shutil.copytree(model.folder, tmp_path / "m")
    weights = load_file(tmp_path / "m" / "model.safetensors")
    name = next(name for name in weights if "embed_tokens" in name)
    weights[name].zero_()
    save_file(weights, tmp_path / "m" / "model.safetensors", {"format": "pt"})
    sentence = _refused(resolve(str(tmp_path / "m")), tmp_path, examples(12))
    assert sentence.startswith("training needs a gradient: all gradients of step 1 are zero")


def test_a_step_that_destroys_the_gradient_blames_the_learning_rate_and_not_the_layers(
    model: BaseModel, tmp_path: Path
) -> None:
    """Activations so large that every norm rounds to zero: the loss is that of a blind guess from then on."""
    wanted = recipe(learning_rate=0.9, alpha=10**9, epochs=20.0, warmup_share=0.0, patience=0)
    sentence = _refused(model, tmp_path, examples(60), wanted)
    assert sentence.startswith("the gradient may not vanish in the first steps: after steps up to ")
    assert "lower training.learning_rate" in sentence


def test_a_base_model_whose_weights_are_no_numbers_is_told_before_the_first_step(
    model: BaseModel, tmp_path: Path
) -> None:
    shutil.copytree(model.folder, tmp_path / "m")
    weights = load_file(tmp_path / "m" / "model.safetensors")
    next(weights[name] for name in weights if "embed_tokens" in name)[17] = torch.nan
    save_file(weights, tmp_path / "m" / "model.safetensors", {"format": "pt"})
    rows = [*examples(12), *examples(8, 1, "validation")]
    sentence = _refused(resolve(str(tmp_path / "m")), tmp_path, rows)
    assert sentence.startswith("a base model gives losses that are numbers: before the first step")
    assert "training.learning_rate" not in sentence


def test_weights_of_other_shapes_than_the_configuration_says(model: BaseModel, tmp_path: Path) -> None:
    other = _changed(model, tmp_path / "m", "config.json", lambda file: file.update(intermediate_size=96))
    assert "have the shapes that its config.json says" in _refused(other, tmp_path, examples(8))


def test_a_harder_batch_is_no_explosion(learnt: BaseModel, tmp_path: Path) -> None:
    """Batches differ; what decides is the first batch, scored again."""
    dice = torch.Generator().manual_seed(3)
    noise = [
        example(f"noise-{number}", torch.randint(50, 290, (50,), generator=dice).tolist())
        for number in range(6)
    ]
    wanted = recipe(rows=1, accumulation=1, epochs=1.0, learning_rate=1e-3, max_steps=14)
    out = _train(learnt, tmp_path, [*examples(16), *noise], wanted)
    losses = [step["loss"] for step in json.loads((out / "history.json").read_text())["steps"]]
    assert max(losses[1:12]) > losses[0] + 1.0  # suspicious, and yet it went on
    assert len(losses) > 11


# ------------------------------------------------------------ the disk


def _weights(folder: Path) -> bytes:
    return (folder / "adapter" / "adapter_model.safetensors").read_bytes()


def test_a_checkpoint_cut_short_is_told_and_training_goes_on_from_the_one_before(
    model: BaseModel, tmp_path: Path
) -> None:
    rows = [*examples(40), *examples(8, 1, "validation")]
    whole = _train(model, tmp_path / "whole", rows)
    (tmp_path / "cut" / "out").mkdir(parents=True)
    _stopped_after(model, tmp_path / "cut", rows, checkpoints=2)
    store = tmp_path / "cut" / "out" / "checkpoints"
    newest = sorted(path for path in store.iterdir() if path.suffix == "")[-1]
    file = newest / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    said: list[str] = []
    progress = Progress.silent()
    progress.warn = said.append  # type: ignore[method-assign]
    out = tmp_path / "cut" / "out"
    train(model, Tokenizer.load(model.folder), tmp_path / "cut" / "data", recipe(), out, progress)
    assert f"the checkpoint after step {int(newest.name[5:])} is damaged" in said[0]
    assert json.loads((out / "measured.json").read_text())["resumed_from_step"] == 3
    assert _weights(out) == _weights(whole)


def _stopped_after(model: BaseModel, folder: Path, rows: list[Example], checkpoints: int) -> None:
    """Train in a process of its own that dies when so many checkpoints are whole."""
    dataset, out = write_dataset(folder / "data", rows), folder / "out"
    process = os.fork()
    if process == 0:
        import sys

        sys.addaudithook(
            lambda event, arguments: (
                os._exit(9)
                if event == "os.rename"
                and str(arguments[0]).endswith("live.json.tmp")
                and len([path for path in (out / "checkpoints").glob("step-*") if path.suffix == ""])
                >= checkpoints
                else None
            )
        )
        train(model, Tokenizer.load(model.folder), dataset, recipe(), out, Progress.silent())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9


def test_a_file_that_may_not_grow_leaves_the_checkpoint_before_it_good(
    model: BaseModel, tmp_path: Path
) -> None:
    """A limit of the shell (`ulimit -f`) or of a quota, in a process of its own."""
    rows = [*examples(40), *examples(8, 1, "validation")]
    (tmp_path / "out").mkdir()
    _stopped_after(model, tmp_path, rows, checkpoints=1)
    store = tmp_path / "out" / "checkpoints"
    before = {path: path.read_bytes() for path in store.rglob("*.safetensors")}
    process = os.fork()
    if process == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        try:
            _train(model, tmp_path, rows)
        except UserMistake as mistake:
            os._exit(7 if "free disk space for its checkpoints" in str(mistake) else 8)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7
    assert {path: path.read_bytes() for path in store.rglob("*.safetensors")} == before
    assert not list(store.glob("*.partial"))
    assert json.loads((_train(model, tmp_path, rows) / "measured.json").read_text())["resumed_from_step"] == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_disk_that_fills_during_a_checkpoint_leaves_the_one_before_good(
    model: BaseModel, tmp_path: Path
) -> None:
    rows = [*examples(40), *examples(8, 1, "validation")]
    whole = _train(model, tmp_path / "whole", rows)
    small = tmp_path / "small"
    (small / "out").mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", small / "out"], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine does not allow mounts")
    try:
        _stopped_after(model, small, rows, checkpoints=1)
        store = small / "out" / "checkpoints"
        before = {path: path.read_bytes() for path in store.rglob("*.safetensors")}
        free = shutil.disk_usage(store).free
        (small / "out" / "ballast").write_bytes(bytes(free - 60_000))  # less than a checkpoint needs
        with pytest.raises(UserMistake, match="needs free disk space for its checkpoints"):
            _train(model, small, rows)
        assert {path: path.read_bytes() for path in store.rglob("*.safetensors")} == before
        assert not list(store.glob("*.partial"))
        (small / "out" / "ballast").unlink()
        out = _train(model, small, rows)
        assert json.loads((out / "measured.json").read_text())["resumed_from_step"] == 3
        assert _weights(out) == _weights(whole)
    finally:
        subprocess.run(["umount", "-l", small / "out"], check=True)  # tensors may still be mapped


def _account(**truncated: int) -> dict[str, dict[str, int]]:
    return {
        kind: {"tokens_kept": 60, "tokens_left_out": 40, "tokens_truncated": cut}
        for kind, cut in truncated.items()
    }


def test_a_dataset_of_which_most_was_cut_off_is_refused_and_the_kind_named() -> None:
    with pytest.raises(UserMistake) as refused:
        check_truncation(_account(continuation=0, task=205))
    sentence = str(refused.value)
    assert "51% of the tokens were, most of them of the kind task" in sentence
    assert "--allow truncation" in sentence
    check_truncation(_account(continuation=0, task=205), ["truncation"])


def test_what_evaluation_cuts_off_is_no_truncation() -> None:
    check_truncation(_account(continuation=0, change=10_000, retrieval=10_000))


def test_half_and_nothing_at_all_are_not_most() -> None:
    check_truncation(_account(continuation=0, task=200))
    check_truncation({})
