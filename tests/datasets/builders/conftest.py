"""The planted repository, what the stages before the dataset make of it, and its past."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.config import Evaluation, Settings
from inhouse.datasets.builders.contract import Bench, Past
from inhouse.datasets.material import Material, TrainingFiles
from inhouse.models.tokenizer import InfillMarks, Tokenizer
from tests.datasets.builders.planted import Planted, make_planted
from tests.datasets.project import make_settings, prepare

LENGTH = 2048  # the tiny tokenizer knows few words


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return make_planted(tmp_path_factory.mktemp("planted") / "shop")


@pytest.fixture(scope="session")
def settings() -> Settings:
    return make_settings("full", training={"sequence_length": LENGTH}, split={"min_items": 4})


@pytest.fixture(scope="session")
def prepared(
    planted: Planted, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    return prepare(planted.path, settings, tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def material(prepared: tuple[Path, Path]) -> Material:
    return Material(*prepared)


@pytest.fixture(scope="session")
def bench(tokenizer: Tokenizer) -> Bench:
    """With two markers that the tiny model has and one that closes documents in the part of infill tokens."""
    marks = InfillMarks(3, 4, 5, tokenizer.document_end[-1])
    return Bench(tokenizer, "shop", LENGTH, Evaluation(), marks)


@pytest.fixture(scope="session")
def past(material: Material, bench: Bench) -> Past:
    return Past.of(material, TrainingFiles(material), bench)
