"""Proof that a check tells a right answer from none: twice, so that what fails now and then is left out.

reference          must pass, twice
every stub         must fail, twice (`places.STUBS`); one that does not compile says nothing
leaving            must fail, twice: a command whose tests say nothing takes status 0 for success
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.mining.verify import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.verify import Checker, Verdict
    from inhouse.evaluation.tasks import Check

__all__ = ["TIMES", "Proof", "prove"]

TIMES = 2
"""How often everything is run."""

_IDLE = "its tests pass without its body"
_SILENT = "a body that leaves with status 0 passes its tests"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proved check with how it was proved, or the reason why it is none."""

    check: Check
    words: str = ""
    reason: str = ""


def prove(checker: Checker, pairs: Sequence[tuple[Place, Check]], workers: int) -> list[Proof]:
    """Prove checks of functions, side by side. A proved check knows what its reference passed and took.

    The first run of the reference says what is expected of every later one.
    """
    groups = [_trials(place, check) for place, check in pairs]
    verdicts = iter(checker.run_many([trial for group in groups for trial in group], workers))
    return [
        _judge(checker, place, check, [next(verdicts) for _ in group])
        for (place, check), group in zip(pairs, groups, strict=True)
    ]


def _trials(place: Place, check: Check) -> list[Trial]:
    reference = place.filled(place.reference)
    contents = [reference] + [place.filled(stub) for stub in _bodies(place, check)] * TIMES
    return [Trial(check, place.path, content, reference) for content in contents]


def _bodies(place: Place, check: Check) -> list[str]:
    """Return what is tried in place of a body. Of Python, the referee knows that somebody left."""
    return [*place.stubs(), *([place.leaving()] if check.runner == "command" else [])]


def _judge(checker: Checker, place: Place, check: Check, verdicts: Sequence[Verdict]) -> Proof:
    """Judge one place by the verdicts on its trials."""
    reference, *others = verdicts
    stubs = _bodies(place, check)
    ends = [others[number :: len(stubs)] for number in range(len(stubs))]
    if not reference.passed:
        never = reference.outcome is None
        return Proof(
            check, reason=reference.reason if never else "flaky: its reference passes once and fails once"
        )
    if any(len({verdict.passed for verdict in own}) > 1 for own in ends):
        return Proof(check, reason="flaky: without its body it passes once and fails once")
    if any(own[0].passed for own in ends):
        silent = check.runner == "command" and not any(own[0].passed for own in ends[:-1])
        return Proof(check, reason=_SILENT if silent else _IDLE)
    built = [stub for stub, own in zip(stubs, ends, strict=True) if own[0].built or check.runner != "command"]
    if not built:
        return Proof(check, reason="nothing that stands for its body compiles")
    check = checker.measured(check, place.path, place.filled(place.reference))
    failed = ", ".join(f"`{' '.join(stub.split())}`" for stub in built)
    words = (
        f"reference passed {TIMES} of {TIMES} runs ({check.expected} checks); the bodies {failed} failed "
        f"{TIMES} of {TIMES} runs each; isolation {checker.sandbox.isolation}"
    )
    return Proof(check, words)
