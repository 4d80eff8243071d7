"""A dataset of every kind at once: nothing from the future, nothing wrong imitated, the same bytes again."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from inhouse.config import Settings
from inhouse.datasets.build import write_dataset
from inhouse.datasets.builders import all_builders
from inhouse.datasets.builders.contract import Bench, Past
from inhouse.datasets.material import Material, TrainingFiles
from inhouse.datasets.mixing import REPLAY
from inhouse.datasets.negatives import Preference, plain
from inhouse.models.tokenizer import InfillMarks, Tokenizer
from inhouse.progress import Progress
from inhouse.records import Example, Occurrence
from inhouse.shards import read_records
from tests.datasets.builders.conftest import LENGTH
from tests.datasets.builders.planted import Planted
from tests.gitrepo import run_git

KINDS = dict.fromkeys((kind for kind in all_builders() if kind != REPLAY), 1.0)


class _Filling(Tokenizer):
    """The tiny tokenizer with infill tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.__dict__ = dict(tokenizer.__dict__)

    @property
    def infill(self) -> InfillMarks:
        return InfillMarks(3, 4, 5, self.document_end[-1])


def _build(prepared: tuple[Path, Path], tokenizer: Tokenizer, settings: Settings, folder: Path) -> Path:
    folder.mkdir(parents=True)
    settings = settings.model_copy(update={"dataset": settings.dataset.model_copy(update={"kinds": KINDS})})
    write_dataset(*prepared, _Filling(tokenizer), "shop", settings, folder, Progress.silent())
    return folder


@pytest.fixture(scope="module")
def dataset(
    prepared: tuple[Path, Path],
    tokenizer: Tokenizer,
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return _build(prepared, tokenizer, settings, tmp_path_factory.mktemp("all") / "dataset")


@pytest.fixture(scope="module")
def rows(dataset: Path) -> list[Example]:
    return [row for row in read_records(dataset, "examples", Example) if row.split == "train"]


def test_every_kind_has_rows(rows: list[Example]) -> None:
    assert {row.kind for row in rows} == set(KINDS)


def test_no_line_of_the_future_is_in_any_row_of_any_kind(
    dataset: Path, rows: list[Example], planted: Planted, prepared: tuple[Path, Path]
) -> None:
    split = json.loads((prepared[0] / "split.json").read_text())
    seen = _lines(planted, split["validation_cut"])
    later = _lines(planted, split["tip"]) - seen
    assert set(planted.future) <= later
    assert len(later) > 60
    texts = {kind: "\n".join(row.text for row in own) for kind, own in _by_kind(rows).items()}
    for kind, text in texts.items():
        assert [line for line in later if line in text] == [], kind
    pairs = list(read_records(dataset, "preferences", Preference))
    assert pairs
    told = "\n".join(f"{pair.prompt}{pair.chosen}{pair.rejected}{pair.why}" for pair in pairs)
    assert [line for line in later if line in told] == []


def _by_kind(rows: list[Example]) -> dict[str, list[Example]]:
    ordered = sorted(rows, key=lambda row: row.kind)
    return {kind: list(own) for kind, own in groupby(ordered, lambda row: row.kind)}


def _lines(planted: Planted, revision: str) -> set[str]:
    """Return the lines of 24 characters or more that commits up to a revision wrote, messages included."""
    shown = run_git(planted.path, "log", "-p", "--first-parent", "-m", "--format=%B", revision).decode()
    shown += run_git(planted.path, "log", "-p", "--format=%B", revision).decode()
    lines = {line.removeprefix("+").strip() for line in shown.split("\n") if not line.startswith(("-", "@@"))}
    return {line for line in lines if len(line) >= 24 and not line.startswith(("diff ", "index ", "++ "))}


def test_lineage_is_of_the_training_period_and_of_nothing_removed(
    rows: list[Example], prepared: tuple[Path, Path], material: Material, planted: Planted
) -> None:
    places = {place.id: place for place in read_records(prepared[1], "occurrences", Occurrence)}
    trained = set(run_git(planted.path, "rev-list", material.training_cut).decode().split())
    for row in rows:
        assert row.lineage, row.kind
        for name in row.lineage:
            assert places[name].revision in trained, row.kind
            assert not places[name].removed


def test_no_code_that_was_wrong_carries_loss_in_any_row_of_any_kind(
    rows: list[Example], material: Material, tokenizer: Tokenizer, settings: Settings
) -> None:
    past = Past.of(material, TrainingFiles(material), Bench(tokenizer, "shop", LENGTH, settings.evaluation))
    negatives = list(past.negatives)
    assert {negative.source for negative in negatives} == {"insecure", "later fixed", "reverted"}
    shown = 0
    for row in rows:
        for trained, own in groupby(zip(row.input_ids, row.trained, strict=True), lambda pair: pair[1]):
            text = plain(tokenizer.decode([id_ for id_, _ in own]))
            for negative in negatives:
                if plain(negative.code) in text:
                    assert not trained, (row.kind, negative.source)
                    shown += 1
    assert shown > 10  # they stand there, without loss


def test_loss_is_on_something_in_every_row_and_no_row_is_too_long(rows: list[Example]) -> None:
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert any(row.trained), row.kind
        assert len(row.trained) == len(row.input_ids) <= LENGTH


def test_every_token_of_every_kind_is_accounted_for(dataset: Path, rows: list[Example]) -> None:
    account = json.loads((dataset / "accounting.json").read_text())
    for kind, own in account["kinds"].items():
        kept = [row for row in rows if row.kind == kind]
        assert own["rows"] == len(kept)
        assert own["tokens_kept"] == sum(len(row.input_ids) for row in kept)
        counted = sum(own[f"tokens_{name}"] for name in ("kept", "left_out", "truncated", "dropped"))
        assert own["tokens_seen"] == counted, kind


def test_the_same_inputs_give_the_same_bytes(
    dataset: Path, prepared: tuple[Path, Path], tokenizer: Tokenizer, settings: Settings, tmp_path: Path
) -> None:
    again = _build(prepared, tokenizer, settings, tmp_path / "again")
    names = sorted(path.name for path in dataset.iterdir())
    assert "preferences.parquet" in names
    assert sorted(path.name for path in again.iterdir()) == names
    for name in names:
        assert (again / name).read_bytes() == (dataset / name).read_bytes(), name


def test_no_negatives_are_looked_for_unless_critiques_are_wanted(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    write_dataset(*prepared, tokenizer, "shop", settings, tmp_path / "plain", Progress.silent())
    assert not (tmp_path / "plain" / "preferences.parquet").exists()
    kinds = {row.kind for row in read_records(tmp_path / "plain", "examples", Example)}
    assert kinds == {"change", "continuation", "implementation"}
