"""Tokens that are cut out of a longer text are those that the part has alone, whatever stands at its ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.encoded import Encoded
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import builtin_model

_WORDS = [
    "def",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "x1",
    "naïve",
    "日本",
    "('a')",
    "# one",
    "return",
    "\r\n",
    "}",
    "é\u00a0",
]
_TEXTS = st.lists(st.sampled_from(_WORDS), min_size=150, max_size=400).map("".join)
_CODE = (
    "class Basket:\n    def total(self, tax):\n        return sum(one.price for one in self.all) * tax\n\n\n"
    * 20
)


def _same_at_every_line(text: str, tokenizer: Tokenizer) -> int:
    whole = Encoded(text, tokenizer)
    ends = [0, *(at + 1 for at, byte in enumerate(whole.raw) if byte == 10), len(whole.raw)]
    cut = 0
    for start in ends[::3]:
        for end in ends[1::4]:
            if start < end:
                alone = tokenizer.encode(whole.raw[start:end].decode())
                assert whole.part(start, end) == alone, (start, end)
                cut += 1
    return cut


@given(text=_TEXTS)
def test_a_part_has_the_tokens_that_it_has_alone(text: str, tokenizer: Tokenizer) -> None:
    _same_at_every_line(text, tokenizer)


def test_a_text_of_characters_that_cannot_be_spelled_is_encoded_by_parts(tokenizer: Tokenizer) -> None:
    assert _same_at_every_line(_CODE.replace("Basket", "B\u0101sk\u20ac"), tokenizer) > 100


def test_parts_are_cut_and_not_made_anew(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Encoded(_CODE, tokenizer)
    encoded: list[int] = []
    encode = Tokenizer.encode

    def counting(self: Tokenizer, text: str) -> list[int]:
        encoded.append(len(text))
        return encode(self, text)

    monkeypatch.setattr(Tokenizer, "encode", counting)
    assert len(whole.part(100, len(_CODE.encode()) - 60)) > 100
    assert sum(encoded) < 200


@pytest.mark.model
def test_the_embedded_model_is_of_that_sort() -> None:
    tokenizer = Tokenizer.load(builtin_model().folder)
    assert _same_at_every_line(_CODE, tokenizer) > 100
