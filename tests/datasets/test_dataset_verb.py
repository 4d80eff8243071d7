"""`inhouse dataset`: what is told of a dataset is what its rows say, and what is exported reads back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inhouse.cli.main import main
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example
from inhouse.shards import read_records
from tests.datasets.project import make_project
from tests.tiny import make_tiny_model


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two datasets: the second has critiques' places taken by infill and canaries."""
    folder = tmp_path_factory.mktemp("verb")
    project = make_project(folder / "shop")
    make_tiny_model(folder / "model")
    home = folder / "home"
    home.mkdir()
    kinds = "{continuation: 0.5, implementation: 0.2, change: 0.2, related: 0.1}"
    settings = f"model: {folder / 'model'}\nbudget: smoke\nsplit: {{min_items: 10}}\n"
    for dataset in (f"{{kinds: {kinds}}}", f"{{kinds: {kinds}, canaries: 2, canary_repeats: 2}}"):
        (home / "inhouse.yaml").write_text(settings + f"dataset: {dataset}\n")
        assert main(["dataset", str(project.path), *_options(home), "--json"]) == 0
    return home


def _options(home: Path) -> list[str]:
    return ["--workspace", str(home), "--settings", str(home / "inhouse.yaml"), "--quiet"]


def _json(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> Any:
    capsys.readouterr()
    assert main(["dataset", *words, *_options(home), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def _text(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> str:
    capsys.readouterr()
    assert main(["dataset", *words, *_options(home)]) == 0
    return capsys.readouterr().out


def _folder(home: Path, fingerprint: str) -> Path:
    return home / ".inhouse" / "artefacts" / "dataset" / fingerprint[:16]


@pytest.fixture
def rows(home: Path, capsys: pytest.CaptureFixture[str]) -> list[Example]:
    stats = _json(capsys, home, "stats")["stats"]
    return list(read_records(_folder(home, stats["fingerprint"]), "examples", Example))


def test_the_verb_alone_builds_and_tells_what_it_told_before(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone, named = _json(capsys, home), _json(capsys, home, "build")
    assert alone == named
    assert list(alone) == ["digest", "split", "accounting", "stats"]
    assert "next: inhouse dataset show 1" in _text(capsys, home)


def test_stats_count_every_row_and_token(
    home: Path, capsys: pytest.CaptureFixture[str], rows: list[Example]
) -> None:
    stats = _json(capsys, home, "stats")["stats"]
    expected: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        own = expected.setdefault((row.split, row.kind), Counter())
        own.update(rows=1, tokens=len(row.input_ids), tokens_with_loss=sum(row.trained))
    told = {(own["split"], own["kind"]): own for own in stats["rows"]}
    assert {place: {name: told[place][name] for name in own} for place, own in expected.items()} == expected
    assert set(told) == set(expected)
    assert stats["canaries"]["planted"] == 2
    assert sum(own["share"] for own in stats["mixing"]) == pytest.approx(1)
    shown = _text(capsys, home, "stats")
    assert "heldout" in shown
    assert "documents" in shown
    assert "asked for" in shown


def test_show_tells_text_loss_and_where_it_is_from(
    home: Path, capsys: pytest.CaptureFixture[str], rows: list[Example]
) -> None:
    number = next(n for n, row in enumerate(rows, start=1) if row.kind == "continuation")
    row = rows[number - 1]
    found = _json(capsys, home, "show", str(number))
    assert found == _json(capsys, home, "show", row.id[:20])
    assert "".join(span["text"] for span in found["spans"]) == row.text
    assert [token["loss"] for token in found["tokens"]] == list(row.trained)
    assert all("@" in place and len(place.partition("@")[2]) == 12 for place in found["lineage"])
    shown = _text(capsys, home, "show", str(number))
    assert "".join(f"⟦{s['text']}⟧" if s["loss"] else s["text"] for s in found["spans"]) in shown


@pytest.mark.parametrize("word", ["0", "100000", "zz", ""])
def test_a_row_that_is_not_there_is_one_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    assert main(["dataset", "show", *([word] if word else []), *_options(home)]) == 2
    assert "a row is shown by its number, 1 to" in capsys.readouterr().err


def test_another_tokenizer_is_refused(home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_tiny_model(tmp_path / "other")
    settings = json.loads((tmp_path / "other" / "tokenizer_config.json").read_text())
    (tmp_path / "other" / "tokenizer_config.json").write_text(json.dumps(settings | {"other": 1}))
    assert main(["dataset", "show", "1", *_options(home), "--model", str(tmp_path / "other")]) == 2
    assert "the tokens of a dataset are read with the tokenizer that made them" in capsys.readouterr().err


def test_diff_tells_the_settings_and_rows_that_differ(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, home, "diff")["difference"]
    assert {"setting": "dataset.canaries", "first": 0, "second": 2} in found["settings"]
    assert {own["setting"] for own in found["settings"]} == {"dataset.canaries", "dataset.canary_repeats"}
    assert found["added"]["train canary"]["rows"] == 4
    assert found["same_rows"] > 0
    swapped = _json(capsys, home, "diff", found["second"][:10], found["first"][:10])["difference"]
    assert (swapped["added"], swapped["removed"]) == (found["removed"], found["added"])
    same = _json(capsys, home, "diff", found["first"][:10], found["first"][:10])["difference"]
    assert (same["settings"], same["added"], same["removed"]) == ([], {}, {})
    assert "dataset.canaries" in _text(capsys, home, "diff")


def test_an_unknown_name_lists_those_there_are(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "stats", "nothing", *_options(home)]) == 2
    said = capsys.readouterr().err
    assert "a dataset is named by the beginning of its fingerprint; there are" in said


# ------------------------------------------------------------------ exports


def _loaded(folder: Path, config: str, cache: Path) -> dict[str, list[dict[str, Any]]]:
    """Read an export with the real `datasets`, as its own README describes it."""
    import datasets

    found = datasets.load_dataset(str(folder), config, cache_dir=str(cache))
    return {split: found[split].to_list() for split in found}


def test_parquet_gives_every_row_back(
    home: Path, capsys: pytest.CaptureFixture[str], rows: list[Example], tmp_path: Path
) -> None:
    done = _json(capsys, home, "export", "--to", str(tmp_path / "out"))["export"]
    assert done["left_out"] == {}
    found = _loaded(tmp_path / "out", "default", tmp_path / "cache")
    read = [row for split in ("train", "validation") for row in found[split]]
    kept = [(row["id"], row["text"], tuple(row["input_ids"]), tuple(row["trained"])) for row in read]
    assert kept == [(row.id, row.text, row.input_ids, row.trained) for row in rows]
    assert all("@" in place for row in read for place in row["lineage"])


def test_messages_become_the_same_tokens_again(
    home: Path, capsys: pytest.CaptureFixture[str], rows: list[Example], tmp_path: Path
) -> None:
    _json(capsys, home, "export", "--format", "messages", "--to", str(tmp_path / "out"))
    read = _loaded(tmp_path / "out", "default", tmp_path / "cache")["train"]
    tokenizer = Tokenizer.load(home.parent / "model")
    wanted = {row.id: row for row in rows if row.kind == "implementation"}
    assert {row["id"] for row in read} == set(wanted)
    assert wanted
    for row in read:
        ids, trained = tokenizer.chat_example(row["messages"])
        assert (tuple(ids), tuple(trained)) == (wanted[row["id"]].input_ids, wanted[row["id"]].trained)
    others = _loaded(tmp_path / "out", "completion", tmp_path / "cache")
    assert len(read) + sum(map(len, others.values())) == len(rows)


def test_prompt_and_completion_are_what_carries_no_loss_and_what_does(
    home: Path, capsys: pytest.CaptureFixture[str], rows: list[Example], tmp_path: Path
) -> None:
    _json(capsys, home, "export", "--format", "completion", "--to", str(tmp_path / "out"))
    found = _loaded(tmp_path / "out", "default", tmp_path / "cache")
    read = {row["id"]: row for own in found.values() for row in own}
    assert set(read) == {row.id for row in rows}
    tokenizer = Tokenizer.load(home.parent / "model")
    for row in rows:
        told = read[row.id]
        if row.kind in ("continuation", "related", "canary"):
            assert (told["prompt"], told["completion"]) == ("", row.text)
            continue
        first, last = row.trained.index(True), len(row.trained) - row.trained[::-1].index(True)
        assert told["prompt"] == tokenizer.decode(row.input_ids[:first], markers=True)
        assert told["completion"] == tokenizer.decode(row.input_ids[first:last], markers=True)


def test_llama_factory_and_axolotl_are_told_the_columns_that_are_there(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for form in ("parquet", "messages", "completion"):
        folder = tmp_path / form
        files = _json(capsys, home, "export", "--format", form, "--to", str(folder))["export"]["files"]
        info = json.loads((folder / "dataset_info.json").read_text())
        assert sorted(entry["file_name"] for entry in info.values()) == sorted(files)
        readme = (folder / "README.md").read_text()
        for entry in info.values():
            row = _first(folder / entry["file_name"])
            assert set(entry["columns"].values()) <= set(row)
            assert (
                ("tags" in entry) == (entry["formatting"] == "sharegpt") == ("messages" in entry["columns"])
            )
        assert all(f"path: {file}" in readme for file in files)


def _first(path: Path) -> dict[str, Any]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return dict(pq.read_table(path).slice(0, 1).to_pylist()[0])
    return dict(json.loads(path.read_text().splitlines()[0]))


def test_an_export_replaces_an_export_and_nothing_else(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["dataset", "export", "--to", str(tmp_path), *_options(home)]
    assert main([*words, "--format", "messages"]) == 0
    assert main([*words, "--format", "completion"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "dataset_info.json",
        "train.jsonl",
        "validation.jsonl",
    ]
    (tmp_path / "mine.txt").write_text("keep")
    assert main(words) == 2
    assert "an export goes into a folder of its own" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").exists()
    assert (tmp_path / "train.jsonl").exists()


def test_the_tokenizer_report_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, home, "tokenizer")["tokenizer"]
    assert {own["language"] for own in found["languages"]} >= {"python", "c"}
    assert found["extensions"][0]["tokens_saved"] > 0
    assert "characters per token" in _text(capsys, home, "tokenizer")
