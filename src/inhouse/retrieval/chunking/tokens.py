"""How many tokens a text has, without a tokenizer: a sum over pairs of neighbouring characters.

A byte-level tokenizer splits text where the kind of character changes, and merges what is frequent. So a
word costs something for its beginning and a little for each letter, a digit or a mark of punctuation about a
token, and a space nothing: it belongs to the word behind it. The weights are a least-squares fit to SmolLM2's
tokens; errors on repositories that the fit did not see are in docs/results.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["PER_TOKEN", "estimate_tokens", "weigh", "weigh_lines"]

PER_TOKEN = 100
"""Weights are in hundredths of a token, so that sums are exact."""

_NEWLINE, _SPACE, _LOWER, _UPPER, _DIGIT, _UNDERSCORE, _MARK, _HIGH = range(8)
_KINDS = 8
_BLANK = 1  # a run of blanks is nearly free, but a megabyte of it is not


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has, rounded up: 5% off for a file of code, in the mean."""
    return -(-weigh(text.encode("utf-8", "surrogatepass")) // PER_TOKEN)


def weigh(source: bytes) -> int:
    """Return the estimate in hundredths of a token; that of whole lines is the sum of theirs."""
    return int(_weights(source).sum(dtype=np.int64)) if source else 0


def weigh_lines(source: bytes, starts: Sequence[int]) -> NDArray[np.int64]:
    """Return the estimate of each line, given the offsets where lines begin."""
    if not source:
        return np.zeros(0, dtype=np.int64)
    return np.add.reduceat(_weights(source), np.asarray(starts), dtype=np.int64)


def _weights(source: bytes) -> NDArray[np.uint16]:
    kinds = np.frombuffer((b"\n" + source).translate(_KIND_OF), dtype=np.uint8)
    weights: NDArray[np.uint16] = _WEIGHTS[kinds[:-1] * np.uint8(_KINDS) + kinds[1:]]
    return weights


def _kinds() -> bytes:
    kinds = bytearray([_MARK] * 128 + [_HIGH] * 128)
    for kind, characters in (
        (_NEWLINE, b"\n"),
        (_SPACE, b" \t\r\v\f"),
        (_LOWER, b"abcdefghijklmnopqrstuvwxyz"),
        (_UPPER, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (_DIGIT, b"0123456789"),
        (_UNDERSCORE, b"_"),
    ):
        for character in characters:
            kinds[character] = kind
    return bytes(kinds)


def _pairs() -> NDArray[np.uint16]:
    """Return the weight of each kind of character after each kind."""
    weights = np.zeros((_KINDS, _KINDS), dtype=np.uint16)  # [before, here]
    weights[:, _NEWLINE] = 88
    weights[:, _LOWER] = weights[:, _UPPER] = 72  # a word begins
    weights[_LOWER, _LOWER] = weights[_UPPER, _LOWER] = 8
    weights[_UPPER, _UPPER] = 22
    weights[:, _DIGIT] = 104
    weights[:, _UNDERSCORE] = 115
    weights[:, _MARK] = 120
    weights[_MARK, _MARK] = 22
    weights[:, _HIGH] = 47
    weights[_NEWLINE, :] += 110  # what begins a line lacks the blank that it has elsewhere
    weights[:, _SPACE] = 0
    weights[_SPACE, _SPACE] = weights[_NEWLINE, _SPACE] = weights[_NEWLINE, _NEWLINE] = _BLANK
    weights[_UNDERSCORE, _UNDERSCORE] = _BLANK
    return weights.reshape(-1)


_KIND_OF = _kinds()
_WEIGHTS = _pairs()
