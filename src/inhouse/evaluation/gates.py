"""Gates: rules that results must meet before a release. Each answers with a number and its samples.

    private_gain    better than base and retrieval on the company's own code, with confidence
    general_code    the likelihood of general code has not fallen, as far as the interval reaches
    human_eval      points of HumanEval lost
    chat            turns ended and code that parses
    leaks           nothing found that the base does not show as well
    static          lint, types, security: not surely worse than the base

A gate that cannot be told stops a release like one that failed, unless `gates.allow_unknown` names it. A
measure that cannot tell arms apart gates nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.measures import BITS
from inhouse.evaluation.results import GENERAL_CODE, stem
from inhouse.evaluation.significance import SIGNIFICANCE, holm
from inhouse.evaluation.statistics import MIN_COMMITS
from inhouse.evaluation.wording import numbers, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inhouse.config import Gates

    Results = Mapping[str, Mapping[str, Any]]

__all__ = ["GateOutcome", "check_gates", "gate_lines"]

_RIVALS = ("base", "retrieval")
_TUNED, _BASE = "tuned", "base"  # arms of suites that have nothing to do with the repository
_HUMAN_EVAL, _CHAT = "human_eval", "chat"


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What a gate says."""

    name: str
    passed: bool | None  # None: it could not be told, or the suite gates nothing
    number: float | None  # that decided, in the unit of the rule
    rule: str
    sentence: str
    samples: tuple[Mapping[str, Any], ...]  # tasks that decided, ten at most
    counts: bool = True  # False: the suite cannot tell arms apart and gates nothing
    blocks: bool = False  # does it stop the release?


def check_gates(results: Results, settings: Gates) -> list[GateOutcome]:
    """Return the outcome of every gate, given what `evaluation.results.results` found."""
    gates = (_private_gain, _general_code, _human_eval, _chat, _leaks, _static)
    outcomes = [gate(results, settings) for gate in gates]
    return [replace(outcome, blocks=_blocks(outcome, settings)) for outcome in outcomes]


def gate_lines(outcomes: Sequence[GateOutcome]) -> Iterator[str]:
    """Yield what the terminal shows: each gate, and under one that stops the release what decided it."""
    for outcome in outcomes:
        yield f"{_mark(outcome):12}{outcome.name}: {outcome.sentence}"
        if outcome.blocks:
            yield f"{'':12}rule: {outcome.rule}"
            for sample in outcome.samples:
                note = f"  {sample['note']}" if sample["note"] else ""
                yield f"{'':12}- {sample['group']}  {sample['task'][:16]}  {_sides(sample)}{note}"


def _mark(outcome: GateOutcome) -> str:
    if outcome.passed is None:
        return "not told" if outcome.blocks else "not counted"
    return "passed" if outcome.passed else "FAILED"


def _sides(sample: Mapping[str, Any]) -> str:
    one, two = (("-" if sample[side] is None else f"{sample[side]:.3g}") for side in ("first", "second"))
    return f"{one} against {two}"


def _blocks(outcome: GateOutcome, settings: Gates) -> bool:
    if outcome.passed is None:
        return outcome.counts and outcome.name not in settings.allow_unknown
    return not outcome.passed


# ------------------------------------------------------------------ gain on the company's own code


@dataclass(frozen=True, slots=True)
class _Gain:
    """One measure of the released arm against each rival."""

    name: str
    unit: str
    worst: Mapping[str, Any]  # the difference against the strongest rival
    rival: str
    p: float
    gains: bool  # better than every rival, each with confidence
    loses: str  # to this rival, with confidence; "" to none


def _private_gain(results: Results, settings: Gates) -> GateOutcome:
    rule = (
        f"{settings.arm} is better than base and retrieval with 95% confidence in one of "
        f"{', '.join(settings.gain)}, and surely worse in none"
    )
    gains = [gain for name in settings.gain if (gain := _gain(results, name, settings.arm))]
    if not gains:
        what = f"{settings.arm} was not measured against base on the company's own code"
        return _unknown("private_gain", rule, what, "inhouse eval")
    corrected = holm({gain.name: gain.p for gain in gains})
    shown = [gain for gain in gains if gain.gains and corrected[gain.name] <= SIGNIFICANCE]
    lost = [gain for gain in gains if gain.loses]
    deciding = (lost or shown or sorted(gains, key=lambda gain: corrected[gain.name]))[0]
    side = "lost" if lost else "gained" if shown else "lost"
    passed: bool | None = bool(shown) and not lost
    if not passed and all(gain.worst["commits"] < MIN_COMMITS for gain in gains):
        passed = None
    return GateOutcome(
        "private_gain", passed, deciding.worst["value"], rule, _gain_sentence(deciding, settings.arm, passed),
        tuple(deciding.worst[side]),
    )  # fmt: skip


def _gain(results: Results, name: str, arm: str) -> _Gain | None:
    """Return how an arm fares in SUITE/MEASURE; None where it was not measured or cannot tell arms apart."""
    entry = _entry(results, name)
    if entry is None or not entry["discriminating"]:
        return None
    against = {
        rival: entry["differences"][f"{arm} - {rival}"]
        for rival in _RIVALS
        if f"{arm} - {rival}" in entry["differences"]
    }
    against = {rival: found for rival, found in against.items() if found["value"] is not None}
    if _BASE not in against:
        return None
    sign = 1 if entry["lower_is_better"] else -1
    rival = max(against, key=lambda name: sign * against[name]["value"])
    return _Gain(
        name,
        entry["unit"],
        against[rival],
        rival,
        max(found["p"] for found in against.values()),
        all(found["better"] == arm for found in against.values()),
        next((name for name, found in against.items() if found["better"] == name), ""),
    )


def _gain_sentence(gain: _Gain, arm: str, passed: bool | None) -> str:
    measure = gain.name.replace("/", ", ").replace("_", " ")
    if passed is None:
        return f"whether {arm} gains cannot be told ({measure}): {gain.worst['sentence']}"
    if passed:
        return f"{arm} gains in {measure}; against {gain.rival}: {_told(gain.worst, gain.unit)}"
    if gain.loses:
        return f"{arm} is surely worse than {gain.loses} in {measure}: {_told(gain.worst, gain.unit)}"
    return f"no gain of {arm} over {gain.rival} is sure in {measure}: {_told(gain.worst, gain.unit)}"


# ------------------------------------------------------------------ what must not break


def _general_code(results: Results, settings: Gates) -> GateOutcome:
    rule = (
        f"loss on general code at most {settings.general_loss:.1%} of the bits per byte, upper end of the "
        f"95% interval, over at least {settings.general_tokens:,} tokens"
    )
    entry = _entry(results, f"{GENERAL_CODE}/{BITS}")
    difference = _difference(entry)
    if entry is None or difference is None or difference["high"] is None:
        return _unknown("general_code", rule, "general code was not scored", "inhouse eval")
    base = entry["arms"][_BASE]["value"]
    low, value, high = (difference[key] / base for key in ("low", "value", "high"))
    tokens = int(results[GENERAL_CODE]["next_token_accuracy"]["arms"][_BASE]["bottom"])
    measured = (
        f"bits per byte of general code change by {value:+.2%}, 95% interval {low:+.2%} to {high:+.2%} "
        f"({difference['n']} functions, {tokens:,} tokens)"
    )
    passed: bool | None = high <= settings.general_loss
    if tokens < settings.general_tokens:
        passed = False if low > settings.general_loss else None
        needed = f"{settings.general_tokens:,} tokens are needed"
        measured += f"; {needed}: run `inhouse eval` with the budget demo or full"
    side = "gained" if passed else "lost"
    return GateOutcome("general_code", passed, round(high, 6), rule, measured, tuple(difference[side]))


def _human_eval(results: Results, settings: Gates) -> GateOutcome:
    rule = f"at most {settings.human_eval_points:g} points of HumanEval lost"
    entries = {
        name: entry for name, entry in results.get(_HUMAN_EVAL, {}).items() if name.startswith("pass@1")
    }
    return _points("human_eval", _HUMAN_EVAL, entries, settings.human_eval_points, rule)


def _chat(results: Results, settings: Gates) -> GateOutcome:
    rule = f"turns ended and parsable code fall by at most {settings.chat_points:g} points"
    return _points("chat", _CHAT, results.get(_CHAT, {}), settings.chat_points, rule)


def _points(name: str, suite: str, entries: Mapping[str, Any], allowed: float, rule: str) -> GateOutcome:
    """Return the outcome of a rule on points lost against the base, in the measure that lost most."""
    told = {measure: found for measure, entry in entries.items() if (found := _difference(entry))}
    if not told:
        return _unknown(name, rule, f"{suite} was not run", f"inhouse eval --suite {suite}")
    counted = {measure: found for measure, found in told.items() if entries[measure]["discriminating"]}
    if not counted:
        reasons = "; ".join(f"{measure} is {entries[measure]['reason']}" for measure in told)
        return GateOutcome(name, None, None, rule, f"{suite} gates nothing: {reasons}", (), counts=False)
    measure = min(counted, key=lambda measure: counted[measure]["value"])
    found = counted[measure]
    lost = -100 * found["value"]
    seen = found["detectable"]
    unseen = "no loss of any size could have been seen" if seen is None else (
        f"the smallest loss that could have been seen is {100 * seen:.1f}"
    )  # fmt: skip
    return GateOutcome(
        name, lost <= allowed, round(lost, 4), rule,
        f"{-lost:+.1f} points in {measure} (95% interval {100 * found['low']:+.1f} to "
        f"{100 * found['high']:+.1f}, n={found['n']}; {unseen})",
        tuple(found["lost"]),
    )  # fmt: skip


def _leaks(results: Results, settings: Gates) -> GateOutcome:
    rule = f"nothing found in {', '.join(settings.leaks)} that the base does not show as well"
    entries = _matching(results, settings.leaks)
    found = {name: _new_findings(entry, settings.arm) for name, entry in entries.items()}
    told = {name: new for name, new in found.items() if new is not None}
    if not told:
        suite = settings.leaks[0].partition("/")[0]
        return _unknown("leaks", rule, "leaks were not looked for", f"inhouse eval --suite {suite}")
    total = sum(number for number, _ in told.values())
    samples = [{**sample, "measure": name} for name, (_, some) in told.items() for sample in some]
    where = ", ".join(f"{number} in {name}" for name, (number, _) in told.items() if number)
    looked = (
        f"{sum(entry['arms'][settings.arm]['n'] for name, entry in entries.items() if name in told)} tasks"
    )
    sentence = f"{total} new: {where}" if total else f"nothing new in {looked}"
    return GateOutcome("leaks", not total, float(total), rule, sentence, tuple(samples[:10]))


def _new_findings(entry: Mapping[str, Any], arm: str) -> tuple[int, list[Mapping[str, Any]]] | None:
    """Return in how many tasks an arm shows more than the base, and some of them; None: nobody looked."""
    difference = entry["differences"].get(f"{arm} - {_BASE}")
    if difference is not None:
        return difference["tasks_worse"], difference["lost"]
    if arm in entry["arms"]:
        return int(entry["arms"][arm]["top"] or 0), []
    return None


def _static(results: Results, settings: Gates) -> GateOutcome:
    rule = f"{', '.join(settings.not_worse)}: not surely worse than the base"
    entries = _matching(results, settings.not_worse)
    pair = f"{settings.arm} - {_BASE}"
    told = {
        name: entry["differences"][pair]
        for name, entry in entries.items()
        if entry["discriminating"] and pair in entry["differences"] and entry["differences"][pair]["n"]
    }
    if not told:
        suite = settings.not_worse[0].partition("/")[0]
        return _unknown("static", rule, "generated code was not checked", f"inhouse eval --suite {suite}")
    worse = {name: found for name, found in told.items() if found["better"] == _BASE}
    if worse:
        sentence = "; ".join(
            f"{name} is worse: {_told(found, entries[name]['unit'])}" for name, found in worse.items()
        )
        first = next(iter(worse.values()))
        return GateOutcome("static", False, first["value"], rule, sentence, tuple(first["lost"]))
    blunt = max(told, key=lambda name: told[name]["detectable"] or float("inf"))
    numbers_of = _told(told[blunt], entries[blunt]["unit"])
    sentence = f"not surely worse in any of {len(told)} measures; bluntest is {blunt}: {numbers_of}"
    return GateOutcome("static", True, told[blunt]["value"], rule, sentence, ())


# ------------------------------------------------------------------ reading results


def _entry(results: Results, name: str) -> Mapping[str, Any] | None:
    suite, _, measure = name.partition("/")
    entry: Mapping[str, Any] | None = results.get(suite, {}).get(measure)
    return entry


def _difference(entry: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return tuned minus base, where it has a value."""
    found: Mapping[str, Any] | None = entry["differences"].get(f"{_TUNED} - {_BASE}") if entry else None
    return found if found and found["value"] is not None else None


def _matching(results: Results, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return the measures of the suites, or the single measures, that are named; brackets may be left out."""
    return {
        f"{suite}/{measure}": entry
        for suite, measures in results.items()
        for measure, entry in measures.items()
        if not {suite, f"{suite}/{measure}", f"{suite}/{stem(measure)}"}.isdisjoint(names)
    }


def _told(found: Mapping[str, Any], unit: str) -> str:
    return f"{numbers(found, unit)}; {unseen(found, unit)}"


def _unknown(name: str, rule: str, what: str, command: str) -> GateOutcome:
    return GateOutcome(name, None, None, rule, f"{what}: run `{command}`", ())
