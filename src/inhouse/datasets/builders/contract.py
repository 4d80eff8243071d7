"""The contract of a builder: from what may be learnt from to examples, with the lineage of each.

A builder is pure: the same past gives the same examples in the same order, best first, and it reads nothing
else. It makes them as they are asked for, so that a small budget costs little, and tallies what it saw.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from inhouse.config import Evaluation
from inhouse.datasets.accounting import Tally
from inhouse.datasets.candidates import candidates, changed_files
from inhouse.datasets.items import Cutter
from inhouse.datasets.negatives import find_negatives
from inhouse.datasets.patches import branch_patches, commit_patches
from inhouse.datasets.snapshots import Snapshots
from inhouse.digests import digest_json
from inhouse.hygiene.duplicates import SpansWithin
from inhouse.records import Example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inhouse.datasets.candidates import Candidate, ChangedFile
    from inhouse.datasets.general import GeneralFile
    from inhouse.datasets.material import Material, SourceFile
    from inhouse.datasets.negatives import Negative
    from inhouse.datasets.patches import Patch
    from inhouse.models.tokenizer import InfillMarks, Tokenizer

__all__ = ["Bench", "Builder", "Past"]

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Bench:
    """How rows are made."""

    tokenizer: Tokenizer
    repository: str
    length: int  # tokens of a row
    evaluation: Evaluation = field(default_factory=Evaluation)  # in whose form items are trained on
    infill: InfillMarks | None = None  # the model's own tokens

    def fits(self, *texts: str) -> bool:
        """Tell whether texts may fit into a row: no token is longer than 16 characters, but for blanks."""
        return sum(len("".join(text.split())) for text in texts) <= 16 * self.length

    def count(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self.tokenizer.encode(text))


@dataclass(frozen=True, slots=True)
class Past:
    """What may be learnt from: nothing newer than the training cut. Everything is read as it is asked for."""

    files: Iterable[SourceFile] = ()  # of the tree at the training cut, best first
    changed: Iterable[ChangedFile] = ()  # files with new code, together by commit, newest commit first
    candidates: Iterable[Candidate] = ()  # runs of new code in them
    patches: Iterable[Patch] = ()  # commits with both sides of their files, newest first
    branches: Iterable[Patch] = ()  # merges on the main line with the combined change, newest first
    snapshots: Snapshots | None = None  # indexes of older trees
    negatives: Iterable[Negative] = ()  # code that was wrong
    general: Iterable[GeneralFile] = ()  # code of others, which may be learnt from
    heldout: SpansWithin = field(default_factory=lambda: SpansWithin((), 1.0))  # no row of it may hold these

    @classmethod
    def of(cls, material: Material, files: Iterable[SourceFile], bench: Bench) -> Past:
        """Return the training side of a repository."""
        commits = material.periods["train"]
        cutter = Cutter(bench.tokenizer, bench.evaluation)
        patches = _Lazy(lambda: commit_patches(material, commits))
        negatives = cache(lambda: find_negatives(patches, files))
        return cls(
            files,
            _Lazy(lambda: changed_files(material, commits, cutter)),
            _Lazy(lambda: candidates(material, commits, "train", (), cutter)),
            patches,
            _Lazy(lambda: branch_patches(material)),
            Snapshots(material),
            _Lazy(lambda: iter(negatives())),
        )


class Builder(ABC):
    """Makes the examples of one kind."""

    kind: ClassVar[str]
    line: ClassVar[str]
    """What it makes, in one line."""
    chats: ClassVar[bool] = True
    """Are its examples conversations? A model without a chat template has none then."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.tally = Tally()

    def rows(self, past: Past) -> Iterator[Example]:
        """Yield the examples, best first, each of at most `bench.length` tokens."""
        if self.is_ready():
            yield from self.make(past)

    def is_ready(self) -> bool:
        """Tell whether the model has what it takes; what it lacks is tallied."""
        if self.chats and not self.bench.tokenizer.has_chat_template:
            self.skip("the model has no chat template")
            return False
        return True

    @abstractmethod
    def make(self, past: Past) -> Iterator[Example]:
        """Do so for a model that has what it takes."""

    def shorten(self, row: Example, room: int) -> Example | None:  # noqa: ARG002
        """Return a row of at most `room` tokens that begins like `row`; None where that makes no sense."""
        return None

    def conversation(
        self, question: str, answer: str, lineage: Sequence[str], place: Sequence[str | int]
    ) -> Example | None:
        """Return a question with its answer in the model's own template, with loss on the answer alone.

        None when it is longer than a row, which is tallied. `place` tells examples of equal tokens apart.
        """
        ids, trained = self.bench.tokenizer.chat_example(
            [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        )
        return self.finished(ids, trained, lineage, place)

    def finished(
        self, ids: Sequence[int], trained: Sequence[bool], lineage: Sequence[str], place: Sequence[str | int]
    ) -> Example | None:
        """Return tokens as a training example; None when they are more than a row holds."""
        self.tally.tokens_seen += len(ids)
        if len(ids) > self.bench.length:
            self.tally.tokens_truncated += len(ids)
            self.tally.skipped["longer than a row"] += 1
            return None
        return Example(
            id=digest_json([self.kind, *place, list(lineage), list(ids)]),
            kind=self.kind,
            split="train",
            text=self.bench.tokenizer.decode(ids, markers=True),
            input_ids=tuple(ids),
            trained=tuple(trained),
            lineage=tuple(lineage),
            weight=1.0,
        )

    def skip(self, reason: str) -> None:
        """Tally something that gives no row."""
        self.tally.skipped[reason] += 1


@dataclass(frozen=True)
class _Lazy(Generic[_Value]):
    """Something to go through as often as wanted, made anew each time."""

    made: Callable[[], Iterator[_Value]]

    def __iter__(self) -> Iterator[_Value]:
        return self.made()
