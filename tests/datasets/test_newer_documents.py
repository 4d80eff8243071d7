"""Prose written after the cut is measured on by the rules of code; the comparison on code never sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inhouse.config import BUDGETS
from inhouse.datasets.build import Removed
from inhouse.datasets.items import item_quota
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example, Item
from inhouse.shards import read_records
from inhouse.sources.git import Repository
from tests.datasets.project import Stream, Words, make_dataset, make_settings, prepare

OLD = "The {} of the {} is kept in the {} until the {} asks for the {} again, or for good.\n"


class Written:
    """A history with documents: what is planted in it, by what should become of it."""

    def __init__(self, folder: Path) -> None:
        self.words = words = Words(5)
        stream = Stream()
        code = [words.python() for _ in range(4)]
        self.old = [self._paragraph() for _ in range(6)]
        guide = ["# Guide\n", *self.old[:3]]
        stream.commit(0, "Begin", src__a_dot_py="".join(code), docs__guide_dot_md="\n".join(guide))
        for number in range(1, 20):
            code.append(words.python())
            stream.commit(9 * number, f"Add {words.word()}", src__a_dot_py="".join(code))
        stream.commit(185, "Write", docs__old_dot_rst="\n".join(self.old[3:]))
        for number in range(12):
            code.append(words.python())
            stream.commit(290 + number, "Extend", src__a_dot_py="".join(code))
        self.new = [self._paragraph() for _ in range(6)]
        guide += self.new[:2]
        stream.commit(303, "Explain", docs__guide_dot_md="\n".join(guide))
        for number, paragraph in enumerate(self.new[2:]):
            stream.commit(304 + number, "Explain", **{f"docs__new{number}_dot_rst": paragraph})
        stream.commit(308, "Copy", docs__copy_dot_md=self.old[1], docs__again_dot_md=self.old[4])
        stream.commit(309, "Repeat", docs__twice_dot_rst=self.new[2])
        vendored = self._paragraph()
        stream.commit(310, "Vendor", third_party__x__notes_dot_md=vendored, docs__short_dot_md="Too short.\n")
        self.docstring = f'    """{words.sentence()}\n\n    {words.sentence()} {words.sentence()}\n    """\n'
        code.append(f"def {words.word()}(value):\n{self.docstring}    return value\n")
        stream.commit(311, "Document", src__a_dot_py="".join(code))
        self.path = stream.write(folder)

    def _paragraph(self) -> str:
        return OLD.format(*(self.words.word() for _ in range(5)))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("written") / "shop.git")


@pytest.fixture(scope="module")
def prepared(written: Written, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return prepare(written.path, make_settings(), tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def dataset(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return make_dataset(
        prepared, tokenizer, make_settings("full"), tmp_path_factory.mktemp("full") / "dataset"
    )


def _documents(dataset: Path) -> list[Item]:
    return list(read_records(dataset, "documents", Item))


def _removed(dataset: Path) -> list[Removed]:
    return list(read_records(dataset, "documents_removed", Removed))


def _account(dataset: Path) -> Any:
    return json.loads((dataset / "accounting.json").read_text())


def test_new_paragraphs_and_docstrings_are_items_and_nothing_else_is(dataset: Path, written: Written) -> None:
    found = _documents(dataset)
    prose = [item for item in found if item.language != "python"]
    assert sorted(item.target.strip() for item in prose) == sorted(text.strip() for text in written.new)
    assert {item.language for item in prose} == {"markdown", "rst"}
    docstrings = [item for item in found if item.language == "python"]
    assert written.docstring in [item.target for item in docstrings]
    assert all(item.target.lstrip().startswith('"""') for item in docstrings)
    assert all(item.prefix.rstrip().endswith("):") for item in docstrings)


def test_what_stood_there_before_is_removed_and_its_source_named(dataset: Path) -> None:
    reasons = {row.path: row for row in _removed(dataset)}
    assert reasons["docs/copy.md"].reason == reasons["docs/again.md"].reason == "seen before"
    assert reasons["docs/copy.md"].similarity >= 0.8
    assert reasons["docs/copy.md"].occurrence != reasons["docs/again.md"].occurrence
    assert reasons["docs/twice.rst"].reason == "same as another item"
    assert reasons["docs/short.md"].reason == "under 40 bytes"
    assert "third_party/x/notes.md" not in reasons  # known by its path: not even a candidate, as with code


def test_the_comparison_on_code_cannot_see_them(dataset: Path) -> None:
    items = list(read_records(dataset, "items", Item))
    assert {item.language for item in items} == {"python"}
    assert {item.split for item in items} == {"validation", "heldout"}
    assert {item.split for item in _documents(dataset)} == {"documents"}
    assert not {item.id for item in items} & {item.id for item in _documents(dataset)}
    assert set(_account(dataset)["items"]) == {"validation", "heldout"}


def test_no_prose_that_came_after_the_cut_is_trained_on(dataset: Path, written: Written) -> None:
    rows = [row.text for row in read_records(dataset, "examples", Example)]
    trained = "\n".join(rows)
    assert any(text.strip() in trained for text in written.old[:3])
    assert [text for text in written.new if text.strip() in trained] == []
    assert written.docstring.strip() not in trained


def test_every_candidate_is_accounted_for_with_a_reason(dataset: Path) -> None:
    account, found, removed = _account(dataset)["documents"], _documents(dataset), _removed(dataset)
    assert account["kept"] == len(found) > 0
    assert account["candidates"] == len(found) + len(removed)
    assert sum(account["removed"].values()) == len(removed)
    assert sum(account["languages"].values()) == len(found)
    assert all(row.reason and row.split == "documents" for row in removed)


def test_items_stand_in_the_history_as_they_say_and_after_the_cut(
    dataset: Path, written: Written, prepared: tuple[Path, Path]
) -> None:
    reader = Repository.open(written.path)
    split = json.loads((prepared[0] / "split.json").read_text())
    for item in _documents(dataset):
        assert item.date > split["cut_date"]
        (change,) = [change for change in reader.changes([item.commit]) if change.path == item.path]
        ((_, data),) = reader.read([change.document])
        assert item.prefix + item.target in data.decode()


def test_a_small_budget_keeps_half_as_many_as_of_code(
    prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    settings = make_settings("smoke", evaluation={"context_tokens": 1500})
    dataset = make_dataset(prepared, tokenizer, settings, tmp_path / "dataset")
    quota = item_quota(BUDGETS["smoke"], settings.evaluation)[0] // 2
    assert len(_documents(dataset)) == quota == 4
    assert _account(dataset)["documents"]["removed"]["beyond the budget"] > 0
    assert {item.language == "python" for item in _documents(dataset)} == {True, False}


def test_the_same_inputs_give_the_same_bytes(
    dataset: Path, prepared: tuple[Path, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    again = make_dataset(prepared, tokenizer, make_settings("full"), tmp_path / "again")
    for name in ("documents.parquet", "documents_removed.parquet"):
        assert (again / name).read_bytes() == (dataset / name).read_bytes()


def test_a_history_whose_documents_ended_before_the_cut_says_so_in_a_sentence(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    from inhouse.evaluation.newer import newer_items, why_none

    words, stream = Words(8), Stream()
    code = ["".join(f"{words.statement()}\n" for _ in range(4)) for _ in range(3)]
    stream.commit(0, "Begin", README_dot_md="# Shop\n\nOld words.\n", src__a_dot_py="".join(code))
    for number in range(1, 30):
        code.append("".join(f"{words.statement()}\n" for _ in range(4)))
        stream.commit(10 * number, "Add", src__a_dot_py="".join(code))
    prepared = prepare(stream.write(tmp_path / "plain.git"), make_settings(), tmp_path)
    dataset = make_dataset(prepared, tokenizer, make_settings(), tmp_path / "dataset")
    assert newer_items(dataset, None, 0) == []
    assert why_none(dataset) == (
        "newer documents: none, no Markdown, reStructuredText or docstring was written after the cut"
    )
