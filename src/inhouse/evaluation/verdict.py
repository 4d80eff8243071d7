"""The comparison in plain sentences: what helped, by how much and how surely, and what broke.

A gain is fewer bits per byte. Something helped or hurt only where its difference is sure by the rule of
`evaluation.significance`; otherwise the data cannot tell, and the smallest effect that they could have shown
is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.significance import sign
from inhouse.evaluation.statistics import MIN_COMMITS
from inhouse.evaluation.wording import doubt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.evaluation.statistics import Estimate

__all__ = ["Findings", "retention_sentence", "verdict"]

_TITLES = {
    "base": "the base model",
    "retrieval": "the base model with retrieval",
    "tuned": "the tuned model without retrieval",
    "tuned_retrieval": "the tuned model with retrieval",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is to be said; every estimate is of bits per byte."""

    arms: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]  # "tuned - base": first minus second
    retrieval_used: bool
    best: str  # an arm, or "" where none is best with confidence
    general: Estimate  # the base model on general code; its commits are modules
    general_difference: Estimate  # tuned minus base


def verdict(findings: Findings) -> str:
    """Return two sentences: the first on the repository's own code, the second on general code."""
    return f"{_own_code(findings)} {retention_sentence(findings.general, findings.general_difference)}"


def retention_sentence(base: Estimate, difference: Estimate) -> str:
    """Return what tuning did to general code."""
    if not difference.trusted:
        return "Whether tuning broke anything on general code cannot be told."
    where = f"{difference.n} functions of {difference.commits} standard-library modules"
    direction = sign(difference)
    if direction:
        good = "nothing broke: " if direction < 0 else ""
        return f"On general code {good}{_change('tuning', difference, base, where)}."
    beyond = f" beyond {100 * difference.high / base.value:.1f}%" if difference.high > 0 else ""
    return (
        f"On general code no loss shows: bits per byte change by {_signed(difference)}, "
        f"so a loss{beyond} is unlikely ({where})."
    )


def _own_code(findings: Findings) -> str:
    tuned = findings.differences["tuned - base"]
    items = f"{_count(tuned.n, 'held-out item')} of {_count(tuned.commits, 'commit')}"
    if not tuned.n:
        return "Whether anything helps cannot be told: there are no held-out items."
    if not tuned.trusted:
        return (
            f"Whether anything helps cannot be told from {items}: "
            f"an interval to be trusted takes {MIN_COMMITS} commits."
        )
    clauses = [_effect("tuning", tuned, findings.arms["base"])]
    if findings.retrieval_used:
        added = findings.differences["tuned_retrieval - retrieval"]
        clauses += [
            _effect("retrieval", findings.differences["retrieval - base"], findings.arms["base"]),
            _effect("tuning on top of retrieval", added, findings.arms["retrieval"]),
        ]
    else:
        clauses.append("retrieval is not used")
    best = f"best is {_TITLES.get(findings.best, findings.best)}" if findings.best else ""
    clauses.append(best or "no arm is best with confidence")
    return f"On {items}, {'; '.join(clauses)}."


def _effect(what: str, difference: Estimate, against: Estimate) -> str:
    if sign(difference):
        return _change(what, difference, against)
    smallest = difference.detectable
    unseen = (
        f"an effect below {smallest:.3f} would not show"
        if math.isfinite(smallest)
        else "no effect of any size could have shown"
    )
    return f"whether {what} helps cannot be told (bits per byte change by {_signed(difference)}; {unseen})"


def _change(what: str, difference: Estimate, against: Estimate, where: str = "") -> str:
    """Return a change whose direction is sure, in percent and in bits per byte."""
    direction = sign(difference)
    verb, rest = ("saves", "of the") if direction < 0 else ("costs", "more")
    percent = f"{100 * abs(difference.value) / against.value:.1f}%"
    low, high = sorted((direction * difference.low, direction * difference.high))
    numbers = f"{direction * difference.value:.3f}, 95% interval {low:.3f} to {high:.3f}"
    return f"{what} {verb} {percent} {rest} bits per byte ({numbers}{f'; {where}' if where else ''})"


def _signed(difference: Estimate) -> str:
    low, high = difference.low, difference.high
    against = doubt(low, high, difference.p)
    return f"{difference.value:+.3f}, 95% interval {low:+.3f} to {high:+.3f}{against}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
