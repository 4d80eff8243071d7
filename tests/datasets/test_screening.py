"""Validation rows and preference pairs hold nothing that a training row may not; each drop has its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inhouse.config import Filters
from inhouse.datasets.decontamination import Benchmarks
from inhouse.datasets.filters import RowFilters
from inhouse.datasets.formats import example
from inhouse.datasets.negatives import Preference
from inhouse.datasets.screening import PREFERENCE, VALIDATION, Screen
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example
from inhouse.shards import read_records
from tests.datasets.project import make_dataset, make_project, make_settings, prepare

PROBLEM = (
    "def largest(numbers):\n    best = None\n    for number in numbers:\n        best = pick(best, number)\n"
)
GOOD = "    total = price_of(cart) + price_of(parcel)\n"
RUDE = "    shit = price_of(cart)\n"
LONG = f'    key = "{"abcdefghij" * 30}"\n'


@pytest.fixture
def screen(tokenizer: Tokenizer, tmp_path: Path) -> Screen:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"id": "own/1", "prompt": PROBLEM}) + "\n")
    filters = Filters(min_tokens=20, line_characters=200, toxicity=True, similarity=0.7, adherence=True)
    return Screen(Benchmarks({"own": path}), RowFilters(filters, tokenizer))


def _row(tokenizer: Tokenizer, text: str, number: int = 1) -> Example:
    context, target = tokenizer.encode("x = 1\n" * 8), tokenizer.encode(text)
    return example("change", "validation", tokenizer, (context, target), ("o",), str(number))


def _pair(chosen: str, rejected: str) -> Preference:
    return Preference("id", "Continue `a.py` of shop.", chosen, rejected, "reverted", "", "a.py", "c", ("o",))


def test_a_validation_row_is_dropped_for_what_it_holds_and_never_as_a_copy(
    screen: Screen, tokenizer: Tokenizer
) -> None:
    rows = [_row(tokenizer, text, number) for number, text in enumerate([GOOD, GOOD, RUDE, LONG, PROBLEM])]
    assert screen.validation(rows) == rows[:2]
    assert screen.account(VALIDATION) == {
        "has a very long line": 1,
        "holds a word of the toxicity list": 1,
        "repeats own": 1,
    }
    (hit,) = screen._benchmarks.hits
    assert (hit.kind, hit.item, hit.how) == ("validation", "own/1", "exact")


def test_a_pair_is_dropped_for_either_side_and_a_short_one_stays(screen: Screen) -> None:
    pairs = [_pair(GOOD, "    x = 1\n"), _pair(GOOD, RUDE), _pair(LONG, GOOD), _pair(PROBLEM, GOOD)]
    pairs.append(_pair(GOOD, PROBLEM))
    assert screen.preferences(pairs) == pairs[:1]
    assert screen.account(PREFERENCE) == {
        "has a very long line": 1,
        "holds a word of the toxicity list": 1,
        "repeats own": 2,
    }


def test_a_dataset_drops_and_counts_them(tokenizer: Tokenizer, tmp_path: Path) -> None:
    prepared = prepare(make_project(tmp_path / "shop.git").path, make_settings(), tmp_path / "prepared")
    plain = make_dataset(prepared, tokenizer, make_settings(), tmp_path / "plain")
    victim = next(row for row in read_records(plain, "examples", Example) if row.split == "validation")
    taught = [id_ for id_, own in zip(victim.input_ids, victim.trained, strict=True) if own]
    word = next(
        part
        for part in tokenizer.decode(taught).replace("(", " ").replace(".", " ").split()
        if part.isalpha()
    )
    settings = make_settings(dataset={"filters": {"toxic_words": [word]}})  # type: ignore[dict-item]
    found = make_dataset(prepared, tokenizer, settings, tmp_path / "found")
    rows = [row for row in read_records(found, "examples", Example) if row.split == "validation"]
    assert victim.id not in {row.id for row in rows}
    account = json.loads((found / "accounting.json").read_text())["validation"]
    assert account["dropped"]["holds a word of the toxicity list"] >= 1
    assert account["rows"] == len(rows)
    assert (found / "items.parquet").read_bytes() == (plain / "items.parquet").read_bytes()
