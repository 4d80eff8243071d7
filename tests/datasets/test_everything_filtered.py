"""A dataset that its own settings leave empty says which rule took the rows, not that there is no code."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from tests.datasets.project import make_dataset, make_project, make_settings, prepare


def test_filters_that_take_every_row_are_named_with_what_each_took(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    settings = make_settings(dataset={"filters": {"min_tokens": 100_000}})
    prepared = prepare(make_project(tmp_path / "shop.git").path, settings, tmp_path / "prepared")
    with pytest.raises(UserMistake) as mistake:
        make_dataset(prepared, tokenizer, settings, tmp_path / "dataset")
    sentence = str(mistake.value)
    assert sentence.startswith("a dataset needs rows to train on: of ")
    assert "none gave a row" in sentence
    assert "too short" in sentence
    assert sentence.endswith("loosen dataset.filters, or name other dataset.kinds.")
