"""What all kinds of tasks are mined with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.evaluation.tasks import Check, Task, TaskFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from inhouse.datasets.material import Material
    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.results import Candidate, Found
    from inhouse.evaluation.mining.verify import Checker
    from inhouse.progress import Progress

__all__ = ["SUITE", "Workbench"]

SUITE = "execution"
"""The suite whose completions answer mined tasks."""

_SHORT = 500  # characters: about 128 tokens, what a small model may write by default
_BATCH = 4  # candidates that are lost when a run is killed
_TRIES = 4  # candidates tried for each task that is wanted


@dataclass(frozen=True, slots=True)
class Workbench:
    """A repository's material, and the means to run it."""

    checker: Checker
    material: Material
    dates: Mapping[str, int]  # of the newest commit after the cut that changed a path
    folder: Path
    progress: Progress
    workers: int
    seed: int
    enough: int  # tasks of one kind and language
    untried: dict[str, int] = field(default_factory=dict)  # candidates left when there were enough

    def go_through(
        self,
        name: str,
        candidates: Sequence[Candidate],
        key: Callable[[Candidate], str],
        place: Callable[[Candidate], Place],
        work: Callable[[Sequence[Candidate]], list[Found]],
    ) -> Iterator[Found]:
        """Work through candidates until there are enough tasks, and yield what was found.

        Those that a small model can write come first; the rest of the order is decided by the seed and the
        `key` of each. `place` is the gap of a candidate, `work` gets a few and returns something for each.
        """
        from inhouse.evaluation.mining.results import in_batches

        def rank(candidate: Candidate) -> tuple[bool, str]:
            return len(place(candidate).reference) > _SHORT, digest_json([self.seed, key(candidate)])

        order = sorted(candidates, key=rank)
        tried = order[: _TRIES * self.enough]
        with self.progress.task(name, len(tried), "candidates") as bar:
            seen = 0
            slug = name.replace(" ", "-")
            for found in in_batches(tried, _BATCH, self.enough, self.folder, slug, work, bar):
                seen += 1
                yield found
        self.untried[name] = len(candidates) - seen

    def task_at(
        self,
        kind: str,
        place: Place,
        check: Check,
        verified: str,
        instruction: str,
        context: tuple[TaskFile, ...] = (),
        detail: str = "",
    ) -> Task:
        """Return the task to fill a place. `detail` tells it from others at the same place."""
        key = [kind, place.path, place.name, detail, place.prefix, place.suffix, check.tests, check.source]
        return Task(
            id=digest_json(key)[:16],
            suite=SUITE,
            kind=kind,
            group=place.path,
            date=self.dates.get(place.path, self.material.split.tip_date),
            language=place.language,
            path=place.path,
            prefix=place.prefix,
            suffix=place.suffix,
            instruction=instruction,
            reference=place.reference,
            context=context,
            check=check,
            verified=verified,
        )
