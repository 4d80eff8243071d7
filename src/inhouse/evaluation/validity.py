"""Do the statistics keep their promises on these very scores? Simulated by permuting what is stored.

    nothing there    in each commit a coin decides which arm is called which (A/A): there is no difference,
                     and what is found nevertheless is false
    planted          the same, and one arm is made better by the effect that data like these are said to show
                     with 90% power

No score is made up: an effect on a share of tasks turns as many failures into passes, any other one moves
each task in proportion to what is counted in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from inhouse.evaluation.results import compare_arms, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.evaluation.tasks import Judgement

__all__ = ["REPETITIONS", "Validity", "exchanged", "validity"]

REPETITIONS = 200

_SIZING = 25  # A/A draws whose smallest effects are averaged to size the planted one


@dataclass(frozen=True, slots=True)
class Validity:
    """Of so many repetitions, how often a difference was found."""

    repetitions: int
    false: int  # where there was none
    effect: float  # that was planted
    found: int  # of the planted ones, with the right arm in front
    tasks: int
    groups: int


def validity(
    judgements: Sequence[Judgement], first: str, second: str, *, seed: int = 0, repetitions: int = REPETITIONS
) -> Validity | None:
    """Return how the rule of `results` fares on one suite and measure; None where arms cannot be compared.

    `judgements` are of one suite and measure, and of tasks that both arms have.
    """
    judgements = [found for found in judgements if found.arm in (first, second)]
    random = np.random.default_rng(seed)
    draws = [exchanged(judgements, first, second, random) for _ in range(repetitions)]
    told = [_told(draw, first, second) for draw in draws]
    sizes = [found["detectable"] for found in told[:_SIZING] if found and found["detectable"]]
    if not told or told[0] is None or not sizes:
        return None
    effect = float(np.mean(sizes))
    planted = [_told(_planted(draw, first, effect, random), first, second) for draw in draws]
    return Validity(
        repetitions=repetitions,
        false=sum(bool(found and found["better"]) for found in told),
        effect=effect,
        found=sum(bool(found and found["better"] == first) for found in planted),
        tasks=len({found.task for found in judgements}),
        groups=len({found.group for found in judgements}),
    )


def _told(judgements: Sequence[Judgement], first: str, second: str) -> dict[str, Any] | None:
    """Return the difference as `results` tells it, or None where it refuses."""
    for measures in compare_arms(judgements, first, second).values():
        for entry in measures.values():
            for difference in entry["differences"].values():
                return dict(difference)
    return None


def exchanged(
    judgements: Sequence[Judgement], first: str, second: str, random: np.random.Generator
) -> list[Judgement]:
    """Return the judgements with the arms exchanged in half of the files or commits, by a coin each."""
    groups = sorted({found.group for found in judgements})
    coin = dict(zip(groups, random.random(len(groups)) < 0.5, strict=True))
    other = {first: second, second: first}
    return [replace(found, arm=other[found.arm]) if coin[found.group] else found for found in judgements]


def _planted(
    judgements: Sequence[Judgement], arm: str, effect: float, random: np.random.Generator
) -> list[Judgement]:
    """Return the judgements with one arm better by the effect."""
    mine = [found for found in judgements if found.arm == arm]
    better = -1.0 if kind_of(judgements[0].measure).lower_is_better else 1.0
    if all(found.bottom == 1.0 and found.top in (0.0, 1.0) for found in judgements):
        return _turned(judgements, arm, effect, better, mine, random)
    return [
        replace(found, top=found.top + better * effect * found.bottom) if found.arm == arm else found
        for found in judgements
    ]


def _turned(
    judgements: Sequence[Judgement],
    arm: str,
    effect: float,
    better: float,
    mine: Sequence[Judgement],
    random: np.random.Generator,
) -> list[Judgement]:
    """Return pass/fail judgements in which some of an arm's failures have become passes."""
    wanted = 1.0 if better > 0 else 0.0
    failures = [found for found in mine if found.top != wanted]
    number = min(len(failures), round(effect * len(mine)))
    chosen = random.choice(len(failures), size=number, replace=False)
    turned = {(failures[place].task, failures[place].sample) for place in chosen.tolist()}
    return [
        replace(found, top=wanted) if found.arm == arm and (found.task, found.sample) in turned else found
        for found in judgements
    ]
