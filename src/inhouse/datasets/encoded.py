"""A text with its tokens, so that the tokens of a part are cut out and not made anew.

    |.. start ....letter|space ......... letter|space .... end ..|
        made anew       |  cut out              | made anew

Pre-tokenizers by pattern (that of GPT-2 and its kin) never let a token reach over the place between a letter
and a blank, and look at nothing before it. So between two such places a part has the tokens that the whole
has there. Whether a tokenizer is of that sort is tried out; with another one parts are encoded alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inhouse.models.tokenizer import Tokenizer

__all__ = ["Encoded"]

_SEAM = re.compile(rb"[A-Za-z](?=[ \n])")
_LONGEST = 400  # bytes from an end in which a seam is looked for
_SHORT = 200  # bytes of a part that is encoded by itself
_TRIAL = "class A(B):\n    def add(self, x):\n\t\treturn  x\n\n\n# One two\nif a:\n   pass\n"


class Encoded:
    """A text with its tokens. Offsets are in bytes of UTF-8."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.raw = text.encode("utf-8", "surrogatepass")
        self.ids = tokenizer.encode(text)
        self._ends = np.cumsum(_sizes(tokenizer)[self.ids])
        told = bool(self.ids) and int(self._ends[-1]) == len(self.raw)  # no character was replaced
        self._can_cut = told and _splits(tokenizer)

    def tokens_before(self, offsets: list[int]) -> NDArray[np.int64]:
        """Return how many tokens begin before each offset."""
        return np.searchsorted(self._ends, offsets, "left").astype(np.int64)

    def part(self, start: int, end: int) -> list[int]:
        """Return the tokens of the text between two offsets, as if it stood alone."""
        if start == 0 and end == len(self.raw):
            return self.ids
        if self._can_cut and end - start > _SHORT:
            left = self._seam_after(start, end) if start else 0
            right = self._seam_before(start, end) if end < len(self.raw) else len(self.raw)
            if left is not None and right is not None and left < right:
                first, last = (
                    int(np.searchsorted(self._ends, place)) + 1 if place else 0 for place in (left, right)
                )
                return [*self._alone(start, left), *self.ids[first:last], *self._alone(right, end)]
        return self._alone(start, end)

    def _alone(self, start: int, end: int) -> list[int]:
        text = self.raw[start:end].decode("utf-8", "surrogatepass")
        return self._tokenizer.encode(text) if text else []

    def _seam_after(self, start: int, end: int) -> int | None:
        found = _SEAM.search(self.raw, start, min(end, start + _LONGEST))
        return found.end() if found is not None else None

    def _seam_before(self, start: int, end: int) -> int | None:
        seams = [found.end() for found in _SEAM.finditer(self.raw, max(start, end - _LONGEST), end)]
        return seams[-1] if seams else None


@lru_cache(maxsize=8)
def _sizes(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return the bytes of every token."""
    return np.array(tokenizer.byte_lengths(range(tokenizer.vocabulary_size)), np.int64)


@lru_cache(maxsize=8)
def _splits(tokenizer: Tokenizer) -> bool:
    """Tell whether texts that are cut between a letter and a blank have the tokens of the whole."""
    whole = tokenizer.encode(_TRIAL)
    cuts = [found.end() for found in _SEAM.finditer(_TRIAL.encode())]
    return all(tokenizer.encode(_TRIAL[:cut]) + tokenizer.encode(_TRIAL[cut:]) == whole for cut in cuts)
