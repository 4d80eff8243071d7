"""Who makes vectors: one contract, one file per source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.records import Chunk

__all__ = ["VectorSource", "VectorsUnavailable", "checked", "text_of"]


class VectorsUnavailable(UserMistake):
    """A source does not answer, or answers what cannot be used. A search goes on by words, and says so."""


class VectorSource(Protocol):
    """Makes vectors whose cosine says how alike texts are.

    name: the model with the digest of what decides about its vectors: an index holds vectors of one name.
    weight: what the vectors count for beside the words of a query, between 0 and 1.
    dimension: numbers of a vector.
    """

    name: str
    weight: float

    @property
    def dimension(self) -> int:
        """Return how many numbers a vector has; may ask the source."""

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        """Return (n, dimension) float32, each row of length 1, or 0 where a text says nothing.

        A row depends on its text alone. Raises VectorsUnavailable.
        """

    def queries(self, texts: Sequence[str]) -> np.ndarray:
        """Return the same for questions."""


def text_of(chunk: Chunk) -> str:
    """Return what is embedded of a chunk: where it stands, then its text."""
    return "\n".join((chunk.path, *chunk.scope, chunk.text))


def checked(source: str, vectors: np.ndarray, count: int, dimension: int = 0) -> np.ndarray:
    """Return (count, dimension) vectors of length 1; raise VectorsUnavailable unless they are sound."""
    if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
        raise _unsound(source, f"{vectors.shape} for {count} texts")
    if dimension and vectors.shape[1] != dimension:
        raise _unsound(source, f"{vectors.shape[1]} numbers after vectors of {dimension}")
    if not np.isfinite(vectors).all():
        raise _unsound(source, "numbers that are not finite")
    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _unsound(source: str, given: str) -> VectorsUnavailable:
    return VectorsUnavailable(
        "a source of vectors gives one of equal size for each text",
        f"{source} answered {given}",
        "see `retrieval.vectors` in the settings",
    )
