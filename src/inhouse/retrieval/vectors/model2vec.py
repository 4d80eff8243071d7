"""A folder of model2vec (https://github.com/MinishLab/model2vec): one vector per token, a text is their mean.

model.safetensors: embeddings, or embedding.weight as sentence-transformers names it; weights, one per token,
and mapping, from tokens to rows, are optional. Texts are read whole; model2vec stops after 512 tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inhouse.digests import digest_file, digest_json, short
from inhouse.errors import UserMistake
from inhouse.retrieval.vectors.source import checked
from inhouse.retrieval.vectors.tensors import Tensor, tensors_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Model2Vec", "static_part"]

_WEIGHT = 0.3  # beside words, as of the other static model
_NAMES = ("embeddings", "embedding.weight")


def static_part(folder: Path) -> Path | None:
    """Return where in a folder such a model lies, or None."""
    for place in (folder, folder / "0_StaticEmbedding"):
        file = place / "model.safetensors"
        if (
            file.is_file()
            and (place / "tokenizer.json").is_file()
            and not {*_NAMES}.isdisjoint(tensors_of(file))
        ):
            return place
    return None


class Model2Vec:
    """Means of token vectors."""

    weight = _WEIGHT

    def __init__(self, folder: Path) -> None:
        """Read a model. Raises UserMistake for a damaged one."""
        from tokenizers import Tokenizer

        place = static_part(folder) or folder
        files = [place / "model.safetensors", place / "tokenizer.json"]
        digest = digest_json([digest_file(file) for file in files])
        self.name = f"model2vec:{folder.resolve().name}:{short(digest)}"
        tensors = tensors_of(files[0])
        self._rows = next(tensors[name] for name in _NAMES if name in tensors)
        self._weights = _values(tensors.get("weights"))
        self._mapping = _values(tensors.get("mapping"))
        self._tokenizer = Tokenizer.from_file(str(files[1]))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._unknown = self._tokenizer.token_to_id(getattr(self._tokenizer.model, "unk_token", None) or "")
        self._check_size(files[0])

    @property
    def dimension(self) -> int:
        """Return the size of the token vectors."""
        return self._rows.shape[1]

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts."""
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        means = np.zeros((len(texts), self.dimension), np.float32)
        for place, encoding in enumerate(encoded):
            ids = np.array([id_ for id_ in encoding.ids if id_ != self._unknown], np.int64)
            if len(ids):
                means[place] = self._token_vectors(ids).mean(axis=0)
        return checked(self.name, means, len(texts))

    queries = documents

    def _token_vectors(self, ids: np.ndarray) -> np.ndarray:
        vectors = self._rows.rows(ids if self._mapping is None else self._mapping[ids])
        return vectors if self._weights is None else vectors * self._weights[ids][:, None]

    def _check_size(self, file: Path) -> None:
        known = self._tokenizer.get_vocab_size(with_added_tokens=True)
        sizes = [
            self._rows.shape[0] if self._mapping is None else len(self._mapping),
            known if self._weights is None else len(self._weights),
        ]
        if min(sizes) < known:
            raise UserMistake(
                "a model2vec folder has a vector for each token", str(file), "copy the model again"
            )


def _values(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.rows(slice(None))
