"""What the suites share: what is asked, what was written, and how it was judged.

    suite.tasks(project) -> Task -> generation, every arm -> Completion -> suite.judge(...) -> Judgement

Completions and judgements are stored apart, so that judging again never generates again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.progress import Progress
    from inhouse.records import Split
    from inhouse.retrieval.index import Index
    from inhouse.sandbox import Sandbox
    from inhouse.sources.git import Repository

__all__ = ["Check", "Completion", "Judgement", "Project", "Suite", "Task", "TaskFile"]


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A file that is laid beside an answer, or shown to the model."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """How an answer is verified by running it, and what the reference did when it was."""

    runner: str  # "pytest", "program" (the answer, then `source`), "command", or "" where nothing is run
    revision: str  # whose tree is laid out first, without .git; "" for none
    files: tuple[TaskFile, ...]  # laid over the tree after the answer: the tests of a later commit
    tests: tuple[str, ...]  # node ids of pytest, or the words of the command
    source: str  # of the test program; of a command, what builds its tree, once and without an answer
    expected: int  # tests or assertions that the reference passed
    seconds: float  # that the reference took, on the machine that verified it


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that is asked of every arm.

    The answer goes between `prefix` and `suffix` into `path`; a task without a path is a program of its own.
    """

    id: str  # digest of what is asked and checked
    suite: str  # whose completions answer it
    kind: str  # function, commit, bug, equivalence, humaneval, mbpp, chat, user, question
    group: str  # file or commit: what is resampled, because tasks of one file resemble each other
    date: int  # of the commit it is from, 0 where there is none
    language: str
    path: str
    prefix: str  # of the file; "" where the model is only told what to do
    suffix: str
    instruction: str  # in words, for the chat form; "" where there is only the completion form
    reference: str  # what a human wrote in this place
    context: tuple[TaskFile, ...]  # what every arm is shown besides
    check: Check
    verified: str  # how the check was proved, in words; "" where nothing is run
    context_factor: int = 1  # times the tokens that stand before an answer otherwise, in every arm


@dataclass(frozen=True, slots=True)
class Completion:
    """What one arm wrote for one task."""

    task: str
    arm: str
    sample: int  # 0 is greedy where one sample is drawn
    text: str  # as it was generated
    answer: str  # the part that goes into the file; "" where there is none
    finish: str  # "stop" or "length"
    prompted: int  # tokens read
    generated: int  # tokens written
    seconds: float  # share of its batch


@dataclass(frozen=True, slots=True)
class Judgement:
    """One measure of one completion: `top` / `bottom`, summed over completions before they are divided."""

    suite: str
    measure: str
    task: str
    group: str
    arm: str
    sample: int
    top: float
    bottom: float
    note: str  # why, for those who read single results; "" when there is nothing to say


class Project(Protocol):
    """What a suite may look at, made when it is first asked for: a suite needs not have all of it.

    Nothing in it is newer than the cut but the tasks themselves. Any frozen dataclass with these fields will
    do; the product's own is `inhouse.examination.view`.
    """

    @property
    def name(self) -> str:
        """Of the repository."""
        ...

    @property
    def repository(self) -> Repository:
        """The history itself; what is read from it is hostile and may hold secrets."""
        ...

    @property
    def split(self) -> Split:
        """Where time is cut."""
        ...

    @property
    def history(self) -> Path:
        """The folder of the history's artefact."""
        ...

    @property
    def corpus(self) -> Path:
        """The folder of the corpus's artefact."""
        ...

    @property
    def dataset(self) -> Path:
        """The folder of the dataset's artefact."""
        ...

    @property
    def mined(self) -> Path | None:
        """The folder of the mined tasks; None before `inhouse tasks mine`."""
        ...

    @property
    def index(self) -> Index:
        """Of the tree at the cut."""
        ...

    @property
    def settings(self) -> Settings:
        """Those that apply."""
        ...

    @property
    def progress(self) -> Progress:
        """Where long work shows itself."""
        ...

    def sandbox(self) -> Sandbox:
        """Open the sandbox. Raises UserMistake on a machine without one: such a machine can still score."""
        ...


class Suite(Protocol):
    """One file of `evaluation/suites/` defines one."""

    @property
    def name(self) -> str:
        """By which it is asked for."""
        ...

    @property
    def title(self) -> str:
        """A few words for people."""
        ...

    @property
    def answers_of(self) -> str:
        """The suite whose completions it judges: its own name, or another one's."""
        ...

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return what is asked; only called when `answers_of` is the suite's own name.

        Raises UserMistake where the project has nothing that this suite could ask.
        """
        ...

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterable[Judgement]:
        """Judge what was written. Never generates; untrusted code runs in the sandbox only."""
        ...
