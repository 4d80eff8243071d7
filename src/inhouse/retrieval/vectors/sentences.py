"""A folder of sentence-transformers: the pooled states of a transformer (Reimers & Gurevych 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.vectors.source import checked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

__all__ = ["SentenceVectors"]

_WEIGHT = 0.6  # beside words; chosen on the even questions of CoSQA (benchmarks/bench_cosqa.py)
_MAX_CHARACTERS = 50_000  # of a text; models read a few hundred words


class SentenceVectors:
    """What a model of sentences says. Needs torch, which is loaded with the first text."""

    weight = _WEIGHT

    def __init__(
        self, folder: Path, query_prompt: str | None = None, document_prompt: str | None = None
    ) -> None:
        """Read what the folder says about its model; prompts replace its own. Raises UserMistake."""
        from inhouse.engines.torch_encoder import SentenceEncoder

        self._encoder = SentenceEncoder(folder)
        prompts = self._encoder.prompts
        known = (prompts[name] for name in ("document", "passage", "corpus") if name in prompts)
        self._document = next(known, "") if document_prompt is None else document_prompt
        self._query = prompts.get("query", "") if query_prompt is None else query_prompt
        self.name = f"sentences:{self._encoder.identity(self._query, self._document)}"

    @property
    def dimension(self) -> int:
        """Return the size of a vector."""
        return self._encoder.dimension

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts."""
        return self._encoded(texts, self._document)

    def queries(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of questions."""
        return self._encoded(texts, self._query)

    def _encoded(self, texts: Sequence[str], prompt: str) -> np.ndarray:
        vectors = self._encoder.encode([prompt + text[:_MAX_CHARACTERS] for text in texts])
        return checked(self.name, vectors, len(texts), self.dimension)
