"""Indexes of older trees, so that an example finds no more than its commit's author could have found.

    main line    o----s2------o----o----s1-----o      s1, s2: trees that are indexed
                  \\___c1__/        \\_c2_/             c2 searches s2: s1 came after the fork

A commit is given the newest such tree that its own parents had behind them already: all that stands in it was
written by ancestors of the commit. Trees are found by undoing what came after them; how far back that is sure
depends on how many commits were read (`sources.max_commits`).
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from inhouse.datasets.items import evenly
from inhouse.datasets.split import periods
from inhouse.retrieval.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inhouse.datasets.material import Material
    from inhouse.records import Chunk

__all__ = ["MovingIndex", "Snapshots"]

_TREES = 6
_BATCH = 500  # files whose text is in memory at once


class Snapshots:
    """A few trees of the main line before the training cut. Places on the main line count from the tip."""

    def __init__(self, material: Material, trees: int = _TREES) -> None:
        self._material = material
        self._trees = trees

    def of(self, commit: str) -> int | None:
        """Return the place of the tree that a commit may search, None when there is none so old."""
        behind = self._behind.get(commit)
        return None if behind is None else next((place for place in self.places if place >= behind), None)

    @cached_property
    def places(self) -> list[int]:
        """The places of the trees that are indexed, newest first."""
        cut = self._mainline.index(self._material.training_cut)
        return evenly(range(self._surely_known(cut), cut, -1), self._trees)[::-1]

    def commit(self, place: int) -> str:
        """Return the commit whose tree it is."""
        return self._mainline[place]

    def tree(self, place: int) -> dict[str, str]:
        """Return the document at each path that stood there: what came after is undone, newest first."""
        cut = self._mainline.index(self._material.training_cut)
        tree = self._material.tree_documents(self._material.training_cut)
        for brought in self._brought[cut:place]:
            for commit in brought:
                for change in self._material.all_changes(commit):
                    tree.pop(change.path, None)
                    if change.old_document:
                        tree[change.old_path or change.path] = change.old_document
        return tree

    @contextmanager
    def index(self) -> Iterator[MovingIndex]:
        """Open an index that can be moved from tree to tree; it is deleted afterwards."""
        with (
            TemporaryDirectory(prefix="inhouse-index-") as folder,
            Index.open(Path(folder) / "snapshot.db") as index,
        ):
            yield MovingIndex(self, self._material, index)

    @cached_property
    def _mainline(self) -> list[str]:
        return [commit.id for commit in self._material.commits if commit.mainline]

    @cached_property
    def _brought(self) -> list[list[str]]:
        return periods(self._material.commits)

    @cached_property
    def _behind(self) -> dict[str, int]:
        """For each commit the place of its newest ancestor on the main line, itself apart."""
        place = {commit: number for number, commit in enumerate(self._mainline)}
        found: dict[str, int] = {}
        for commit in reversed(self._material.commits):  # parents before children
            known = [
                place.get(parent, found.get(parent, len(place)))
                for parent in commit.parents
                if parent in place or parent in found
            ]
            if known:
                found[commit.id] = min(known)
        return found

    def _surely_known(self, cut: int) -> int:
        """Return the oldest place up to which the changes of all commits were read."""
        trained = set(self._material.periods["train"])
        number = {commit.id: at for at, commit in enumerate(self._material.commits)}
        last = max((number[commit] for commit in trained), default=-1)
        plain = {
            commit.id for commit in self._material.commits if len(commit.parents) < 2 and not commit.boundary
        }
        place = cut
        while place + 1 < len(self._mainline):
            if any(commit in plain and number[commit] > last for commit in self._brought[place]):
                break
            if self._material.commits[number[self._mainline[place]]].boundary:
                break
            place += 1
        return place


class MovingIndex:
    """An index at one of the trees at a time."""

    def __init__(self, snapshots: Snapshots, material: Material, index: Index) -> None:
        self.index = index
        self._snapshots = snapshots
        self._material = material
        self._at = -1
        self._tree: dict[str, str] = {}

    def move(self, place: int) -> Index:
        """Return the index at the tree of a place; only files that differ are read again."""
        if place != self._at:
            tree = self._snapshots.tree(place)
            self._tree = {path: tree[path] for path in sorted(tree) if self._may(path, tree[path])}
            self.index.update(self._texts(list(self._tree.items())))
            self._at = place
        return self.index

    def sources(self, chunks: Iterable[Chunk]) -> list[str]:
        """Return the occurrences of the files that chunks of the index are of."""
        found = [self._material.place(path, self._tree[path]) for path in {chunk.path: 0 for chunk in chunks}]
        return [occurrence.id for occurrence in found if occurrence is not None]

    def _may(self, path: str, document: str) -> bool:
        found = self._material.place(path, document)
        return found is not None and not found.removed and "index" not in found.forbids

    def _texts(self, files: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            texts = self._material.texts({document for _, document in batch})
            yield from ((path, document, texts[document]) for path, document in batch if document in texts)
