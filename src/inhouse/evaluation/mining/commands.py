"""Tests that are run by a command: C by its build, JavaScript by node, anything by the user's own words.

The whole suite is run twice on the tree. Units that do not pass both times are left out and told apart, the
others are divided over the functions that they execute.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from inhouse.evaluation.mining.plans import ANOTHER_COMMAND, NoCommand, find_plan, users_plan
from inhouse.evaluation.mining.proofs import TIMES
from inhouse.evaluation.mining.reach import COUNTED, WHOLE, Reach, chosen_units, find_reach
from inhouse.evaluation.mining.reports import NETWORK, complaint, marks, unit_ends
from inhouse.evaluation.mining.verify import Trial
from inhouse.evaluation.tasks import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.plans import Plan
    from inhouse.evaluation.mining.verify import Checker
    from inhouse.sandbox import Outcome

__all__ = ["CommandTests", "check_with", "plan_for", "survey_command", "with_targets"]

_MOST_ALONE = 60  # units that are run alone to tell why they fail
_HUNG_STATUS = 124
_BROKEN = "\n#error inhouse asks whether this file is compiled\n"
_TARGETS = re.compile(r"^\.\.\. ([\w.+-]+)", re.M)


@dataclass(frozen=True, slots=True)
class CommandTests:
    """The tests of one language at one revision, those that pass."""

    checker: Checker
    revision: str
    language: str
    plan: Plan
    units: tuple[str, ...]  # that pass; empty where the suite cannot be divided
    reach: Reach
    counts: Mapping[str, int]
    compiled: dict[str, str] = field(default_factory=dict)  # by path: how a change of it is noticed

    def check_for(self, place: Place) -> Check | str:
        """Return the check of a function, or the reason why there is none."""
        units = self.units
        if self.reach.known:
            executing = self.reach.executing(place)
            if not executing:
                return "no test executes it"
            units = tuple(unit for unit in chosen_units(executing, self.language) if unit != WHOLE)
        return self._noticing(check_with(self.plan, self.revision, units), place)

    def _noticing(self, check: Check, place: Place) -> Check | str:
        """Return a check that notices a change of a file: makefiles do not always know what hangs on it."""
        if self.language != "c":
            return check
        if place.path not in self.compiled:
            self.compiled[place.path] = self._how(check, place)
        how = self.compiled[place.path]
        return {"kept": check, "anew": _anew(check)}.get(how, "no test is built from its file")

    def _how(self, check: Check, place: Place) -> str:
        content = place.filled(place.reference) + _BROKEN
        for how, tried in (("kept", check), ("anew", _anew(check))):
            (outcome,) = self.checker.outcomes([Trial(tried, place.path, content, "")], 1)
            if not outcome.ok:
                return how
        return ""


def check_with(plan: Plan, revision: str, units: Sequence[str]) -> Check:
    """Return a check that runs some units, all of them if none are named. It is not yet proved."""
    return Check("command", revision, (), plan.only(units), plan.build, 0, 0.0)


def plan_for(checker: Checker, revision: str, language: str) -> Plan:
    """Return how the tests of a revision run: as the user says, else as its files say. Raises NoCommand."""
    words = checker.settings.test_command
    if words and "pytest" not in " ".join(words):
        return users_plan(words, language)
    programs = {path.name for path in checker.packages.glob(".bin/*")} if checker.packages is not None else ()
    files = checker.trees.tree(revision).files
    return find_plan(language, files, min(30.0, checker.settings.timeout / 4), checker.search, programs)


def survey_command(checker: Checker, revision: str, language: str, plan: Plan, workers: int) -> CommandTests:
    """Run the tests of a revision, twice, then once more to see what they execute.

    Raises NoCommand when nothing passes alike both times.
    """
    built = checker.build(check_with(plan, revision, ()))
    if built is not None and built.hit:
        raise _refusal(plan, built, built)
    first, second = _twice(checker, revision, plan, ())
    units: tuple[str, ...] = ()
    counts = {"passed": marks(_said(first))}
    if plan.divisible:
        plan = with_targets(checker, revision, plan)
        units, counts = _passing(checker, revision, plan, (first, second), workers)
        if units and counts["collected"] > counts["passed"]:
            first, second = _twice(checker, revision, plan, units)
    failed = next((outcome for outcome in (first, second) if not outcome.ok), None)
    if failed is not None:
        raise _refusal(plan, failed, built)
    _must_report_alike(plan, first, second)
    reach = find_reach(checker, revision, plan, units, language) if language in COUNTED else Reach()
    return CommandTests(checker, revision, language, plan, units, reach, counts)


def _twice(checker: Checker, revision: str, plan: Plan, units: Sequence[str]) -> list[Outcome]:
    return checker.outcomes([Trial(check_with(plan, revision, units), "", "", "")] * TIMES, 1)


def _refusal(plan: Plan, failed: Outcome, built: Outcome | None) -> NoCommand:
    """Return the sentence on a command that does not pass, with what it or the build before complained of."""
    why = f"hit its limit of {', '.join(failed.hit)}" if failed.hit else f"status {failed.status}"
    said = complaint("\n".join([built.stderr if built is not None else "", failed.stdout, failed.stderr]))
    return NoCommand(
        f"`{plan.shown}` does not pass in the sandbox ({why}); its words: {said or 'none'}; {ANOTHER_COMMAND}"
    )


def _must_report_alike(plan: Plan, first: Outcome, second: Outcome) -> None:
    counts = sorted((marks(_said(first)), marks(_said(second))))
    if counts[0] != counts[1]:
        raise NoCommand(
            f"`{plan.shown}` reports {counts[0]} passed tests once and {counts[1]} once; {ANOTHER_COMMAND}"
        )


def _said(outcome: Outcome) -> str:
    return outcome.stdout + "\n" + outcome.stderr


def _anew(check: Check) -> Check:
    """Return a check that builds all of the tree for each answer."""
    words = ("sh", "-c", 'sh -c "$0" >/dev/null && exec "$@"', check.source, *check.tests)
    return replace(check, source="", tests=words) if check.source else check


def with_targets(checker: Checker, revision: str, plan: Plan) -> Plan:
    """Return a plan of CMake that knows its tests, and what has to be made for each."""
    if not plan.listing:
        return plan
    check = replace(check_with(plan, revision, ()), tests=("sh", "-c", plan.listing))
    (outcome,) = checker.outcomes([Trial(check, "", "", "")], 1)
    try:
        listed, end = json.JSONDecoder().raw_decode(outcome.stdout)
        programs = {test["name"]: test["command"][0] for test in listed["tests"]}
    except (ValueError, KeyError, IndexError, TypeError):
        return plan
    made = set(_TARGETS.findall(outcome.stdout[end:]))
    names = {unit: program.rpartition("/")[2] for unit, program in programs.items()}
    targets = {unit: name for unit, name in names.items() if name in made}
    return replace(plan, units=tuple(programs), targets=targets)


# ------------------------------------------------------------ units


def _passing(
    checker: Checker, revision: str, plan: Plan, outcomes: Sequence[Outcome], workers: int
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the units that passed both times, and counts of the others by why they did not."""
    first, second = (unit_ends(outcome.stdout) for outcome in outcomes)
    known = plan.reported(first, second)
    passed = [unit for unit in known if first.get(unit) == second.get(unit) == "passed"]
    others = [unit for unit in known if unit not in passed][:_MOST_ALONE]
    ends = dict(zip(others, _alone(checker, revision, plan, others, workers), strict=True))
    cut_short = any(outcome.hit for outcome in outcomes)  # by one unit, at the cost of those behind it
    if cut_short:
        passed = [unit for unit in known if unit in passed or ends.get(unit) == "passed"]
    rest = [unit for unit in others if unit not in passed]
    flaky = [unit for unit in rest if "passed" in (first.get(unit), second.get(unit))]
    why = Counter(end for unit, end in ends.items() if unit in rest and unit not in flaky)
    counts = {
        "collected": len(known),
        "passed": len(passed),
        "failed": sum(why.values()),
        "failed_for_the_network": why["network"],
        "failed_by_hanging": why["hung"],
        "failed_by_output": why["output"],
        "flaky": len(flaky),
    }
    return tuple(passed), counts


def _alone(checker: Checker, revision: str, plan: Plan, units: Sequence[str], workers: int) -> list[str]:
    """Run each unit alone, and tell how it ended: passed, failed, hung, network, output."""
    trials = [Trial(check_with(plan, revision, [unit]), "", "", "") for unit in units]
    return list(map(_end, units, checker.outcomes(trials, workers)))


def _end(unit: str, outcome: Outcome) -> str:
    if "output" in outcome.hit:
        return "output"
    hung = outcome.hit or outcome.status == _HUNG_STATUS
    if hung or unit_ends(outcome.stdout).get(unit) == "hung":
        return "hung"
    if outcome.ok:
        return "passed"
    return "network" if NETWORK.search(_said(outcome)) else "failed"
