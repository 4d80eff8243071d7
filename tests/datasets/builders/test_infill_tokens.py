"""Infill for a model without such tokens: spare ones take the part when that is asked for, and only then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from inhouse.datasets.builders.infill import infill_account, infill_marks
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import InfillMarks, Tokenizer
from inhouse.records import Example
from inhouse.shards import read_records
from tests.datasets.project import make_dataset, make_project, make_settings, prepare
from tests.tiny import builtin_model, write_tokenizer

RESERVED = ("<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|reserved_special_token_2|>")


def _with_markers(folder: Path, *names: str) -> Tokenizer:
    """The tiny tokenizer with more markers behind its words."""
    size = write_tokenizer(folder)
    path = folder / "tokenizer.json"
    description = json.loads(path.read_text())
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    description["added_tokens"] += [
        {"id": size + number, "content": name, **plain} for number, name in enumerate(names)
    ]
    path.write_text(json.dumps(description))
    return Tokenizer.load(folder)


def test_reserved_tokens_take_the_part_only_when_asked(tmp_path: Path) -> None:
    tokenizer = _with_markers(tmp_path, *RESERVED)
    assert infill_marks(tokenizer, spare=False) is None
    marks = infill_marks(tokenizer, spare=True)
    assert marks is not None
    size = tokenizer.vocabulary_size
    assert marks == InfillMarks(size - 3, size - 2, size - 1, tokenizer.document_end[-1])
    assert infill_account(tokenizer, marks) == {
        "infill": {
            "tokens": dict(zip(("prefix", "suffix", "middle"), RESERVED, strict=True))
            | {"end": "<|endoftext|>"},
            "new_tokens": [size - 3, size - 2, size - 1],
        }
    }


def test_a_model_with_tokens_of_its_own_keeps_them_and_has_nothing_to_learn(tmp_path: Path) -> None:
    tokenizer = _with_markers(tmp_path, *RESERVED, "<fim_prefix>", "<fim_suffix>", "<fim_middle>")
    for spare in (False, True):
        marks = infill_marks(tokenizer, spare=spare)
        assert marks == tokenizer.infill
        assert infill_account(tokenizer, marks)["infill"]["new_tokens"] == []


@pytest.mark.parametrize(
    "names", [(), RESERVED[:2], ("<tool_call>", "<think>", "<|vision_start|>", "<x_pad>")]
)
def test_tokens_that_mean_something_are_never_taken(names: tuple[str, ...], tmp_path: Path) -> None:
    tokenizer = _with_markers(tmp_path, *names)
    assert tokenizer.spare_infill is None
    with pytest.raises(UserMistake, match=r"needs a model with tokens for infill, or three spare ones"):
        infill_marks(tokenizer, spare=True)


def test_a_dataset_says_which_tokens_are_new_and_words_of_files_never_become_them(tmp_path: Path) -> None:
    tokenizer = _with_markers(tmp_path / "model", *RESERVED)
    kinds = {"kinds": {"continuation": 0.5, "infill": 0.5}}
    on = make_settings(dataset=kinds | {"infill_tokens": True})  # type: ignore[arg-type]
    prepared = prepare(make_project(tmp_path / "shop.git").path, on, tmp_path / "prepared")
    built = make_dataset(prepared, tokenizer, on, tmp_path / "on")
    new = json.loads((built / "accounting.json").read_text())["infill"]["new_tokens"]
    rows = [row for row in read_records(built, "examples", Example) if row.split == "train"]
    holding = {row.kind for row in rows if set(new) & set(row.input_ids)}
    assert holding == {"infill"}
    for row in rows:
        if row.kind == "infill":
            assert [row.input_ids.count(id_) for id_ in new] == [1, 1, 1]
            assert not any(own for id_, own in zip(row.input_ids, row.trained, strict=True) if id_ in new)
    off = make_dataset(prepared, tokenizer, make_settings(dataset=kinds), tmp_path / "off")  # type: ignore[arg-type]
    account = json.loads((off / "accounting.json").read_text())
    assert "infill" not in account
    assert list(account["skipped"]["infill"]) == ["the model has no tokens for infill"]


@pytest.mark.model
def test_the_spare_tokens_of_the_embedded_model_were_never_trained() -> None:
    """Their embeddings are one vector, whatever their names say, but for rounding in four bits."""
    model = builtin_model()
    tokenizer = Tokenizer.load(model.folder)
    assert tokenizer.infill is None
    marks = tokenizer.spare_infill
    assert marks is not None
    names = [tokenizer.decode([id_], markers=True) for id_ in marks]
    assert names == ["<gh_stars>", "<issue_start>", "<issue_comment>", "<|endoftext|>"]
    (path,) = model.folder.glob("*.safetensors")
    with safe_open(path, framework="pt") as file:
        table = file.get_tensor("model.embed_tokens.weight").float()
    spare, others = table[list(marks[:3])], table[[0, 1, 3, 4, 100, 5000]]
    assert torch.cdist(spare, spare).max() < 0.003 * spare.norm(dim=1).min()
    assert torch.cdist(spare, others).min() > 0.1 * spare.norm(dim=1).min()
