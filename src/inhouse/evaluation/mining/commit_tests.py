"""The tests of a commit, run before and after its change: pytest and unittest, and commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.datasets.items import evenly
from inhouse.evaluation.mining.commands import check_with, plan_for, with_targets
from inhouse.evaluation.mining.commits import Asked, why_not
from inhouse.evaluation.mining.plans import NoCommand
from inhouse.evaluation.mining.proofs import TIMES
from inhouse.evaluation.mining.reports import marks, unit_ends
from inhouse.evaluation.mining.survey import check_of
from inhouse.evaluation.mining.verify import Trial, record_of
from inhouse.languages import detect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.evaluation.mining.commits import Candidate
    from inhouse.evaluation.mining.plans import Plan
    from inhouse.evaluation.mining.workbench import Workbench
    from inhouse.sandbox import Job, Outcome

__all__ = ["CommandCommits", "PythonCommits"]

_MOST_TESTS = 40  # that failed before
_MOST_KEPT = 10  # that passed before already, and must go on to pass
_MOST_UNITS = 4  # of C; each is linked for every answer


@dataclass(frozen=True, slots=True)
class PythonCommits:
    """Tests with ids."""

    runner: str  # pytest or unittest

    def ask(self, bench: Workbench, candidate: Candidate) -> Asked | str:
        """Compare the tests that pass in the commit's tree and in the parent's with the commit's tests."""
        checker = bench.checker
        after, before = checker.trees.tree(candidate.commit), checker.trees.tree(candidate.parent)
        laid = {path: after.files[path] for path in candidate.tests if path in after.files}
        words = [path for path in laid if detect(path) == "python"]
        if not words:
            return "its tests were skipped: large files"
        trees = (dict(after.files), before.with_files(laid))
        jobs = [self._job(bench, files, words) for files in trees] * TIMES
        passed = [record_of(outcome).passed() for outcome in checker.sandbox.run_many(jobs, bench.workers)]
        asked, kept, reason = _compared(passed[::2], passed[1::2])
        if not asked:
            return reason
        asked = asked[:_MOST_TESTS]
        check = check_of(self.runner, candidate.commit, [*asked, *evenly(kept, _MOST_KEPT)])
        return Asked(check, len(asked), "at the parent with the commit's tests")

    def _job(self, bench: Workbench, files: Mapping[str, bytes], tests: Sequence[str]) -> Job:
        options = {"seconds": min(30.0, bench.checker.settings.timeout / 4)}
        words = list(tests) if self.runner == "pytest" else [_module(path) for path in tests]
        return bench.checker.test_job(files, self.runner, words, options)


@dataclass(frozen=True, slots=True)
class CommandCommits:
    """Tests of C and JavaScript. Each revision is built as its own files say."""

    language: str

    def ask(self, bench: Workbench, candidate: Candidate) -> Asked | str:
        """Compare the units that pass with the commit's source file and with the parent's."""
        checker, place = bench.checker, candidate.place
        before = checker.trees.tree(candidate.parent).files.get(place.path)
        if before is None:
            return "its source file was skipped: large, or a link"
        try:
            plan = plan_for(checker, candidate.commit, self.language)
        except NoCommand as error:
            return f"its tests do not run: {error}"
        plan = with_targets(checker, candidate.commit, plan)
        units = _written(plan, candidate.tests)
        if plan.kind == "node" and not units:
            return "changes no test that node runs"
        check = check_with(plan, candidate.commit, units)
        old = before.decode("utf-8", "replace")
        contents = [place.filled(place.reference), old] * TIMES
        trials = [Trial(check, place.path, content, "") for content in contents]
        outcomes = checker.outcomes(trials, bench.workers)
        enough = min(map(_count, outcomes[::2]))
        asked, kept, reason = _compared(
            *([_passed(plan, outcome, enough) for outcome in own] for own in (outcomes[::2], outcomes[1::2]))
        )
        if not asked:
            return reason
        asked = asked[:_MOST_UNITS]
        chosen = [*asked, *evenly(kept, _MOST_UNITS - len(asked))] if plan.divisible else []
        check = check_with(plan, candidate.commit, chosen)
        where = f"at the commit with the parent's {place.path}"
        more = enough - max(map(_count, outcomes[1::2]))
        return Asked(check, max(len(asked), more), where, before=old)


def _compared(after: Sequence[set[str]], before: Sequence[set[str]]) -> tuple[list[str], list[str], str]:
    """Return the tests that a change asks for, those that passed before too, and why there are none.

    Each argument holds what passed in two runs.
    """
    now, earlier = after[0] & after[1], before[0] | before[1]
    flaky = (after[0] ^ after[1]) | (before[0] ^ before[1])
    asked = sorted(now - earlier - flaky)
    return asked, sorted((now & earlier) - flaky), "" if asked else why_not(now, flaky, earlier)


def _passed(plan: Plan, outcome: Outcome, enough: int) -> set[str]:
    """Return the units that passed; a suite that cannot be divided is one, and has to report enough tests."""
    if not plan.divisible:
        return {plan.shown} if outcome.ok and _count(outcome) >= enough else set()
    ends = unit_ends(outcome.stdout)
    return {unit for unit in plan.reported(ends) if ends.get(unit) == "passed"}


def _count(outcome: Outcome) -> int:
    return marks(outcome.stdout + "\n" + outcome.stderr)


def _written(plan: Plan, tests: Sequence[str]) -> list[str]:
    """Return the units that a commit wrote, known by the names of its test files; none: it cannot be told."""
    if plan.kind == "node":
        return [unit for unit in plan.units if unit in tests]
    stems = {PurePosixPath(path).stem for path in tests}
    return [unit for unit in plan.units if {PurePosixPath(unit).stem, plan.targets.get(unit)} & stems]


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")
