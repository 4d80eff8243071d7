"""Vectors without running a model: a text is the weighted mean of its words.

    words (parts of identifiers too) --tokenizer--> pieces --table--> vectors --SIF weights--> mean, length 1

A word's vector is the mean over three ways of writing it (`` word``, ``word``, ``Word``) of the mean of its
pieces. A word that is frequent everywhere says little: its weight is a / (a + p) (smooth inverse frequency,
Arora et al. 2017, https://openreview.net/forum?id=SyK00v5xx). p is not counted, so that a vector depends on
its text alone: tokens are numbered by frequency, and p of the r-th is 1 / (r ln V) by Zipf's law, as in
model2vec (https://github.com/MinishLab/model2vec).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from inhouse.digests import short
from inhouse.retrieval.vectors.source import checked
from inhouse.retrieval.vectors.word_table import VERSION, word_table
from inhouse.retrieval.words import LANGUAGES, parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenizers import Tokenizer

__all__ = ["DEFAULT_MODEL", "StaticVectors"]

DEFAULT_MODEL = "builtin:smollm2-135m"

_A = 3e-4  # of the SIF weights
_WEIGHT = 0.3  # beside words; chosen on the even questions of CoSQA (benchmarks/bench_cosqa.py)
_KEPT = 20_000  # words in memory


class StaticVectors:
    """Means of a base model's input embeddings."""

    weight = _WEIGHT

    def __init__(self, reference: str = DEFAULT_MODEL) -> None:
        """Open the table of a base model, which is made at its first use. Raises UserMistake."""
        from tokenizers import Tokenizer

        table = word_table(reference)
        self.name = f"static:{table.name}:{short(table.digest)}:{VERSION}"
        self._rows = table.rows()
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(table.folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._places: dict[str, int] = {}
        self._words = np.empty((_KEPT, self.dimension), np.float32)
        self._weights = np.empty(_KEPT, np.float32)

    @property
    def dimension(self) -> int:
        """Return the size of the model's embeddings."""
        return int(self._rows.shape[1])

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts."""
        return self._means([_words(text) for text in texts])

    def queries(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of questions. The name of a language is a wish, and no word of its files."""
        return self._means([[word for word in _words(text) if word not in LANGUAGES] for text in texts])

    def _means(self, texts: list[list[str]]) -> np.ndarray:
        means = np.zeros((len(texts), self.dimension), np.float32)
        for place, words in enumerate(texts):
            counted = Counter(words)
            for some in _portions(list(counted)):
                places = self._look_up(some)
                counts = 1 + np.log([counted[word] for word in some])
                means[place] += (counts * self._weights[places]).astype(np.float32) @ self._words[places]
        return checked(self.name, means, len(texts))

    def _look_up(self, words: list[str]) -> np.ndarray:
        """Return where the vectors of words lie in memory."""
        new = [word for word in words if word not in self._places]
        if len(self._places) + len(new) > _KEPT:
            self._places.clear()
            new = words
        if new:
            first = len(self._places)
            self._words[first : first + len(new)], self._weights[first : first + len(new)] = self._made(new)
            self._places.update(zip(new, range(first, first + len(new)), strict=True))
        return np.array([self._places[word] for word in words])

    def _made(self, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of words, (n, dimension), and their weights, (n,)."""
        forms = [
            [encoding.ids for encoding in self._tokenizer.encode_batch(written, add_special_tokens=False)]
            for written in ([f" {word}" for word in words], words, [word.capitalize() for word in words])
        ]
        vectors = np.zeros((len(words), self.dimension), np.float32)
        weights = np.empty(len(words), np.float32)
        for place, pieces in enumerate(zip(*forms, strict=True)):
            for ids in filter(None, pieces):
                vectors[place] += self._rows[ids].astype(np.float32).mean(axis=0)
            weights[place] = self._frequency_weight(pieces[:2])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1), weights

    def _frequency_weight(self, forms: Iterable[list[int]]) -> float:
        """Return the SIF weight of a word: its rank is that of the rarest piece of its commonest form."""
        rank = min((max(ids) for ids in forms if ids), default=len(self._rows))
        return _A / (_A + 1 / ((1 + rank) * math.log(1 + len(self._rows))))


def _words(text: str) -> list[str]:
    return [word for word in parts(text) if len(word) > 1 and not word.isdigit()]


def _portions(words: list[str]) -> Iterable[list[str]]:
    return (words[start : start + _KEPT] for start in range(0, len(words), _KEPT))
