"""The tokenizer of the tiny model, and items, for the tests of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inhouse.models.tokenizer import Tokenizer
from tests.tiny import write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return Tokenizer.load(folder)
