"""What is trained on, in which order, and which words carry loss: exact, against plain PyTorch."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.records import Example, Recipe
from inhouse.training.data import TrainingData, read_splits
from inhouse.training.losses import weighted_loss
from inhouse.training.objectives import NEVER_IMITATED, phases, prompt_weight
from inhouse.training.packing import IGNORED, collate, pack
from inhouse.training.trainer import train
from tests.tiny import MARKERS, make_tiny_model
from tests.training.material import PAD, example, examples, recipe, write_dataset

END = MARKERS.index("<|im_end|>")


def _conversations(count: int) -> list[Example]:
    """Questions of four tokens with answers that carry loss."""
    made = examples(count, seed=9)
    return [
        dataclasses.replace(
            one,
            id=f"asked-{number}",
            kind="implementation",
            input_ids=(*one.input_ids[:-1], END),
            trained=tuple(place >= 4 for place in range(len(one.input_ids))),
        )
        for number, one in enumerate(made)
    ]


DOCUMENTS, ASKED = examples(12), _conversations(10)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from inhouse.training.adapter import load_base

    torch.set_num_threads(1)
    return load_base(make_tiny_model(tmp_path_factory.mktemp("tiny")), "float32").eval().requires_grad_(False)


def _data(folder: Path, wanted: Recipe, *parts: list[Example]) -> TrainingData:
    return TrainingData.read(write_dataset(folder, *parts), wanted, PAD)


def _ids(data: TrainingData) -> list[str]:
    return [data.train[segment.example].id for number in data.order for segment in data.packing.rows[number]]


# ------------------------------------------------------------ which rows, in which order


def test_phased_training_sees_all_passes_of_the_text_before_the_first_instruction(tmp_path: Path) -> None:
    data = _data(tmp_path, recipe(objective="phased", epochs=2.0), ASKED, DOCUMENTS)
    seen = _ids(data)
    first = next(place for place, name in enumerate(seen) if name.startswith("asked"))
    assert sorted(seen[:first]) == sorted(2 * [one.id for one in DOCUMENTS])
    assert sorted(seen[first:]) == sorted(2 * [one.id for one in ASKED])


def test_no_row_of_a_phased_training_holds_both(tmp_path: Path) -> None:
    data = _data(tmp_path, recipe(objective="phased"), ASKED, DOCUMENTS)
    kinds = [{data.train[segment.example].kind for segment in row} for row in data.packing.rows]
    assert all(len(found) == 1 for found in kinds)
    assert data.packing.tokens == sum(len(one.input_ids) for one in [*ASKED, *DOCUMENTS])


@pytest.mark.parametrize(("objective", "wanted"), [("text", DOCUMENTS), ("instructions", ASKED)])
def test_an_objective_takes_its_own_rows_only(tmp_path: Path, objective: str, wanted: list[Example]) -> None:
    data = _data(tmp_path, recipe(objective=objective, epochs=1.0), ASKED, DOCUMENTS)
    assert sorted(_ids(data)) == sorted(one.id for one in wanted)


def test_mixed_is_the_order_that_it_always_was(tmp_path: Path) -> None:
    data = _data(tmp_path, recipe(), ASKED, DOCUMENTS)
    assert data.packing == pack([*ASKED, *DOCUMENTS], 64)


@pytest.mark.parametrize(
    ("objective", "rows", "words"),
    [
        ("mixed", [], "training needs examples: the training split of the dataset is empty"),
        ("text", ASKED, "the objective text needs documents: the dataset has 0 documents and 10 conv"),
        ("phased", DOCUMENTS, "the objective phased needs documents and conversations"),
    ],
)
def test_nothing_to_train_on_is_one_sentence(
    objective: str, rows: list[Example], words: str, tmp_path: Path
) -> None:
    train, _ = read_splits(write_dataset(tmp_path, rows))
    with pytest.raises(UserMistake, match=words):
        phases(train, objective)


# ------------------------------------------------------------ which words


def _reference(base: Any, documents: list[Example], weight: float) -> float:
    """Return the weighted mean loss of documents, each alone, with nothing of our loss or packing."""
    total = norm = 0.0
    for one in documents:
        logprobs = base(torch.tensor([one.input_ids])).logits.log_softmax(-1)[0]
        for place in range(1, len(one.input_ids)):
            factor = 1.0 if one.trained[place] else weight * (one.kind == "implementation")
            total -= one.weight * factor * logprobs[place - 1, one.input_ids[place]].item()
            norm += one.weight * factor
    return total / norm


@pytest.mark.parametrize("weight", [0.0, 0.1, 1.0])
def test_the_loss_is_the_weighted_mean_over_questions_and_answers(base: Any, weight: float) -> None:
    documents = [*DOCUMENTS, *(dataclasses.replace(one, weight=2.0) for one in ASKED)]
    batch = collate(pack(documents, 64).rows, documents, PAD, weight)
    ours = weighted_loss(base, batch).item() / batch["weights"].sum().item()
    assert ours == pytest.approx(_reference(base, documents, weight), abs=1e-5)


def test_a_question_of_weight_one_is_trained_like_text() -> None:
    as_text = [dataclasses.replace(one, trained=(True,) * len(one.input_ids)) for one in ASKED]
    rows = pack(ASKED, 64).rows
    ours, plain = collate(rows, ASKED, PAD, 1.0), collate(rows, as_text, PAD)
    assert all(torch.equal(ours[name], plain[name]) for name in ours)


def test_the_prompt_weight_is_for_conversations_and_never_for_padding() -> None:
    together = [*DOCUMENTS, *ASKED]
    rows = pack(together, 64).rows
    without, with_it = collate(rows, together, PAD), collate(rows, together, PAD, 0.5)
    more = (with_it["labels"] != IGNORED) & (without["labels"] == IGNORED)
    assert int(more.sum()) == 3 * len(ASKED)  # of four words of a question, nothing predicts the first
    assert torch.equal(with_it["weights"][more], torch.full((3 * len(ASKED),), 0.5))
    assert bool((with_it["labels"][with_it["input_ids"] == PAD] == IGNORED).all())


@pytest.mark.parametrize("kind", sorted(NEVER_IMITATED))
def test_what_must_not_be_imitated_carries_no_loss_at_any_prompt_weight(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inhouse.training.objectives.is_conversation", lambda _kind: True)
    assert prompt_weight(example("a", [1, 2], kind=kind), 1.0) == 0.0
    assert prompt_weight(example("a", [1, 2], kind="implementation"), 1.0) == 1.0


def test_an_example_without_weight_carries_no_loss() -> None:
    """It would make the mean of a batch 0 / 0."""
    silent = [example("a", [5, 6, 7], weight=0.0)]
    assert pack(silent, 64).rows == ()
    assert pack(silent, 64).without_loss == 1


def test_validations_do_not_depend_on_the_prompt_weight(tmp_path: Path) -> None:
    """Or runs with different weights could not be compared."""
    held = [dataclasses.replace(one, split="validation") for one in ASKED]
    recipes = [recipe(prompt_loss_weight=weight) for weight in (0.0, 1.0)]
    data = [_data(tmp_path / str(number), one, DOCUMENTS, held) for number, one in enumerate(recipes)]
    batches = [list(one.validation_batches()) for one in data]
    assert all(torch.equal(a["weights"], b["weights"]) for a, b in zip(*batches, strict=True))


def test_the_first_recorded_loss_is_that_reference(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "tiny")
    wanted = recipe(
        dropout=0.0, epochs=1.0, rows=2, accumulation=3, prompt_loss_weight=0.3, objective="instructions"
    )
    dataset = write_dataset(tmp_path / "data", DOCUMENTS, ASKED)
    (tmp_path / "out").mkdir()
    train(model, Tokenizer.load(model.folder), dataset, wanted, tmp_path / "out", Progress.silent())
    from inhouse.training.adapter import load_base

    data = TrainingData.read(dataset, wanted, PAD)
    first = [data.train[segment.example] for row in data.step_rows(0) for segment in row]
    history = json.loads((tmp_path / "out" / "history.json").read_text())
    untouched = load_base(model, "float32").eval()
    assert history["steps"][0]["loss"] == pytest.approx(_reference(untouched, first, 0.3), abs=1e-5)
