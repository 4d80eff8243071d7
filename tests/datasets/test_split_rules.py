"""However time is cut: the same place gives the same artefact, and every later stage keeps to it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from inhouse.config import Settings
from inhouse.datasets.build import Removed
from inhouse.datasets.material import Material
from inhouse.pipeline import Pipeline
from inhouse.progress import Progress
from inhouse.records import Example, Item
from inhouse.shards import read_records
from inhouse.sources.git import Repository
from inhouse.workspace import Workspace
from tests.datasets.project import Project, make_dataset, make_project, make_settings, prepare
from tests.gitrepo import run_git

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.workspace import Artefact

RULES: dict[str, dict[str, object]] = {
    "months": {"months": 3},
    "releases": {"releases": 2},
    "share": {"share": 0.45},  # 17 of 38 commits
    "date": {"date": "2024-07-05"},
    "its own": {"months": 1, "repositories": {"shop": {"releases": 2}, "bank": {"share": 0.9}}},
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The project of the other tests: version 1.0 at its cut, 1.1 and a candidate for 1.2 after it."""
    project = make_project(tmp_path / "shop.git")
    run_git(project.path, "tag", "-a", "-m", "x", "v1.0", "main~17")
    run_git(project.path, "tag", "v1.1", "main~6")
    run_git(project.path, "tag", "v1.2rc1", "main~3")
    return project


def _history(project: Project, folder: Path, split: dict[str, object]) -> Artefact:
    settings = Settings.model_validate({"workers": 1, "split": {"min_items": 10, **split}})
    with closing(Workspace.open(folder)) as workspace:
        return Pipeline(Repository.open(project.path), workspace, settings, Progress.silent()).history


def test_rules_that_mean_the_same_place_give_the_same_history(project: Project, tmp_path: Path) -> None:
    found = {name: _history(project, tmp_path / "state", rule) for name, rule in RULES.items()}
    cut = run_git(project.path, "rev-parse", "main~17").decode().strip()
    files = [own.manifest["files"] for own in found.values()]
    splits = [own.read_json("split.json") for own in found.values()]
    assert {split["cut"] for split in splits} == {cut}
    for name in ("changes.parquet", "commits.parquet", "counts.json", "trees.parquet"):
        assert len({own[name] for own in files}) == 1
    assert len({json.dumps({**split, "reason": ""}) for split in splits}) == 1
    assert found["releases"].fingerprint == found["its own"].fingerprint
    assert len({own.fingerprint for own in found.values()}) == 4


def test_a_tag_makes_another_history_only_where_releases_are_asked_for(
    project: Project, tmp_path: Path
) -> None:
    rules = ("months", "releases", "share", "date")
    before = {name: _history(project, tmp_path / "state", RULES[name]) for name in rules}
    run_git(project.path, "tag", "nightly", "main~2")
    run_git(project.path, "tag", "v1.2rc2", "main~2")
    after = {name: _history(project, tmp_path / "state", RULES[name]) for name in rules}
    assert all(own.reused for own in after.values())
    run_git(project.path, "tag", "v1.2", "main~1")
    after = {name: _history(project, tmp_path / "state", RULES[name]) for name in rules}
    assert [name for name in rules if after[name].fingerprint != before[name].fingerprint] == ["releases"]
    assert after["releases"].read_json("split.json")["reason"].startswith("The cut is ")
    assert "in v1.1, number 2 of the releases" in after["releases"].read_json("split.json")["reason"]


def test_the_rule_of_another_repository_changes_nothing(project: Project, tmp_path: Path) -> None:
    first = _history(project, tmp_path / "state", {})
    others = {"months": 3, "repositories": {"bank": {"releases": 1}}}
    assert _history(project, tmp_path / "state", others).fingerprint == first.fingerprint
    assert _history(project, tmp_path / "state", {"months": 2}).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("rule", "repeated"),
    [
        ({"releases": 1}, set()),
        ({"share": 0.25}, set()),
        ({"date": "2024-06-15"}, {"src/copied.py", "src/revived.py"}),
        ({"releases": 2}, {"src/copied.py", "src/recent.py", "src/revived.py"}),
    ],
    ids=["one release", "a share", "a date", "two releases"],
)
def test_training_index_and_items_keep_to_the_cut_and_repeat_nothing(
    rule: dict[str, object], repeated: set[str], project: Project, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    settings = make_settings("full", split={"min_items": 10, **rule})
    prepared = prepare(project.path, settings, tmp_path / "prepared")
    material = Material(*prepared)
    split = material.split
    before = _lines(project, split.cut)
    trained = _lines(project, split.validation_cut)
    later = _lines(project, split.tip) - before
    dataset = make_dataset(prepared, tokenizer, settings, tmp_path / "dataset")
    rows = list(read_records(dataset, "examples", Example))
    text = "\n".join(row.text for row in rows if row.split == "train")
    indexed = "\n".join(place.text for place in material.tree(split.cut, "index"))
    items = [item for item in read_records(dataset, "items", Item) if item.split == "heldout"]
    assert len(later) > 20
    assert [line for line in later if any(line in each for each in (text, indexed))] == []
    assert [line for line in before - trained if line in text] == []
    removed = [row for row in read_records(dataset, "removed", Removed) if row.split == "heldout"]
    assert {row.path for row in removed if row.reason == "seen before"} == repeated
    assert items
    assert [item for item in items if _is_in(item.target, text) or _is_in(item.target, indexed)] == []


def _is_in(target: str, text: str) -> bool:
    lines = [line.strip() for line in target.split("\n") if len(line.strip()) >= 20]
    return sum(line in text for line in lines) > 0.8 * len(lines)


def _lines(project: Project, revision: str) -> set[str]:
    """Return the long lines that the commits up to a revision added."""
    diffs = run_git(project.path, "log", "-p", "--format=", revision).decode().split("\n")
    return {line[1:].strip() for line in diffs if line.startswith("+") and len(line.strip()) > 40}
