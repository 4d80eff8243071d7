"""Where an answer stands, and the tree that suites look at."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.placed import place, stub, tree_at_cut
from inhouse.hygiene.corpus import Corpus
from tests.evaluation.asked import task
from tests.evaluation.suites.planted_project import CART, FOREIGN, plant_project

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_tree_is_what_is_trained_on_and_read_once_for_all_suites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project: Any = plant_project(tmp_path)
    read: list[str] = []
    original = Corpus.tree

    def counted(self: Corpus, history: Path, revision: str, use: str) -> Any:
        read.append(revision)
        return original(self, history, revision, use)

    monkeypatch.setattr(Corpus, "tree", counted)
    files = dict(tree_at_cut(project))
    assert files["shop/cart.py"] == CART
    assert FOREIGN not in files.values()  # somebody else's
    assert dict(tree_at_cut(project)) == files
    cut, tip = project.split.cut, project.split.tip
    assert read == [cut]
    project.split = replace(project.split, cut=tip)
    assert tree_at_cut(project) != tree_at_cut(replace_cut(project, cut))
    assert read == [cut, tip, cut]


def replace_cut(project: Any, cut: str) -> Any:
    return SimpleNamespace(**{**vars(project), "split": replace(project.split, cut=cut)})


def test_spans_are_characters_in_the_text_and_bytes_in_the_source() -> None:
    placed = place(task(prefix="# é\n", suffix="\nend\n"), "ü = 1")
    assert (placed.answer, placed.span, placed.byte_span) == ("ü = 1", (4, 9), (5, 11))
    assert placed.source[5:11].decode() == "ü = 1"
    assert placed.given == "# é\n\nend\n"


def test_a_stub_does_nothing_and_closes_what_the_reference_closes() -> None:
    assert stub(task()).answer == "    pass"
    assert stub(task(language="c", path="a.c", reference="\n    return 1;\n}\n")).answer == "\n    ;\n}\n"
