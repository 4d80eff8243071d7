"""One repository, one tiny model and one undisturbed run, shared by all tests of this folder."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import ROOT, inhouse
from tests.tiny import make_tiny_model


@dataclass(frozen=True)
class Run:
    """A finished `inhouse run` and where it lies."""

    repository: Path
    model: Path
    home: Path  # --workspace
    result: Any
    progress: str

    def words(self, home: Path) -> list[object]:
        """The same command in another workspace."""
        return [
            "run",
            self.repository,
            "--model",
            self.model,
            "--budget",
            "smoke",
            "--json",
            "--workspace",
            home,
        ]


@pytest.fixture(scope="session")
def unrun(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The repository and the model of a run that nobody has begun."""
    folder = tmp_path_factory.mktemp("undisturbed")
    repository, model = folder / "ledger", folder / "tiny"
    subprocess.run([sys.executable, ROOT / "examples" / "make_history.py", repository], check=True)
    make_tiny_model(model)
    return Run(repository, model, folder / "home", None, "")


@pytest.fixture(scope="session")
def undisturbed(unrun: Run) -> Run:
    ended = inhouse(*unrun.words(unrun.home))
    assert ended.code == 0, ended.err
    return replace(unrun, result=ended.json, progress=ended.err)
