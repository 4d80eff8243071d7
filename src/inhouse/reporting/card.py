"""The card of an adapter: one HTML and one JSON page that say what it is good and bad at.

Every figure carries what it needs to be believed: tasks, files or commits, interval, arm, seed, the digests
of base and adapter, and in what the code was run.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inhouse import __version__
from inhouse.evaluation.statistics import CONFIDENCE
from inhouse.reporting.page import ARM_TITLES, write_page
from inhouse.shards import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from inhouse.evaluation.advice import Advice
    from inhouse.evaluation.gates import GateOutcome
    from inhouse.evaluation.tasks import Completion, Judgement, Task

__all__ = ["Answer", "Card", "Measured", "Sample", "card_samples", "write_card"]

_PREFIX_LINES = 14
_KINDS = {
    "gained: the base fails, the adapter passes": (False, True),
    "lost: the base passes, the adapter fails": (True, False),
    "both fail": (False, False),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one arm wrote for a sample."""

    text: str
    passed: bool | None  # None: nothing was run
    note: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A task with what the arms wrote for it, side by side."""

    suite: str
    title: str  # why it is shown
    task: str
    group: str  # file, commit or problem
    prompt: str  # the end of what stood before the answer, or the instruction
    reference: str
    answers: Mapping[str, Answer]  # by arm


@dataclass(frozen=True, slots=True)
class Measured:
    """How a suite was measured."""

    engine: str  # such as "torch, cpu, float32"
    isolation: str  # level of the sandbox; "" where nothing was run
    date: str = ""  # of the day; "" where it must not matter


@dataclass(frozen=True, slots=True)
class Card:
    """All that the pages show. `results` is what `evaluation.results.results` found."""

    repository: str
    adapter: str
    adapter_digest: str
    base: str  # reference of the base model
    base_digest: str
    arm: str  # that is to be released
    seed: int
    verdict: str  # of the four-arm comparison
    results: Mapping[str, Mapping[str, Any]]
    gates: Sequence[GateOutcome]
    advice: Advice
    breakdown: Mapping[str, Any] = field(default_factory=dict)  # of `evaluation.breakdown`
    samples: Sequence[Sample] = ()
    titles: Mapping[str, str] = field(default_factory=dict)  # of suites
    measured: Mapping[str, Measured] = field(default_factory=dict)  # by suite
    notes: Sequence[str] = ()  # what was not measured, and why


def write_card(card: Card, folder: Path) -> tuple[Path, Path]:
    """Write `ADAPTER-card.html` and `ADAPTER-card.json` into a folder, each whole or not at all."""
    from inhouse.reporting.card_page import render_card

    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / f"{card.adapter}-card.html", folder / f"{card.adapter}-card.json"
    write_page(page, render_card(card))
    write_json(data, {"inhouse": __version__, "confidence": CONFIDENCE, **dataclasses.asdict(card)})
    return page, data


def card_samples(
    suite: str,
    tasks: Sequence[Task],
    completions: Iterable[Completion],
    judgements: Iterable[Judgement],
    measure: str,
    arm: str = "tuned",
    each: int = 2,
) -> list[Sample]:
    """Return some tasks to be shown: `each` that an arm gained, that it lost, that it failed like the base.

    Only greedy answers are shown. `measure` is pass or fail.
    """
    verdicts = {(one.task, one.arm): one for one in judgements if one.measure == measure and not one.sample}
    texts = {(one.task, one.arm): one.answer or one.text for one in completions if not one.sample}
    both = [task for task in tasks if (task.id, "base") in verdicts and (task.id, arm) in verdicts]
    chosen = []
    for title, wanted in _KINDS.items():
        fitting = [
            task
            for task in both
            if (bool(verdicts[task.id, "base"].top), bool(verdicts[task.id, arm].top)) == wanted
        ]
        chosen += [_shown(suite, title, task, texts, verdicts) for task in fitting[:each]]
    return chosen


def _shown(
    suite: str,
    title: str,
    task: Task,
    texts: Mapping[tuple[str, str], str],
    verdicts: Mapping[tuple[str, str], Judgement],
) -> Sample:
    found = {name: verdicts[task.id, name] for name in ARM_TITLES if (task.id, name) in verdicts}
    return Sample(
        suite=suite,
        title=title,
        task=task.id,
        group=task.path or task.group,
        prompt=task.instruction or "".join(task.prefix.splitlines(keepends=True)[-_PREFIX_LINES:]),
        reference=task.reference,
        answers={
            name: Answer(texts.get((task.id, name), ""), bool(verdict.top), verdict.note)
            for name, verdict in found.items()
        },
    )
