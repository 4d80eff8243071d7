"""An index that is only read, while others update, replace or delete it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.retrieval.index import Index
from inhouse.retrieval.store import no_index

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from inhouse.retrieval.places import Address
    from inhouse.retrieval.vectors import VectorSource

__all__ = ["IndexView"]


class IndexView:
    """Opens the index when it is asked for, and again when it has become another. One thread at a time."""

    def __init__(self, place: Path | Address, vectors: VectorSource | None = None) -> None:
        self.place = place
        self._vectors = vectors
        self._index: Index | None = None
        self._identity: Hashable | None = None

    @contextmanager
    def reading(self) -> Iterator[Index]:
        """Give the index in one state. Raises UserMistake when there is none, or none that can be read."""
        index = self._current()
        with index.store.reading():
            yield index

    def close(self) -> None:
        """Let go of the index."""
        if self._index is not None:
            self._index.close()
        self._index = None

    def _current(self) -> Index:
        identity = self._found()
        if identity is None or identity != self._identity:
            self.close()
        if identity is None:
            raise no_index(str(self.place))
        if self._index is None:
            self._index = Index.open(self.place, read_only=True, vectors=self._vectors)
            self._identity = identity
        return self._index

    def _found(self) -> Hashable | None:
        """Return what identifies the index, None when there is none: one that was deleted is not read on."""
        if not isinstance(self.place, Path):
            return self.place.identity()
        try:
            found = self.place.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
