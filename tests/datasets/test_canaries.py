"""Canaries are planted as they will be scored, as often as asked for, inside the budget; or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inhouse.config import BUDGETS
from inhouse.datasets.canaries import KIND, Planted, canaries, planted_canaries
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example, Item
from inhouse.shards import read_records
from tests.datasets.project import make_dataset, make_settings


@pytest.fixture(scope="module")
def planted(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    settings = make_settings(dataset={"canaries": 3, "canary_repeats": 5})
    return make_dataset(prepared, tokenizer, settings, tmp_path_factory.mktemp("planted") / "dataset")


@pytest.fixture(scope="module")
def plain(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return make_dataset(prepared, tokenizer, make_settings(), tmp_path_factory.mktemp("plain") / "dataset")


def _rows(dataset: Path, kind: str) -> list[Example]:
    return [row for row in read_records(dataset, "examples", Example) if row.kind == kind]


def _account(dataset: Path) -> Any:
    return json.loads((dataset / "accounting.json").read_text())


def test_canaries_are_drawn_again_from_the_same_seed() -> None:
    assert canaries(6, 3) == canaries(6, 3) != canaries(6, 4)
    assert canaries(9, 3)[:6] == canaries(6, 3)
    assert all(
        one.value in one.text and one.before == one.text.partition(one.value)[0] for one in canaries(6, 3)
    )


def test_each_stands_in_the_training_rows_as_often_as_asked_for(planted: Path, tokenizer: Tokenizer) -> None:
    rows = _rows(planted, KIND)
    assert len(rows) == 15 == len({row.id for row in rows})
    assert {row.split for row in rows} == {"train"}
    for one in planted_canaries(planted):
        ids = (tokenizer.start, *tokenizer.encode(one.text), *tokenizer.document_end)
        copies = [row for row in rows if row.input_ids == ids]
        assert len(copies) == 5
        assert all(row.trained == (False, *(True,) * (len(ids) - 1)) for row in copies)


def test_they_are_mixed_among_the_other_rows(planted: Path) -> None:
    kinds = [row.kind for row in read_records(planted, "examples", Example) if row.split == "train"]
    places = [number for number, kind in enumerate(kinds) if kind == KIND]
    assert places != list(range(places[0], places[0] + 15))


def test_what_was_planted_is_written_down(planted: Path) -> None:
    assert list(planted_canaries(planted)) == canaries(3, 0)
    assert json.loads((planted / "canaries.json").read_text())["repeats"] == 5


def test_they_are_a_kind_of_their_own_inside_the_budget(planted: Path, plain: Path) -> None:
    kinds, rows = _account(planted)["kinds"], _rows(planted, KIND)
    tokens = sum(len(row.input_ids) for row in rows)
    assert kinds[KIND] == {
        "rows": 15,
        "sources": 3,
        "windowed": 0,
        "tokens_seen": tokens,
        "tokens_repeated": 0,
        "tokens_kept": tokens,
        "tokens_left_out": 0,
        "tokens_truncated": 0,
        "tokens_dropped": 0,
        "tokens_with_loss": tokens - 15,
    }
    used = sum(own["tokens_kept"] for own in kinds.values())
    assert 0.95 * BUDGETS["smoke"].trained <= used <= BUDGETS["smoke"].trained
    assert set(kinds) == {KIND, *_account(plain)["kinds"]}


def test_without_them_every_byte_is_as_before(
    plain: Path, prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """No kind, no file, no row: and how often nothing is planted makes no difference."""
    none = make_settings(dataset={"canaries": 0, "canary_repeats": 99})
    other = make_dataset(prepared, tokenizer, none, tmp_path / "other")
    names = sorted(path.name for path in plain.iterdir())
    assert "canaries.json" not in names
    assert KIND not in _account(plain)["kinds"] | _account(plain)["skipped"]
    assert planted_canaries(plain) == ()
    assert names == sorted(path.name for path in other.iterdir())
    assert [(other / name).read_bytes() for name in names] == [(plain / name).read_bytes() for name in names]


def test_what_is_measured_on_does_not_depend_on_them(planted: Path, plain: Path) -> None:
    for name in ("items", "documents"):
        one, other = (list(read_records(folder, name, Item)) for folder in (planted, plain))
        assert one == other


def test_more_than_a_quarter_of_the_budget_is_refused_in_a_sentence(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserMistake) as mistake:
        Planted(40, 100, 0, tokenizer, 10_000)
    assert str(mistake.value).startswith(
        "planted canaries may take 25% of the 10,000 tokens that are trained: "
    )
    assert str(mistake.value).endswith("; lower dataset.canaries or dataset.canary_repeats.")
