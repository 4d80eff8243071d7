"""The tokenizer of the tiny model and the project that most tests of this room look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inhouse.models.tokenizer import Tokenizer
from tests.datasets.project import Project, make_project, make_settings, prepare
from tests.tiny import write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return Tokenizer.load(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("project") / "shop.git")


@pytest.fixture(scope="module")
def prepared(project: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return prepare(project.path, make_settings(), tmp_path_factory.mktemp("prepared"))
