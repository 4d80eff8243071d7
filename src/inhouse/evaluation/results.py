"""From stored judgements to results: by suite, measure and arm, with intervals and paired differences.

    {suite: {measure: {
        "unit", "lower_is_better", "pass_fail", "leading",
        "arms":        {arm: {"value", "low", "high", "n", "commits", "samples", "top", "bottom"}},
        "differences": {"tuned - base": {"value", "low", "high", "detectable", "n", "commits", "p", "sure",
                                         "p_holm", "mcnemar", "better", "sentence", "tasks_better",
                                         "tasks_worse", "gained", "lost"}},
        "discriminating", "reason"}}}

n counts tasks, commits count what is resampled: files or commits. A difference is the first arm minus the
second on the tasks and samples that both have; "better" names an arm only where the difference is sure by the
rule of `evaluation.significance`. Nothing here generates or judges: the same judgements and seed give the
same results.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.arms import DIFFERENCES
from inhouse.evaluation.measures import BITS, MEASURES, plain, rounded
from inhouse.evaluation.significance import holm, mcnemar, most_unseen, paired_difference, sign
from inhouse.evaluation.statistics import estimate
from inhouse.evaluation.tasks import Judgement
from inhouse.evaluation.wording import difference_sentence
from inhouse.records import Item, Score
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "FLOOR",
    "GENERAL_CODE",
    "KINDS",
    "LIKELIHOOD",
    "PAIRS",
    "Kind",
    "compare_arms",
    "kind_of",
    "likelihood_judgements",
    "results",
    "score_judgements",
    "stem",
]

LIKELIHOOD = "likelihood"
GENERAL_CODE = "general_code"
"""The two suites that are read from the scores of the four-arm comparison."""

FLOOR = 0.05
"""A base below this share of successes, or as close to all, leaves no room to tell arms apart."""

_MORE_PAIRS = (
    ("tuned_retrieval", "base"),
    ("prompted", "base"),
    ("tuned", "prompted"),
    ("tuned_retrieval", "prompted"),
)
PAIRS = tuple(dict.fromkeys([*DIFFERENCES, *_MORE_PAIRS]))
"""Pairs (first, second) of arms whose difference, first minus second, is reported."""

_VARIANT = re.compile(r" \(.*\)$")
_DECIDING = 10  # tasks that are named on each side of a difference


@dataclass(frozen=True, slots=True)
class Kind:
    """How a measure is read."""

    lower_is_better: bool = False
    ability: bool = True  # a share that shows what an arm can do: near 0 or 1 it cannot tell arms apart
    leading: bool = False  # stands for its suite where several suites are looked at together
    unit: str = ""  # of the values; "" for a share


_HARM = Kind(lower_is_better=True, ability=False)  # near zero is where it should be, and it can still rise
_HEALTH = Kind(ability=False)  # near one is where it should be, and it can still fall

_BITS = Kind(lower_is_better=True, ability=False, leading=True, unit="bits per byte")
_PROSE_BITS = replace(_BITS, leading=False)  # beside the comparison on code, and never part of it

KINDS: dict[str, Kind] = {
    BITS: _BITS,
    f"{BITS} (documents)": _PROSE_BITS,
    f"{BITS} (docstrings)": _PROSE_BITS,
    "next_token_accuracy": Kind(),
    "statement_exact": Kind(),
    "statement_identifiers": Kind(),
    "pass@1": Kind(leading=True),
    "sampled": Kind(),
    "conventions_kept": Kind(leading=True),
    "invented_symbols": replace(_HARM, leading=True),
    "internal_api_recall": Kind(),
    "findings": replace(_HARM, unit="findings"),
    "findings (lint)": replace(_HARM, unit="findings", leading=True),
    "leaked": replace(_HARM, leading=True),
    "longest_copy": replace(_HARM, unit="tokens"),
    "exposure": replace(_HARM, unit="bits"),
    "answer_exact": Kind(leading=True),
    "answer_f1": Kind(),
    "passes_per_1000_tokens": Kind(ability=False, leading=True, unit="passes"),
    "passes_per_minute": Kind(ability=False, unit="passes"),
    "prompt_tokens": Kind(lower_is_better=True, ability=False, unit="tokens"),
    "generated_tokens": Kind(lower_is_better=True, ability=False, unit="tokens"),
    "seconds": Kind(lower_is_better=True, ability=False, unit="seconds"),
    "ends its turn": _HEALTH,
    "parsable code": _HEALTH,
}
"""Measures by name, up to a bracket behind it. Others are shares of which more is better."""


def kind_of(measure: str) -> Kind:
    """Return how a measure is read."""
    return KINDS.get(measure) or KINDS.get(stem(measure), Kind())


def stem(measure: str) -> str:
    """Return a measure without what stands in brackets behind it: "pass@1" of "pass@1 (completion)"."""
    return _VARIANT.sub("", measure)


def results(judgements: Iterable[Judgement], seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return what all judgements say, as plain JSON values in the form above."""
    table = _collect(judgements)
    found = {
        suite: {
            name: _measure(kind_of(name), by_arm, PAIRS, seed) for name, by_arm in sorted(measures.items())
        }
        for suite, measures in sorted(table.items())
    }
    _correct(found)
    return found


def compare_arms(
    judgements: Iterable[Judgement], first: str, second: str, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Return the same for one pair of arms, whatever they are called.

    The difference of a measure is left out, and "reason" says why, unless both arms have the same tasks.
    """
    found: dict[str, dict[str, Any]] = {}
    for suite, measures in sorted(_collect(judgements).items()):
        for name, by_arm in sorted(measures.items()):
            refused = _refusal(by_arm, first, second)
            pairs = () if refused else ((first, second),)
            both = {arm: by_arm[arm] for arm in (first, second) if arm in by_arm}
            entry = _measure(kind_of(name), both, pairs, seed)
            found.setdefault(suite, {})[name] = entry | {"reason": refused, "discriminating": not refused}
    _correct(found)
    return found


def likelihood_judgements(scores: Path, dataset: Path | None = None) -> Iterator[Judgement]:
    """Yield the scores of the four-arm comparison as judgements of two suites, own code and general code.

    `scores` and `dataset` are artefact folders; with the latter, notes name the file of each item.
    """
    items = {item.id: item for item in read_records(dataset, "items", Item)} if dataset else {}
    for suite, name in ((LIKELIHOOD, "scores"), (GENERAL_CODE, "retention")):
        for score in read_records(scores, name, Score):
            yield from score_judgements(suite, score, items.get(score.item))


def score_judgements(
    suite: str, score: Score, item: Item | None = None, variant: str = ""
) -> Iterator[Judgement]:
    """Yield what was measured of one arm on one item, grouped by commit; notes name the file of the item.

    `variant` is put in brackets behind the names of the measures.
    """
    note = f"{item.path} at {item.commit[:12]}" if item else ""
    for name, parts in MEASURES.items():
        top = float(parts.top(score))
        if not math.isnan(top):
            bottom = float(parts.bottom(score))
            measure = f"{name} ({variant})" if variant else name
            yield Judgement(suite, measure, score.item, score.commit, score.arm, 0, top, bottom, note)


# ------------------------------------------------------------------ one measure


@dataclass(slots=True)
class _Cell:
    """One task of one arm: what its samples add up to."""

    group: str
    samples: dict[int, Judgement] = field(default_factory=dict)

    @property
    def top(self) -> float:
        return math.fsum(judgement.top for judgement in self.samples.values())

    @property
    def bottom(self) -> float:
        return math.fsum(judgement.bottom for judgement in self.samples.values())

    @property
    def ratio(self) -> float:
        return self.top / self.bottom if self.bottom else math.nan

    @property
    def note(self) -> str:
        return next((judgement.note for judgement in self.samples.values() if judgement.note), "")


_Arm = dict[str, _Cell]  # by task


def _collect(judgements: Iterable[Judgement]) -> dict[str, dict[str, dict[str, _Arm]]]:
    """Return suite -> measure -> arm -> task."""
    table: dict[str, dict[str, dict[str, _Arm]]] = {}
    for found in judgements:
        arm = table.setdefault(found.suite, {}).setdefault(found.measure, {}).setdefault(found.arm, {})
        arm.setdefault(found.task, _Cell(found.group)).samples[found.sample] = found
    return table


def _measure(
    kind: Kind, by_arm: Mapping[str, _Arm], pairs: Sequence[tuple[str, str]], seed: int
) -> dict[str, Any]:
    pass_fail = all(_is_pass_or_fail(cell) for arm in by_arm.values() for cell in arm.values())
    arms = {name: _value(arm, pass_fail, seed) for name, arm in by_arm.items()}
    reason = _not_discriminating(kind, arms.get("base"))
    return {
        "unit": kind.unit,
        "lower_is_better": kind.lower_is_better,
        "leading": kind.leading,
        "pass_fail": pass_fail,
        "arms": arms,
        "differences": {
            f"{first} - {second}": _compared(kind, by_arm, (first, second), pass_fail, seed)
            for first, second in pairs
            if first in by_arm and second in by_arm and by_arm[first].keys() & by_arm[second].keys()
        },
        "discriminating": not reason,
        "reason": reason,
    }


def _is_pass_or_fail(cell: _Cell) -> bool:
    return all(
        found.bottom in (0.0, 1.0) and found.top in (0.0, found.bottom) for found in cell.samples.values()
    )


def _value(arm: _Arm, pass_fail: bool, seed: int) -> dict[str, Any]:
    """Return one arm's value; tasks to which the measure does not apply count for nothing."""
    cells = [cell for _, cell in sorted(arm.items()) if cell.bottom]
    found = estimate(
        [cell.top for cell in cells],
        [cell.bottom for cell in cells],
        [cell.group for cell in cells],
        seed=seed,
    )
    if pass_fail and found.commits > 1 and found.value in (0.0, 1.0):  # nothing to resample
        unseen = most_unseen(found.commits)
        found = replace(found, low=max(0.0, found.value - unseen), high=min(1.0, found.value + unseen))
    return plain(found) | {
        "samples": sum(len(cell.samples) for cell in cells),
        "top": rounded(math.fsum(cell.top for cell in cells)),
        "bottom": rounded(math.fsum(cell.bottom for cell in cells)),
    }


def _not_discriminating(kind: Kind, base: Mapping[str, Any] | None) -> str:
    """Return why a measure cannot tell arms apart, or ""."""
    if not kind.ability or base is None or base["value"] is None:
        return ""
    if base["value"] < FLOOR:
        return f"too hard to tell arms apart: the base has {_percent(base['value'])}, below {_percent(FLOOR)}"
    if base["value"] > 1 - FLOOR:
        above = _percent(1 - FLOOR)
        return f"too easy to tell arms apart: the base has {_percent(base['value'])}, above {above}"
    return ""


# ------------------------------------------------------------------ one difference


def _compared(
    kind: Kind, by_arm: Mapping[str, _Arm], names: tuple[str, str], pass_fail: bool, seed: int
) -> dict[str, Any]:
    tasks, firsts, seconds = _paired(*(by_arm[name] for name in names), both=pass_fail)
    one, two = (([c.top for c in cells], [c.bottom for c in cells]) for cells in (firsts, seconds))
    pairs = _differing(firsts, seconds) if pass_fail else None
    found = paired_difference(one, two, [cell.group for cell in firsts], seed=seed, pairs=pairs)
    direction = sign(found)
    better = "" if not direction else names[(direction > 0) == kind.lower_is_better]
    return plain(found, tested=True) | {
        "p_holm": None,
        "mcnemar": {"first_only": pairs[0], "second_only": pairs[1], "p": rounded(mcnemar(*pairs))}
        if pairs
        else None,
        "better": better,
        **_deciding(kind, tasks, firsts, seconds),
    }


def _paired(first: _Arm, second: _Arm, *, both: bool = False) -> tuple[list[str], list[_Cell], list[_Cell]]:
    """Return the tasks that both arms have, with the samples that both have.

    Only those to which the measure applies, in one of the arms or in both of them.
    """
    needed = all if both else any
    tasks, firsts, seconds = [], [], []
    for task in sorted(first.keys() & second.keys()):
        numbers = first[task].samples.keys() & second[task].samples.keys()
        one, two = (_only(arm[task], numbers) for arm in (first, second))
        if needed((one.bottom, two.bottom)):
            tasks.append(task)
            firsts.append(one)
            seconds.append(two)
    return tasks, firsts, seconds


def _only(cell: _Cell, numbers: Iterable[int]) -> _Cell:
    return _Cell(cell.group, {number: cell.samples[number] for number in sorted(numbers)})


def _differing(firsts: Sequence[_Cell], seconds: Sequence[_Cell]) -> tuple[int, int] | None:
    """Return how many tasks only the first arm passed, and only the second; None with several samples."""
    if any(len(cell.samples) != 1 for cell in [*firsts, *seconds]):
        return None
    passed = [(one.top, two.top) for one, two in zip(firsts, seconds, strict=True)]
    return passed.count((1.0, 0.0)), passed.count((0.0, 1.0))


def _deciding(
    kind: Kind, tasks: Sequence[str], firsts: Sequence[_Cell], seconds: Sequence[_Cell]
) -> dict[str, Any]:
    """Return the tasks in which the first arm gained most and lost most against the second."""
    better = -1.0 if kind.lower_is_better else 1.0
    entries = [
        (better * (_number(one.ratio) - _number(two.ratio)), task, one, two)
        for task, one, two in zip(tasks, firsts, seconds, strict=True)
    ]
    order = sorted((entry for entry in entries if entry[0]), key=lambda entry: (-abs(entry[0]), entry[1]))
    gained = [_sample(*entry[1:]) for entry in order if entry[0] > 0]
    lost = [_sample(*entry[1:]) for entry in order if entry[0] < 0]
    return {
        "tasks_better": len(gained),
        "tasks_worse": len(lost),
        "gained": gained[:_DECIDING],
        "lost": lost[:_DECIDING],
    }


def _sample(task: str, one: _Cell, two: _Cell) -> dict[str, Any]:
    return {
        "task": task,
        "group": one.group,
        "first": rounded(one.ratio),
        "second": rounded(two.ratio),
        "note": one.note or two.note,
    }


def _number(ratio: float) -> float:
    return 0.0 if math.isnan(ratio) else ratio


def _refusal(by_arm: Mapping[str, _Arm], first: str, second: str) -> str:
    """Return why two arms cannot be compared, or ""."""
    missing = [name for name in (first, second) if name not in by_arm]
    if missing:
        return f"{' and '.join(missing)} was not measured"
    one, two = by_arm[first], by_arm[second]
    common = len(one.keys() & two.keys())
    if one.keys() != two.keys():
        return f"not the same tasks: {len(one)} and {len(two)}, {common} of them in common"
    if any(one[task].samples.keys() != two[task].samples.keys() for task in one):
        return "not the same number of samples for each task"
    return ""


# ------------------------------------------------------------------ all suites together


def _correct(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the p values after Holm's correction, and sentences, into the differences.

    Each suite enters the correction with its leading measures; one that has none of these with all it has.
    """
    families: dict[str, dict[tuple[str, str], float]] = {}
    for suite, measures in found.items():
        leading = {name for name, entry in measures.items() if entry["leading"]} or set(measures)
        for name in leading:
            for pair, difference in measures[name]["differences"].items():
                if measures[name]["discriminating"] and difference["p"] is not None:
                    families.setdefault(pair, {})[suite, name] = difference["p"]
    for pair, p_values in families.items():
        for (suite, name), p in holm(dict(sorted(p_values.items()))).items():
            found[suite][name]["differences"][pair]["p_holm"] = rounded(p)
    for measures in found.values():
        for entry in measures.values():
            for pair, difference in entry["differences"].items():
                difference["sentence"] = difference_sentence(pair, difference, entry["unit"])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
