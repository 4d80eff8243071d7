"""Retrieved text in training rows is what evaluation would put there, from a tree that is old enough."""

from __future__ import annotations

import pytest

from inhouse.datasets.builders.contract import Bench, Past
from inhouse.datasets.builders.retrieval import RetrievalAware
from inhouse.datasets.formats import item_context, item_target
from inhouse.datasets.material import Material
from inhouse.datasets.offered import offered
from inhouse.datasets.snapshots import Snapshots
from inhouse.evaluation import arms
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.records import Item
from tests.datasets.builders.planted import Planted
from tests.gitrepo import run_git


def _ancestors(planted: Planted, commit: str) -> set[str]:
    return set(run_git(planted.path, "rev-list", commit).decode().split())


def test_a_tree_of_the_past_is_the_one_that_git_has(material: Material, planted: Planted) -> None:
    snapshots = Snapshots(material, trees=100)
    assert len(snapshots.places) > 15
    for place in snapshots.places:
        listed = run_git(planted.path, "ls-tree", "-r", snapshots.commit(place)).decode()
        expected = {line.split("\t")[1]: line.split()[2] for line in listed.splitlines()}
        assert snapshots.tree(place) == expected


@pytest.mark.parametrize("trees", [1, 3, 100])
def test_a_commit_searches_a_tree_that_its_parents_had_behind_them(
    material: Material, planted: Planted, trees: int
) -> None:
    snapshots = Snapshots(material, trees)
    assert len(snapshots.places) <= trees
    searched = 0
    for commit in material.periods["train"]:
        place = snapshots.of(commit)
        if place is not None:
            searched += 1
            assert snapshots.commit(place) in _ancestors(planted, commit) - {commit}
    assert searched > 0
    if trees == 100:  # all but the first commit of all, and each with the newest tree there is
        assert searched == len(material.periods["train"]) - 1
        fork = planted.mainline[planted.mainline.index(planted.commits["merge"]) - 1]
        assert {
            snapshots.commit(snapshots.of(planted.commits[name]) or 0) for name in ("vat-1", "vat-2")
        } == {fork}


def test_where_not_all_commits_were_read_the_trees_end(material: Material) -> None:
    """An older commit whose changes are not known may have written anything that stands in the tree."""
    known = material.periods["train"]
    gone = known[-4:]
    narrow = object.__new__(Material)
    narrow.__dict__.update(material.__dict__)
    narrow.__dict__["periods"] = {**material.periods, "train": known[:-4]}
    narrow.__dict__["_changes"] = {key: value for key, value in material._changes.items() if key not in gone}
    snapshots = Snapshots(narrow, trees=100)
    oldest = snapshots.commit(max(snapshots.places))
    assert oldest == gone[0]
    assert all(snapshots.of(commit) is None for commit in gone)


def test_rows_have_the_form_and_the_room_of_evaluation(
    past: Past, bench: Bench, tokenizer: Tokenizer
) -> None:
    items = {candidate.item.id: candidate.item for candidate in past.candidates if not candidate.removed}
    rows = list(RetrievalAware(bench).rows(past))
    assert len(rows) > 5
    targets = {tuple(item_target(item, tokenizer)) for item in items.values()}
    for row in rows:
        loss = row.trained.index(True)
        assert all(row.trained[loss:])
        assert row.input_ids[loss:] in targets
        assert loss <= bench.evaluation.context_tokens
        assert row.text.startswith("# ")  # retrieved text stands before the markers
        assert "<repo_name>shop\n" in row.text


def test_the_text_is_chosen_as_evaluation_chooses_it(past: Past, bench: Bench, tmp_path: object) -> None:
    """The same function, the same item, the same index: the same tokens."""
    assert past.snapshots is not None
    measured = arms.Bench(
        engine=None,  # type: ignore[arg-type]
        tokenizer=bench.tokenizer,
        adapter="",
        repository="shop",
        context_tokens=384,
        seed=0,
        folder=tmp_path,  # type: ignore[arg-type]
        progress=Progress.silent(),
    )
    item: Item = next(each.item for each in past.candidates if not each.removed)
    with past.snapshots.index() as moving:
        index = moving.move(past.snapshots.places[0])
        text = arms.Retriever(index, measured, 0.5)(item)
        found = offered(index, item, bench.tokenizer, "shop", 384, 0.5)
    assert found.text == text
    context = item_context(item, bench.tokenizer, 384, "shop", found.text)
    assert tuple(context) == measured.context(item, text)


def test_lineage_names_what_was_retrieved(past: Past, bench: Bench, material: Material) -> None:
    places = {place.id: place.path for place in material._places.values()}
    for row in RetrievalAware(bench).rows(past):
        shown = {
            line[2:].split(":")[0]
            for line in row.text.split("<repo_name>")[0].split("\n")
            if line[:2] == "# "
        }
        named = {places[name] for name in row.lineage if name in places}
        assert {path for path in shown if path in places.values()} <= named
