"""The outcome of a comparison as it is stored: `summary.json` and `samples.json`."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.arms import DIFFERENCES, RETRIEVED
from inhouse.evaluation.measures import (
    BITS,
    LOWER_IS_BETTER,
    MEASURES,
    best_arm,
    difference_of,
    plain,
    rounded,
    value_of,
)
from inhouse.evaluation.statements import first_statement
from inhouse.evaluation.statistics import CONFIDENCE, MIN_COMMITS, RESAMPLES
from inhouse.evaluation.verdict import Findings, retention_sentence, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inhouse.evaluation.answers import Answer
    from inhouse.evaluation.arms import Arm
    from inhouse.evaluation.retention import Retention
    from inhouse.evaluation.shares import ShareChoice
    from inhouse.evaluation.statistics import Estimate
    from inhouse.records import Item, Score

__all__ = ["Outcome", "by_arm", "samples", "summary"]

_SAMPLES = 5
_PREFIX_LINES = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that was found."""

    items: Sequence[Item]  # those that were scored, in the order of the scores
    scores: Mapping[str, Sequence[Score]]  # by arm, in the order of the items
    held_out: int  # items there are
    answers: Sequence[Answer]
    choice: ShareChoice
    texts: Mapping[str, Callable[[Item], str]]  # what arms put before the file
    retention: Retention
    tokens: int  # spent on held-out items
    seed: int

    @property
    def retrieval_used(self) -> bool:
        """Are there arms with retrieved text?"""
        return RETRIEVED in self.texts

    def value(self, arm: str, measure: str, items: set[str] | None = None) -> Estimate:
        """Return an arm's value, over all items or some."""
        return value_of(_only(self.scores[arm], items), MEASURES[measure], self.seed)

    def difference(self, first: str, second: str, measure: str, items: set[str] | None = None) -> Estimate:
        """Return first minus second, over all items or some."""
        one, two = (_only(self.scores[arm], items) for arm in (first, second))
        return difference_of(one, two, MEASURES[measure], self.seed)


def by_arm(
    scores: Iterable[Score], arms: Sequence[Arm], stand_ins: Mapping[str, str]
) -> dict[str, list[Score]]:
    """Return the scores of every arm; one with a stand-in has the very scores of that one."""
    table: dict[str, list[Score]] = {arm.name: [] for arm in arms}
    for score in scores:
        table[score.arm].append(score)
    return table | {arm: table[other] for arm, other in stand_ins.items()}


def summary(outcome: Outcome, budget: Mapping[str, int]) -> dict[str, Any]:
    """Return what the report and the command line show; `budget` holds the tokens allowed.

    Differences are first minus second, so that a negative one is a gain where lower is better.
    """
    arms = list(outcome.scores)
    return {
        "arms": {arm: {name: plain(outcome.value(arm, name)) for name in MEASURES} for arm in arms},
        "differences": {
            f"{first} - {second}": {
                name: plain(outcome.difference(first, second, name), tested=True) for name in MEASURES
            }
            for first, second in DIFFERENCES
        },
        "lower_is_better": list(LOWER_IS_BETTER),
        "best_arm": _best(outcome),
        "verdict": verdict(_findings(outcome)),
        "retrieval_share": outcome.choice.share if outcome.retrieval_used else 0.0,
        "retrieval_used": outcome.retrieval_used,
        "retrieval_reason": outcome.choice.reason,
        "shares_tried": {share: plain(value) for share, value in outcome.choice.tried.items()},
        "retention": _retention(outcome.retention),
        "by_language": _breakdown(outcome, lambda item: item.language),
        "by_month": _breakdown(outcome, lambda item: f"{datetime.fromtimestamp(item.date, UTC):%Y-%m}"),
        "budget": _spent(outcome, budget),
        "items": {
            "available": outcome.held_out,
            "scored": len(outcome.items),
            "commits": len({item.commit for item in outcome.items}),
            "generated": len({answer.item for answer in outcome.answers}),
        },
        "notes": _notes(outcome),
        "seed": outcome.seed,
        "resamples": RESAMPLES,
        "confidence": CONFIDENCE,
    }


def samples(outcome: Outcome) -> dict[str, Any]:
    """Return the held-out items that gained most and least from tuning, five of each, none twice."""
    bits = {arm: [score.bits / score.bytes for score in outcome.scores[arm]] for arm in ("base", "tuned")}
    gains = [base - tuned for base, tuned in zip(bits["base"], bits["tuned"], strict=True)]
    order = sorted(range(len(gains)), key=lambda number: (-gains[number], outcome.items[number].id))
    best = order[: min(_SAMPLES, (len(order) + 1) // 2)]
    worst = order[len(best) :][: -_SAMPLES - 1 : -1]
    return {
        title: [_sample(outcome, number, gains[number]) for number in numbers]
        for title, numbers in (("best", best), ("worst", worst))
    }


def _sample(outcome: Outcome, number: int, gain: float) -> dict[str, Any]:
    item = outcome.items[number]
    statement = first_statement(item.target, item.language)
    answered = {answer.item for answer in outcome.answers}
    return {
        "item": item.id,
        "commit": item.commit,
        "date": item.date,
        "path": item.path,
        "language": item.language,
        "message": item.message.split("\n")[0],
        "prefix": "".join(item.prefix.splitlines(keepends=True)[-_PREFIX_LINES:]),
        "target": item.target,
        "lead": statement.lead if statement else "",
        "statement": statement.text if statement else "",
        "retrieved": outcome.texts[RETRIEVED](item) if outcome.retrieval_used else "",
        "gain": rounded(gain),
        "arms": {
            arm: _sample_arm(scores[number], item.id in answered) for arm, scores in outcome.scores.items()
        },
    }


def _sample_arm(score: Score, answered: bool) -> dict[str, Any]:
    return {
        "bits_per_byte": rounded(score.bits / score.bytes),
        "answer": score.answer if answered else None,
        "exact": bool(score.statement_exact) if answered else None,
        "identifiers": rounded(score.identifiers),
    }


def _best(outcome: Outcome) -> str:
    distinct = {arm: scores for arm, scores in outcome.scores.items() if scores and scores[0].arm == arm}
    return best_arm(distinct, outcome.seed)


def _findings(outcome: Outcome) -> Findings:
    return Findings(
        arms={arm: outcome.value(arm, BITS) for arm in outcome.scores},
        differences={f"{one} - {two}": outcome.difference(one, two, BITS) for one, two in DIFFERENCES},
        retrieval_used=outcome.retrieval_used,
        best=_best(outcome),
        general=outcome.retention.base,
        general_difference=outcome.retention.difference,
    )


def _retention(found: Retention) -> dict[str, Any]:
    return {
        "base": plain(found.base),
        "tuned": plain(found.tuned),
        "difference": plain(found.difference, tested=True),
        "n": found.difference.n,
        "modules": found.difference.commits,
        "excluded": found.excluded,
        "corpus": "one function of each sampled module of the Python standard library",
        "corpus_digest": found.corpus_digest,
        "python": platform.python_version(),
        "sentence": retention_sentence(found.base, found.difference),
    }


def _breakdown(outcome: Outcome, key: Callable[[Item], str]) -> dict[str, Any]:
    """Return bits per byte of every arm, and what tuning changes, for each group of items."""
    groups: dict[str, set[str]] = {}
    for item in outcome.items:
        groups.setdefault(key(item), set()).add(item.id)
    return {
        name: {
            "arms": {arm: plain(outcome.value(arm, BITS, items)) for arm in outcome.scores},
            "tuned - base": plain(outcome.difference("tuned", "base", BITS, items), tested=True),
        }
        for name, items in sorted(groups.items())
    }


def _spent(outcome: Outcome, budget: Mapping[str, int]) -> dict[str, Any]:
    parts = {
        "shares": outcome.choice.tokens,
        "retention": outcome.retention.tokens,
        "heldout": outcome.tokens,
    }
    return {
        "scored": {"allowed": budget["scored"], "used": sum(parts.values()), **parts},
        "generated": {
            "allowed": budget["generated"],
            "used": sum(answer.generated for answer in outcome.answers),
            "prompt_tokens": sum(answer.prompted for answer in outcome.answers),
        },
    }


def _notes(outcome: Outcome) -> list[str]:
    notes = [outcome.choice.reason]
    scored, commits = len(outcome.items), len({item.commit for item in outcome.items})
    if not outcome.retrieval_used:
        notes.append("Retrieval is not used: the retrieval arms are the arms without it, not scored again.")
    if scored < outcome.held_out:
        notes.append(
            f"The budget suffices for {scored} of {outcome.held_out} held-out items: "
            "an even sample over commits."
        )
    if commits < MIN_COMMITS:
        notes.append(f"Intervals from fewer than {MIN_COMMITS} commits are not to be trusted.")
    if outcome.retention.excluded:
        notes.append(
            f"Functions of the standard library left out because the repository has them: "
            f"{outcome.retention.excluded}."
        )
    return notes


def _only(scores: Sequence[Score], items: set[str] | None) -> Sequence[Score]:
    return scores if items is None else [score for score in scores if score.item in items]
