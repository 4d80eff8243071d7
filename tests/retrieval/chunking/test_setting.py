"""An index says how it was cut, and is read anew when that changes."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from inhouse.config import ChunkingName, load_settings
from inhouse.retrieval.chunking import DEFAULT, STRATEGIES
from inhouse.retrieval.index import Index

_TREE = [("a.py", "1", "class A:\n    def b(self):\n        pass\n"), ("b.py", "2", "def c():\n    pass\n")]


def test_an_index_that_is_cut_in_another_way_is_read_anew(tmp_path: Path) -> None:
    index = Index.open(tmp_path / "index.db")
    assert index.update(_TREE).added == 2
    digest = index.digest()
    index.close()
    index = Index.open(tmp_path / "index.db", "hierarchical")
    assert index.update(_TREE).added == 2
    assert index.status()["chunking"] == "hierarchical"
    assert index.digest() != digest
    index.close()
    index = Index.open(tmp_path / "index.db", DEFAULT)
    index.update(_TREE)
    assert index.digest() == digest
    index.close()


def test_an_index_that_is_opened_without_a_strategy_stays_as_it_is(tmp_path: Path) -> None:
    """Else a server or an agent that updates one file would cut the whole index anew."""
    index = Index.open(tmp_path / "index.db", "sliding")
    index.update(_TREE)
    index.close()
    index = Index.open(tmp_path / "index.db")
    assert index.update(_TREE).unchanged == 2
    assert index.status()["chunking"] == "sliding"
    index.close()


def test_the_setting_offers_what_depends_on_one_file_alone() -> None:
    alone = {name for name, strategy in STRATEGIES.items() if not strategy.needs_neighbours}
    assert set(get_args(ChunkingName)) == alone
    assert load_settings(None).retrieval.chunking == DEFAULT
