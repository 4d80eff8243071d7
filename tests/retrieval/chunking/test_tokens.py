"""The estimate of tokens is exact where it promises to be, and near where it does not."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.models.tokenizer import Tokenizer
from inhouse.retrieval.chunking import estimate_tokens
from inhouse.retrieval.chunking.tokens import PER_TOKEN, weigh, weigh_lines
from tests.tiny import builtin_model


@given(st.lists(st.text(max_size=20).map(lambda line: line.replace("\n", " ") + "\n")))
def test_the_estimate_of_lines_is_the_sum_of_theirs(lines: list[str]) -> None:
    """Budgets are kept by adding lines up."""
    encoded = [line.encode() for line in lines]
    whole = b"".join(encoded)
    starts = [sum(map(len, encoded[:number])) for number in range(len(encoded))]
    assert weigh(whole) == sum(map(weigh, encoded))
    assert weigh_lines(whole, starts).tolist() == list(map(weigh, encoded))


@given(st.text(), st.text())
def test_longer_texts_never_have_fewer_tokens(first: str, second: str) -> None:
    assert estimate_tokens(first) <= estimate_tokens(first + second)


def test_nothing_is_free() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens(" " * 1_000_000) == 1_000_000 // PER_TOKEN
    assert estimate_tokens("\ud800") == 3


@pytest.mark.model
def test_the_estimate_is_near_the_tokenizer_of_the_embedded_model() -> None:
    tokenizer = Tokenizer.load(builtin_model().folder)
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("[a-c]*.py"))
    texts = [text for text in (file.read_text(encoding="utf-8") for file in files) if len(text) > 2_000]
    errors = [estimate_tokens(text) / len(tokenizer.encode(text)) - 1 for text in texts]
    assert abs(sum(errors) / len(errors)) < 0.08
    assert sum(map(abs, errors)) / len(errors) < 0.10
