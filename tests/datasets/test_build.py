"""From a repository to a dataset: nothing from the future, nothing repeated, every token accounted for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from inhouse.config import BUDGETS
from inhouse.datasets.build import Removed
from inhouse.datasets.items import item_quota
from inhouse.datasets.rows import RowMaker
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example, Item, Occurrence
from inhouse.shards import read_records
from inhouse.sources.git import Repository
from tests.datasets.project import (
    Project,
    Stream,
    Words,
    make_dataset,
    make_settings,
    prepare,
)

FILES = (
    "accounting.json",
    "contamination.parquet",
    "documents.parquet",
    "documents_removed.parquet",
    "examples.parquet",
    "items.parquet",
    "overlap.parquet",
    "removed.parquet",
    "review.csv",
    "review.html",
)


@pytest.fixture(scope="module")
def smoke(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return make_dataset(prepared, tokenizer, make_settings(), tmp_path_factory.mktemp("smoke") / "dataset")


@pytest.fixture(scope="module")
def full(prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A budget that takes everything there is."""
    folder = tmp_path_factory.mktemp("full") / "dataset"
    return make_dataset(prepared, tokenizer, make_settings("full"), folder)


def _examples(dataset: Path, split: str = "train") -> list[Example]:
    return [row for row in read_records(dataset, "examples", Example) if row.split == split]


def _items(dataset: Path, split: str) -> list[Item]:
    return [item for item in read_records(dataset, "items", Item) if item.split == split]


def _removed(dataset: Path, split: str) -> list[Removed]:
    return [row for row in read_records(dataset, "removed", Removed) if row.split == split]


def _account(dataset: Path) -> dict:
    return json.loads((dataset / "accounting.json").read_text())


# ------------------------------------------------------------------ no leak


def test_held_out_code_that_was_trained_on_is_removed_and_its_source_named(
    full: Path, project: Project, prepared: tuple[Path, Path]
) -> None:
    """One function is a copy of the training tree, one of an older version, one of the tree at the cut."""
    places = {place.id: place for place in read_records(prepared[1], "occurrences", Occurrence)}
    found = {row.path: row for row in _removed(full, "heldout") if row.reason == "seen before"}
    assert sorted(found) == ["src/copied.py", "src/recent.py", "src/revived.py"]
    assert {places[row.occurrence].path for row in found.values()} == {"src/basket.py"}
    assert all(row.similarity >= 0.8 for row in found.values())
    trained = "\n".join(row.text for row in _examples(full))
    assert [_first_line(function) in trained for function in (project.copied, project.revived)] == [
        True,
        True,
    ]
    assert _first_line(project.recent) not in trained
    for function in (project.copied, project.revived, project.recent):
        assert not any(item.target.strip() in function for item in _items(full, "heldout"))
    assert _account(full)["items"]["heldout"]["removed"]["seen before"] == 3


def _first_line(function: str) -> str:
    return function.partition("\n")[0]


def test_no_line_that_first_appears_after_the_cut_is_trained_on(
    full: Path, project: Project, prepared: tuple[Path, Path]
) -> None:
    split = json.loads((prepared[0] / "split.json").read_text())
    before = _all_lines(project.path, split["validation_cut"])
    at_cut = _all_lines(project.path, split["cut"])
    at_tip = _all_lines(project.path, split["tip"])
    assert {line.strip() for function in project.future for line in function.split("\n")} & at_tip
    trained = "\n".join(row.text for row in _examples(full))
    validated = "\n".join(row.text for row in _examples(full, "validation"))
    assert len(at_tip - at_cut) > 50
    assert len(at_cut - before) > 5
    assert [line for line in at_tip - before if line in trained] == []
    assert [line for line in at_tip - at_cut if line in validated] == []
    assert any(line in trained for line in before)


def _all_lines(repository: Path, revision: str) -> set[str]:
    """Return the lines of 40 bytes or more that any commit up to a revision added, messages included."""
    reader = Repository.open(repository)
    ids = {commit.id: commit for commit in reader.commits()}
    waiting, reached = [revision], set()
    while waiting:
        commit = waiting.pop()
        reached.add(commit)
        waiting += [parent for parent in ids[commit].parents if parent not in reached]
    documents = {change.document for change in reader.changes(sorted(reached))} - {""}
    texts = [data.decode() for _, data in reader.read(sorted(documents))]
    texts += [message for _, message in reader.messages(sorted(reached))]
    return {line.strip() for text in texts for line in text.split("\n") if len(line.strip()) >= 40}


def test_items_stand_in_the_history_as_they_say(full: Path, project: Project) -> None:
    reader = Repository.open(project.path)
    for item in (*_items(full, "validation"), *_items(full, "heldout")):
        (change,) = [change for change in reader.changes([item.commit]) if change.path == item.path]
        ((_, data),) = reader.read([change.document])
        assert item.prefix + item.target in data.decode()
        ((_, message),) = reader.messages([item.commit])
        assert item.message == message.partition("\n\nSigned-off-by")[0].strip()


def test_messages_have_no_trailers(full: Path) -> None:
    items = [*_items(full, "validation"), *_items(full, "heldout")]
    assert any("Extend" in item.message for item in items)
    assert not any("@" in item.message for item in items)


def test_known_paths_are_those_at_the_cut(full: Path) -> None:
    known = {item.path: item.known_path for item in _items(full, "heldout")}
    assert known == {"lib/ledger.c": True, "src/basket.py": True, "src/large.py": False}


# ------------------------------------------------------------------ accounts


@pytest.mark.parametrize("budget", ["smoke", "full"])
def test_every_token_is_accounted_for(budget: str, request: pytest.FixtureRequest) -> None:
    dataset = request.getfixturevalue(budget)
    account, rows = _account(dataset), _examples(dataset)
    for kind, own in account["kinds"].items():
        kept = [row for row in rows if row.kind == kind]
        assert own["rows"] == len(kept) > 0
        assert own["tokens_kept"] == sum(len(row.input_ids) for row in kept)
        assert own["tokens_with_loss"] == sum(sum(row.trained) for row in kept)
        counted = sum(own[f"tokens_{name}"] for name in ("kept", "left_out", "truncated", "dropped"))
        assert own["tokens_seen"] == counted
    assert account["tokens_allowed"] == BUDGETS[budget].trained
    assert max(len(row.input_ids) for row in rows) <= account["row_length"]
    assert len({row.id for row in rows}) == len(rows)


def test_the_budget_is_used_up_and_never_exceeded(smoke: Path) -> None:
    used = sum(len(row.input_ids) for row in _examples(smoke))
    assert 0.95 * BUDGETS["smoke"].trained <= used <= BUDGETS["smoke"].trained


def test_a_budget_beyond_the_material_takes_it_all_and_repeats_nothing(full: Path) -> None:
    account = _account(full)
    assert account["kinds"]["continuation"]["tokens_left_out"] == 0
    assert account["kinds"]["change"]["tokens_left_out"] == 0
    assert len({row.text for row in _examples(full)}) == len(_examples(full))


@pytest.mark.parametrize("split", ["validation", "heldout"])
@pytest.mark.parametrize("budget", ["smoke", "full"])
def test_every_candidate_is_an_item_or_removed_for_a_reason(
    budget: str, split: str, request: pytest.FixtureRequest
) -> None:
    dataset = request.getfixturevalue(budget)
    account = _account(dataset)["items"][split]
    items, removed = _items(dataset, split), _removed(dataset, split)
    assert account["kept"] == len(items)
    assert sum(account["removed"].values()) == len(removed)
    assert account["candidates"] == len(items) + len(removed)
    assert all(row.reason for row in removed)
    assert len({row.item for row in removed} | {item.id for item in items}) == account["candidates"]
    settings = make_settings(budget)
    quotas = item_quota(BUDGETS[settings.budget], settings.evaluation)
    assert len(items) <= quotas[0 if split == "heldout" else 1]


def test_lineage_leads_to_what_hygiene_kept(full: Path, prepared: tuple[Path, Path]) -> None:
    places = {place.id: place for place in read_records(prepared[1], "occurrences", Occurrence)}
    for row in (*_examples(full), *_examples(full, "validation")):
        assert row.lineage
        for name in row.lineage:
            assert not places[name].removed
        assert places[row.lineage[0]].path in row.text or row.kind == "implementation"


def test_validation_rows_are_validation_items_with_loss_on_the_target_only(full: Path) -> None:
    rows = _examples(full, "validation")
    items = _items(full, "validation")
    assert len(rows) == len(items) >= 3
    for row, item in zip(rows, items, strict=True):
        assert row.text.endswith(item.target.rstrip())
        loss = row.trained.index(True)
        assert not any(row.trained[:loss])
        assert all(row.trained[loss:])


# ------------------------------------------------------------------ the same again


def test_the_same_inputs_give_the_same_bytes(
    smoke: Path, prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    again = make_dataset(prepared, tokenizer, make_settings(), tmp_path / "again")
    assert sorted(path.name for path in again.iterdir()) == list(FILES)
    assert [(again / name).read_bytes() for name in FILES] == [(smoke / name).read_bytes() for name in FILES]


def test_another_seed_gives_another_order(
    smoke: Path, prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    settings = make_settings().model_copy(update={"seed": 7})
    other = make_dataset(prepared, tokenizer, settings, tmp_path / "other")
    first, second = ([row.id for row in _examples(dataset)] for dataset in (smoke, other))
    assert first != second
    assert sorted(first) == sorted(second)


# ------------------------------------------------------------------ bad input


def test_a_repository_without_code_is_refused_with_the_next_command(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    words = Words(2)
    stream = Stream()
    for number in range(6):
        stream.commit(number * 40, "Write", README_dot_md=f"# {words.sentence()}\n", a_dot_json="{}\n")
    prepared = prepare(stream.write(tmp_path / "prose.git"), make_settings(), tmp_path)
    with pytest.raises(
        UserMistake, match=r"training needs code in a language .*inhouse status --removed`\.$"
    ):
        make_dataset(prepared, tokenizer, make_settings(), tmp_path / "dataset")


def test_a_held_out_period_of_copies_is_refused_and_says_what_it_held(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    words = Words(3)
    stream = Stream()
    code = [words.python() for _ in range(6)]
    for number in range(1, 6):
        stream.commit(number * 20, "Add", src__a_dot_py="".join(code[:number]))
    stream.commit(250, "Copy", src__b_dot_py=code[0])
    stream.commit(251, "Comment", src__c_dot_py=f"# {words.sentence()}\n" * 3)
    settings = make_settings(split={"min_items": 1})
    prepared = prepare(stream.write(tmp_path / "copies.git"), settings, tmp_path)
    with pytest.raises(UserMistake) as mistake:
        make_dataset(prepared, tokenizer, settings, tmp_path / "dataset")
    assert str(mistake.value) == (
        "the held-out period must hold new code to be measured on: 2 run(s) of new code in 2 commit(s), all "
        "removed: 1 blank or comment, 1 seen before; hold out more with split.months: 6 in inhouse.yaml."
    )


# ------------------------------------------------------------------ tokens and epochs


def test_tokens_and_epochs_are_as_asked_for_and_copies_are_spread(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path, smoke: Path
) -> None:
    settings = make_settings(dataset={"tokens": 6_000, "epochs": {"change": 2.0}})
    dataset = make_dataset(prepared, tokenizer, settings, tmp_path / "dataset")
    account, rows = _account(dataset), _examples(dataset)
    assert account["tokens_allowed"] == 6_000
    assert 0.95 * 6_000 <= sum(len(row.input_ids) for row in rows) <= 6_000
    changes = [row for row in rows if row.kind == "change"]
    assert set(Counter(row.text for row in changes).values()) == {2}
    assert len({row.id for row in rows}) == len(rows)
    own = account["kinds"]["change"]
    assert own["tokens_seen"] + own["tokens_repeated"] == (
        own["tokens_kept"] + own["tokens_left_out"] + own["tokens_truncated"] + own["tokens_dropped"]
    )
    assert own["tokens_repeated"] == own["tokens_kept"] // 2 > 0
    texts = [row.text for row in rows]
    assert any(
        texts[place] != texts[place + 1] for place in range(len(texts) - 1) if texts[place] in texts[:place]
    )
    assert _items(dataset, "heldout") == _items(smoke, "heldout")


def test_epochs_of_a_kind_that_is_not_made_are_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserMistake, match=r"dataset\.epochs names test; mend dataset\.epochs"):
        RowMaker(tokenizer, "shop", make_settings(dataset={"epochs": {"test": 2.0}}))


def test_epochs_stand_in_the_plan(tokenizer: Tokenizer) -> None:
    lines = RowMaker(tokenizer, "shop", make_settings(dataset={"epochs": {"change": 2.5}})).planned()
    assert [line for line in lines if line.endswith("every row 2.5 times")] == [
        "change           20%      2,000 tokens, every row 2.5 times"
    ]
