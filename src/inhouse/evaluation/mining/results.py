"""What mining has found so far, in shards: a killed run, started again, repeats one batch at most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.tasks import Task  # noqa: TC001 - what `Found` is read as
from inhouse.shards import read_records, write_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeVar

    from inhouse.progress import Task as Bar

    Candidate = TypeVar("Candidate")

__all__ = ["Found", "Rejected", "in_batches", "rejected", "verified"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """What did not become a task."""

    kind: str
    place: str  # path::function, or a commit
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """One candidate: a task, or the reason why there is none."""

    kind: str
    place: str
    reason: str  # "" for a task
    tasks: tuple[Task, ...]  # one, or none


def verified(place: str, task: Task) -> Found:
    """Return a candidate that became a task."""
    return Found(task.kind, place, "", (task,))


def rejected(kind: str, place: str, reason: str) -> Found:
    """Return a candidate that did not."""
    return Found(kind, place, reason, ())


def in_batches(
    candidates: Sequence[Candidate],
    size: int,
    enough: int,
    folder: Path,
    name: str,
    work: Callable[[Sequence[Candidate]], list[Found]],
    bar: Bar,
) -> Iterator[Found]:
    """Yield what `work` makes of the candidates, batch by batch, until there are `enough` tasks.

    Each batch is written to `folder/name-NNNNN.parquet`; one that is there already is read instead.
    """
    tasks = 0
    for number, start in enumerate(range(0, len(candidates), size)):
        if tasks >= enough:
            return
        batch = candidates[start : start + size]
        path = folder / f"{name}-{number:05d}.parquet"
        present = path.exists()
        if not present:
            write_records(path, work(batch), Found)
        for found in read_records(folder, path.stem, Found):
            tasks += len(found.tasks)
            yield found
        seen = start + len(batch)
        bar.total = min(len(candidates), math.ceil(enough * seen / tasks)) if tasks else len(candidates)
        bar.skip(len(batch)) if present else bar.advance(len(batch), f"{tasks} tasks")
