"""What suites may look at: the project of `evaluation.tasks`, made when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.pipeline import Pipeline
    from inhouse.progress import Progress
    from inhouse.records import Split
    from inhouse.retrieval.index import Index
    from inhouse.sandbox import Sandbox
    from inhouse.sources.git import Repository

__all__ = ["View"]

_SMOKE_TASKS = 8
"""Of each suite, with the budget smoke."""


class View:
    """A pipeline as suites see it."""

    def __init__(self, pipeline: Pipeline, *, limit: int | None = None, unsafe_local: bool = False) -> None:
        self._pipeline = pipeline
        self._unsafe_local = pipeline.unsafe_local = unsafe_local
        self.limit = limit

    @property
    def name(self) -> str:
        """Of the repository."""
        return self._pipeline.repository.name

    @property
    def repository(self) -> Repository:
        """The history itself."""
        return self._pipeline.repository

    @property
    def split(self) -> Split:
        """Where time is cut."""
        return self._pipeline.split

    @property
    def history(self) -> Path:
        """The folder of the history's artefact."""
        return self._pipeline.history.path

    @property
    def corpus(self) -> Path:
        """The folder of the corpus's artefact."""
        return self._pipeline.corpus.path

    @property
    def dataset(self) -> Path:
        """The folder of the dataset's artefact."""
        return self._pipeline.dataset.path

    @property
    def mined(self) -> Path | None:
        """The folder of the mined tasks, made anew when the repository or the settings have changed."""
        if self._pipeline.workspace.current("tasks") is None:
            return None
        return self._pipeline.mined.path

    @cached_property
    def index(self) -> Index:
        """Of the tree at the cut."""
        return self._pipeline.open_index("cut")

    @cached_property
    def settings(self) -> Settings:
        """Those that apply, with a number of tasks that suits the budget or was asked for."""
        settings = self._pipeline.settings
        most = self.limit or _SMOKE_TASKS if settings.budget == "smoke" else self.limit
        if most is None:
            return settings
        fewer = {"tasks": most, "sampled_tasks": min(most, settings.generation.sampled_tasks)}
        return settings.model_copy(update={"generation": settings.generation.model_copy(update=fewer)})

    @property
    def progress(self) -> Progress:
        """Where long work shows itself."""
        return self._pipeline.progress

    def sandbox(self) -> Sandbox:
        """Open the sandbox that this machine can give."""
        return self._sandbox

    @cached_property
    def isolation(self) -> str:
        """The isolation level that stands beside every number; "none" on a machine without a sandbox."""
        try:
            return self.sandbox().isolation
        except UserMistake:
            return "none"

    @cached_property
    def _sandbox(self) -> Sandbox:
        from inhouse.sandbox import Sandbox

        return Sandbox.open(unsafe_local=self._unsafe_local)
