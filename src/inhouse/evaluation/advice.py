"""What to do next, in plain words, from what was measured to fail.

The rule: where facts are missing (a name that does not exist, an internal function that was not known, a
question that the documents answer), index more and put it before the model; where behaviour is wrong
(conventions, linters, form, code that does not parse), tune; where both, index first and then tune. Tests
that fail for another reason are neither: the code runs, knows its names, and is wrong. That takes a larger
base.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from inhouse.evaluation.pass_at_k import GREEDY
from inhouse.evaluation.results import FLOOR, kind_of, stem
from inhouse.evaluation.statistics import MIN_COMMITS, estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inhouse.evaluation.tasks import Judgement

__all__ = ["Advice", "Evidence", "advise"]

What = Literal["index", "tune", "both", "neither", "nothing", "unknown"]
Why = Literal["facts", "behaviour", "logic"]

_MEASURES: dict[str, Why] = {
    "invented_symbols": "facts",
    "internal_api_recall": "facts",
    "answer_exact": "facts",
    "conventions_kept": "behaviour",
    "findings": "behaviour",
    "ends its turn": "behaviour",
    "parsable code": "behaviour",
}
"""What it shows when a measure fails, by its name without brackets."""

_TESTED = ("execution", "user:")
"""How suites begin whose failed tests are sorted by what they say. HumanEval asks nothing of one's own."""

_FAILING = {
    "invented_symbols": "symbols that exist nowhere",
    "internal_api_recall": "internal functions that were not used",
    "answer_exact": "questions that the documents answer",
    "conventions_kept": "conventions broken",
    "ends its turn": "turns that do not end",
    "parsable code": "answers without code that parses",
}
"""What it is called when a measure fails; others go by their own name."""

_FACTS = re.compile(
    r"NameError|AttributeError|ImportError|ModuleNotFoundError|ReferenceError|has no attribute|is not defined"
    r"|cannot import|unexpected keyword argument|positional arguments? but|missing \d+ required|undeclared"
    r"|implicit declaration|undefined reference|has no member|is not a function"
)
_FORM = re.compile(
    r"SyntaxError|IndentationError|TabError|does not parse|no code|nothing was written|went on for",
    re.IGNORECASE,
)
_ARMS = ("base", "prompted", "retrieval", "tuned", "tuned_retrieval")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that fails, and how often each arm fails in it."""

    why: Why
    what: str  # suite and measure, or what failed tests say
    failures: Mapping[str, tuple[float, float]]  # by arm: (failures, checks)
    share: float  # of the arm that is judged
    low: float  # 95% interval, resampled by file or commit
    high: float
    groups: int
    worsened: bool  # it fails surely more often than the base does: tuning did it, and more will not mend it

    @property
    def counts(self) -> bool:
        """Does it fail more often than now and then, surely, and not because of tuning?"""
        return self.groups >= MIN_COMMITS and self.low > FLOOR and not self.worsened


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, why, and the counts behind it."""

    what: What
    arm: str  # whose failures these are
    sentence: str
    evidence: tuple[Evidence, ...]


def advise(judgements: Iterable[Judgement], arm: str = "tuned") -> Advice:
    """Return what the failures of an arm ask for. Where it was not measured, those of the base."""
    checks = [check for judgement in judgements for check in _checks(judgement)]
    arms = {check.arm for check in checks}
    arm = arm if arm in arms else "base"
    table: dict[tuple[Why, str], list[_Check]] = {}
    for check in checks:
        table.setdefault((check.why, check.what), []).append(check)
    found = (_evidence(why, what, rows, arm) for (why, what), rows in table.items())
    evidence = sorted((one for one in found if one), key=lambda one: (-one.share, one.what))
    what = _decide(evidence)
    return Advice(what, arm, _sentence(what, arm, evidence), tuple(evidence))


# ------------------------------------------------------------------ what failed


@dataclass(frozen=True, slots=True)
class _Check:
    """How often something that could fail did, in one answer."""

    why: Why
    what: str
    group: str
    arm: str
    failures: float
    checks: float


def _checks(judgement: Judgement) -> Iterator[_Check]:
    if judgement.sample:
        return
    if judgement.suite.startswith(_TESTED) and judgement.measure == GREEDY:
        reason = _reason(judgement)
        for why, what in _REASONS.items():
            yield _check(judgement, why, what, 1.0 if why == reason else 0.0)
        return
    shown = _MEASURES.get(stem(judgement.measure))
    if shown and judgement.bottom:
        lower = kind_of(judgement.measure).lower_is_better
        missed = judgement.top if lower else judgement.bottom - judgement.top
        failures = min(missed, judgement.bottom)  # an answer with several findings fails once
        what = _FAILING.get(judgement.measure, judgement.measure)
        yield _check(judgement, shown, f"{judgement.suite}: {what}", failures)


_REASONS: dict[Why, str] = {
    "facts": "tests fail on names that are unknown or used wrongly",
    "behaviour": "tests fail because there is no code that parses",
    "logic": "tests fail on what the code does",
}


def _reason(judgement: Judgement) -> Why | None:
    """Return why a test failed, by what it said; None where it passed."""
    if judgement.top:
        return None
    if _FACTS.search(judgement.note):
        return "facts"
    return "behaviour" if _FORM.search(judgement.note) else "logic"


def _check(judgement: Judgement, why: Why, what: str, failures: float) -> _Check:
    return _Check(why, what, judgement.group, judgement.arm, failures, judgement.bottom)


def _evidence(why: Why, what: str, rows: Sequence[_Check], arm: str) -> Evidence | None:
    mine = [row for row in rows if row.arm == arm and row.checks]
    if not mine:
        return None
    found = estimate(
        [row.failures for row in mine], [row.checks for row in mine], [row.group for row in mine]
    )
    sums = {name: _sums(row for row in rows if row.arm == name) for name in _ARMS}
    failures = {name: found for name, found in sums.items() if found[1]}
    base = failures.get("base")
    low, high = (found.low, found.high) if found.commits > 1 else (0.0, 1.0)
    return Evidence(
        why=why,
        what=what,
        failures=failures,
        share=found.value,
        low=low,
        high=high,
        groups=found.commits,
        worsened=base is not None and arm != "base" and low > base[0] / base[1],
    )


def _sums(rows: Iterable[_Check]) -> tuple[float, float]:
    counted = [(row.failures, row.checks) for row in rows]
    return sum(failures for failures, _ in counted), sum(checks for _, checks in counted)


# ------------------------------------------------------------------ what that means


def _decide(evidence: Sequence[Evidence]) -> What:
    if not evidence or all(one.groups < MIN_COMMITS for one in evidence):
        return "unknown"
    needs = {one.why for one in evidence if one.counts}
    if {"facts", "behaviour"} <= needs:
        return "both"
    if "facts" in needs:
        return "index"
    if "behaviour" in needs:
        return "tune"
    return "neither" if needs else "nothing"


_WORDS: dict[What, str] = {
    "index": "Facts are missing: index more, and put more of what is found before the model. Tuning on facts "
    "that change would have to be repeated with each change.",
    "tune": "Behaviour is wrong: tune. What the model gets wrong is the form of the company's code, which no "
    "retrieved text can make it keep.",
    "both": "Facts are missing and behaviour is wrong: index more first, then tune, so that tuning learns to "
    "use what is retrieved.",
    "neither": "Neither indexing nor tuning answers what fails: the code parses and knows its names, and "
    "does the wrong thing. Try a larger base model.",
    "nothing": "Nothing fails often enough to ask for anything.",
    "unknown": "What to do next cannot be told: nothing that could fail was measured on enough files or "
    "commits. Run `inhouse eval`.",
}


def _sentence(what: What, arm: str, evidence: Sequence[Evidence]) -> str:
    if what == "unknown":
        return _WORDS[what]
    counted = "; ".join(_counted(one, arm) for one in evidence if one.counts)
    worse = "; ".join(_counted(one, arm) for one in evidence if one.worsened and one.groups >= MIN_COMMITS)
    spoilt = f" Tuning made worse: {worse}. More of the same will not mend that." if worse else ""
    return _WORDS[what] + (f" ({counted}.)" if counted else "") + spoilt


def _counted(one: Evidence, arm: str) -> str:
    failures, checks = one.failures[arm]
    others = ", ".join(
        f"{name} {missed:g}" + ("" if total == checks else f" of {total:g}")
        for name, (missed, total) in one.failures.items()
        if name != arm
    )
    beside = f"; {others}" if others else ""
    return (
        f"{one.what}: {arm} {failures:g} of {checks:g} "
        f"({100 * one.share:.0f}%, 95% interval {100 * one.low:.0f} to {100 * one.high:.0f}{beside})"
    )
