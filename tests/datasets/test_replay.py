"""Replay in a whole dataset: its share, its licences, nothing held out; without it, as before."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from inhouse.config import Settings
from inhouse.datasets.contamination import THRESHOLD
from inhouse.datasets.decontamination import BenchmarkHit
from inhouse.datasets.general import General
from inhouse.datasets.rows import RowMaker
from inhouse.errors import UserMistake
from inhouse.hygiene.duplicates import SpanIndex, SpansWithin
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example, Item
from inhouse.shards import read_records
from tests.datasets.project import Project, Words, make_dataset, make_settings
from tests.datasets.test_general import MIT


@pytest.fixture(scope="module")
def folder(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """General code; every other file holds a function that was written after the cut."""
    path = tmp_path_factory.mktemp("general") / "library"
    path.mkdir()
    (path / "LICENSE").write_text(MIT)
    words = Words(7)
    for number in range(40):
        parts = [words.python() for _ in range(4)]
        if number % 2:
            parts.insert(1, project.future[number % 12])
        (path / f"module_{number}.py").write_text("".join(parts))
    return path


def _settings(folder: Path, **more: object) -> Settings:
    return make_settings(dataset={"replay": 0.25, "replay_from": [str(folder)]} | more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def dataset(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return make_dataset(prepared, tokenizer, _settings(folder), tmp_path_factory.mktemp("replay") / "dataset")


def _rows(dataset: Path) -> list[Example]:
    return [row for row in read_records(dataset, "examples", Example) if row.split == "train"]


def _account(dataset: Path) -> dict:
    return json.loads((dataset / "accounting.json").read_text())


def test_replay_is_the_share_that_was_asked_for(dataset: Path) -> None:
    sizes = {kind: own["tokens_kept"] for kind, own in _account(dataset)["kinds"].items()}
    assert 0.24 <= sizes["replay"] / sum(sizes.values()) <= 0.25
    assert sum(sizes.values()) <= _account(dataset)["tokens_allowed"]


def test_each_row_names_its_package_and_licence_and_both_are_counted(dataset: Path) -> None:
    rows = [row for row in _rows(dataset) if row.kind == "replay"]
    assert {row.lineage[:2] for row in rows} == {("library", "MIT")}
    assert all(row.lineage[2].startswith("module_") for row in rows)
    tokens = sum(len(row.input_ids) for row in rows)
    assert _account(dataset)["replay"] == {
        "licences": {"MIT": {"rows": len(rows), "tokens": tokens}},
        "packages": {"library": tokens},
        "passed_over": {},
        "secrets": _account(dataset)["replay"]["secrets"],
    }


def test_no_replay_row_holds_held_out_code_and_no_item_is_lost_to_replay(
    dataset: Path, prepared: tuple[Path, Path], tokenizer: Tokenizer, project: Project, tmp_path: Path
) -> None:
    assert _account(dataset)["skipped"]["replay"]["holds a span of the held-out period"] >= 1
    index = SpanIndex(THRESHOLD)
    for row in _rows(dataset):
        if row.kind == "replay":
            index.add(row.id, row.text)
            assert not [function for function in project.future if function.strip() in row.text]
    items = list(read_records(dataset, "items", Item))
    assert items
    assert [item.target for item in items if index.find(item.target) is not None] == []
    plain = make_dataset(prepared, tokenizer, make_settings(), tmp_path / "plain")
    assert (dataset / "items.parquet").read_bytes() == (plain / "items.parquet").read_bytes()
    assert "replay" not in _account(plain)


def test_secrets_of_others_are_redacted_as_in_the_corpus_and_counted(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    token = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
    path = tmp_path / "leaky"
    path.mkdir()
    (path / "LICENSE").write_text(MIT)
    words = Words(11)
    for number in range(8):
        leak = f'TOKEN = "{token}"\n' if number % 2 else ""
        (path / f"module_{number}.py").write_text(leak + "".join(words.python() for _ in range(4)))
    own_rule = tmp_path / "rules.toml"
    own_rule.write_text('[[rules]]\nid = "ours"\nregex = "def ([a-z]{6})"\nkeywords = ["def"]\n')
    for rules, marks in ([], {"github-pat"}), ([own_rule], {"github-pat", "ours"}):
        files = list(General([path], 0, rules).files(()))
        assert len(files) == 8
        assert not any(token in file.text for file in files)
        found = {mark for file in files for mark in re.findall("<redacted:([^>]+)>", file.text)}
        assert len(found) == len(marks)
    assert General([path], 0).digest != General([path], 0, [own_rule]).digest
    built = make_dataset(prepared, tokenizer, _settings(path), tmp_path / "built")
    assert not any(token in row.text for row in _rows(built))
    secrets = _account(built)["replay"]["secrets"]
    assert secrets["secrets redacted"] >= 1
    assert secrets["files read"] <= 8


def test_a_file_of_others_that_is_mostly_secret_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(MIT)
    keys = ["ghp_" + f"aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3{number}" for number in range(400, 420)]
    lines = (f'    "{key}",\n' for key in keys)
    (tmp_path / "keys.py").write_text("KEYS = [\n" + "".join(lines) + "]\n")
    general = General([tmp_path], 0)
    assert list(general.files(())) == []
    assert general.secrets["files that are mostly secret, left out"] == 1


def test_every_token_of_replay_is_accounted_for(dataset: Path) -> None:
    for kind, own in _account(dataset)["kinds"].items():
        counted = sum(own[f"tokens_{name}"] for name in ("kept", "left_out", "truncated", "dropped"))
        assert own["tokens_seen"] == counted, kind


def test_the_same_folders_give_the_same_bytes(
    dataset: Path, prepared: tuple[Path, Path], tokenizer: Tokenizer, folder: Path, tmp_path: Path
) -> None:
    again = make_dataset(prepared, tokenizer, _settings(folder), tmp_path / "again")
    for path in sorted(dataset.iterdir()):
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_replay_is_no_kind_among_the_others(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserMistake, match="share of its own"):
        make_dataset(prepared, tokenizer, _settings(folder, kinds={"replay": 1.0}), tmp_path / "none")


def test_rows_that_repeat_a_benchmark_are_lost_to_training_and_listed(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, dataset: Path, folder: Path, tmp_path: Path
) -> None:
    victim = next(row for row in _rows(dataset) if row.kind == "replay").lineage[2]
    problem = (folder / victim).read_text()
    benchmark = tmp_path / "own.jsonl"
    benchmark.write_text(json.dumps({"id": "own/1", "prompt": problem.split("\n\n\n")[0]}) + "\n")
    settings = _settings(folder, benchmarks=[str(benchmark)])
    found = make_dataset(prepared, tokenizer, settings, tmp_path / "found")
    name = problem.partition("(")[0]
    assert any(name in row.text for row in _rows(dataset))
    assert not any(name in row.text for row in _rows(found))
    hits = list(read_records(found, "contamination", BenchmarkHit))
    assert {(hit.kind, hit.lineage[2], hit.benchmark, hit.item) for hit in hits} == {
        ("replay", victim, "own.jsonl", "own/1")
    }
    account = _account(found)
    assert sum(n for how, n in account["benchmarks"]["own.jsonl"].items() if how.startswith("rows")) == len(
        hits
    )
    assert account["skipped"]["replay"]["repeats own.jsonl"] == len(hits)


def test_a_filtered_row_is_dropped_with_its_reason_and_counted(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    settings = make_settings(dataset={"filters": {"min_tokens": 120}})  # type: ignore[dict-item]
    found = make_dataset(prepared, tokenizer, settings, tmp_path / "filtered")
    assert all(len(row.input_ids) >= 120 for row in _rows(found))
    account = _account(found)
    assert sum(skipped.get("too short", 0) for skipped in account["skipped"].values()) > 0
    for kind, own in account["kinds"].items():
        counted = sum(own[f"tokens_{name}"] for name in ("kept", "left_out", "truncated", "dropped"))
        assert own["tokens_seen"] == counted, kind


def test_spans_within_agree_with_the_index_the_other_way_round(project: Project) -> None:
    spans = [*project.future, "return 0\n", "x = y\nz = 1\n"]
    within = SpansWithin(spans, THRESHOLD)
    for text in (*project.future, "".join(project.future), "a = 1\n  x = y\n\nz = 1\n", "z = 1\nx = y\n"):
        index = SpanIndex(THRESHOLD)
        index.add("text", text)
        held = [number for number, span in enumerate(spans) if index.find(span) is not None]
        found = within.find(text)
        assert (found is not None) == bool(held)
        assert found is None or found[0] in held


def test_the_mixture_is_told_before_it_is_built(tokenizer: Tokenizer, folder: Path) -> None:
    lines = RowMaker(tokenizer, "shop", _settings(folder)).planned()
    assert lines[0] == "mixture planned, 10,000 tokens:"
    assert [line.split() for line in lines[1:]] == [
        ["continuation", "49%", "4,875", "tokens"],
        ["implementation", "11%", "1,125", "tokens"],
        ["change", "15%", "1,500", "tokens"],
        ["replay", "25%", "2,500", "tokens"],
    ]
