"""A dataset larger than the memory that building and training may take, and the same bytes by any number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.datasets import workshop
from inhouse.datasets.spill import Rows, Spill, pack, read_examples, unpack, write_examples
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example
from inhouse.shards import read_records, write_records
from tests.datasets.project import Stream, Words, make_dataset, make_settings, prepare
from tests.tiny import make_tiny_model

TOKENS = 5_000_000
EPOCHS = 36
LIMIT = 70_000_000  # bytes that a process may grow by


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("model")
    make_tiny_model(folder)
    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A repository of 24 files in two packages, every function of its own words."""
    words, stream = Words(11), Stream()
    texts = ["".join(words.python() for _ in range(24)) for _ in range(24)]
    for number, text in enumerate(texts):
        name = f"packages__{'ab'[number % 2]}__m{number}_dot_py"
        stream.commit(3 * number, f"Add {words.word()} to the {words.word()}", **{name: text})
    for number in range(12):
        name = f"packages__a__new{number}_dot_py"
        stream.commit(200 + number, f"Extend {words.word()}", **{name: words.python() + words.python()})
    folder = tmp_path_factory.mktemp("large")
    return prepare(stream.write(folder / "large.git"), make_settings(), folder)


def _run(*arguments: object) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "tests.datasets.bounded", *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(json.loads(done.stdout.splitlines()[-1])["growth"])


def _weight(row: Example) -> int:
    """Return the bytes of a row in memory."""
    numbers = sum(map(sys.getsizeof, row.input_ids))
    return numbers + sum(map(sys.getsizeof, (row, row.text, row.input_ids, row.trained, row.id)))


def test_a_dataset_larger_than_its_memory_builds_and_trains(
    prepared: tuple[Path, Path], model: Path, tmp_path: Path
) -> None:
    built = _run("build", *prepared, model, TOKENS, EPOCHS, tmp_path)
    dataset = tmp_path / "large"
    train, _ = read_examples(dataset)
    assert 0.98 * TOKENS < train.tokens <= TOKENS
    sample = train[::50]
    whole = sum(map(_weight, sample)) / len(sample) * len(train)
    assert whole > 3 * LIMIT
    assert built < LIMIT
    trained = _run("train", model, dataset, tmp_path / "runs")
    assert trained < LIMIT


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_gives_the_same_bytes(
    workers: int,
    prepared: tuple[Path, Path],
    tokenizer: Tokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workshop, "ALONE", 0)
    kinds = dict.fromkeys(
        ("continuation", "change", "implementation", "infill", "related", "test", "task"), 1
    )
    datasets = []
    for count in (1, workers):
        wanted = {"kinds": kinds, "tokens": 40_000, "epochs": {"change": 1.5}, "infill_tokens": False}
        settings = make_settings(dataset=wanted).model_copy(update={"workers": count})
        datasets.append(make_dataset(prepared, tokenizer, settings, tmp_path / str(count)))
    one, many = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in datasets)
    assert sorted(one) == sorted(many)
    assert [name for name in one if one[name] != many[name]] == []
    assert sum(own["rows"] for own in json.loads(one["accounting.json"])["kinds"].values()) > 50


def test_a_row_comes_back_from_the_disk_as_it_was(tmp_path: Path) -> None:
    row = Example("i", "change", "train", "ä\n\ud800", (1, 70_000, 3), (False, True, True), ("a", "b"), 0.5)
    empty = Example("e", "change", "validation", "", (), (), (), 1.0)
    assert [unpack(pack(one)) for one in (row, empty)] == [row, empty]
    spill = Spill(tmp_path)
    places = [spill.add(one) for one in (row, empty, row)]
    assert [spill.read(place) for place in reversed(places)] == [row, empty, row]
    assert (places[0].tokens, places[0].trained) == (3, 2)
    assert list(tmp_path.iterdir()) == []


def test_examples_are_written_as_records_are(tmp_path: Path) -> None:
    rows = [
        Example(f"{n}", "change", "train", "x" * n, tuple(range(n)), (n % 2 == 0,) * n, ("o",), 1.0)
        for n in range(700)
    ]
    spill = Spill(tmp_path)
    write_examples(tmp_path / "examples.parquet", Rows(spill, [spill.add(row) for row in rows]), rows[:3])
    assert list(read_records(tmp_path, "examples", Example)) == [*rows, *rows[:3]]
    (tmp_path / "other").mkdir()
    write_records(tmp_path / "other" / "examples.parquet", rows, Example)
    assert list(read_examples(tmp_path / "other")[0]) == rows
