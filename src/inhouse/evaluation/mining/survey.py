"""A Python project's tests: which there are, which pass in the sandbox, and what each of them executes.

The suite is collected once, then run once in parts of whole files, each with its own time limit: a test that
hangs the interpreter costs its part and no more. Finished parts survive a kill.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.datasets.items import evenly
from inhouse.evaluation.mining.environment import ANOTHER_PYTHON
from inhouse.evaluation.mining.record import Record, read_record
from inhouse.evaluation.mining.reports import NETWORK, last_words
from inhouse.evaluation.mining.verify import RECORD, record_of
from inhouse.evaluation.tasks import Check
from inhouse.shards import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.record import TestRun
    from inhouse.evaluation.mining.verify import Checker
    from inhouse.progress import Progress
    from inhouse.sandbox import Outcome

__all__ = ["MOST_TESTS", "Survey", "check_of", "survey"]

MOST_TESTS = 12
"""Tests of one task: mostly those that execute the least besides."""

_NARROW = 8

_PARTS = 8
_SECONDS_PER_TEST = 30.0
_HUNG = "the test took too long"


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a project's tests at one revision."""

    revision: str
    runner: str  # pytest or unittest
    tests: Mapping[str, TestRun] = field(default_factory=dict)
    functions: Mapping[tuple[str, int], Sequence[str]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""  # one sentence when nothing passed

    def check_for(self, place: Place) -> Check | str:
        """Return the check of a function: its tests that pass, or the reason why there is none."""
        executing = self.functions.get((place.path, place.line), ())
        passing = [self.tests[test] for test in executing if self.tests[test].outcome == "passed"]
        if not passing:
            return "its tests do not pass in the sandbox" if executing else "no test executes it"
        ordered = [test.id for test in sorted(passing, key=lambda test: (test.width, test.id))]
        chosen = ordered[:_NARROW] + evenly(ordered[_NARROW:], MOST_TESTS - _NARROW)
        return check_of(self.runner, self.revision, chosen)


def check_of(runner: str, revision: str, tests: Sequence[str], seconds: float = 0.0) -> Check:
    """Return a check that is met when all of some tests pass."""
    ids = tuple(sorted(tests))
    return Check(runner, revision, (), ids, "", len(ids), seconds)


def survey(checker: Checker, revision: str, folder: Path, workers: int, progress: Progress) -> Survey:
    """Collect and run the tests of a revision. The parts are kept in `folder` as `survey-NN.json`."""
    files = checker.trees.tree(revision).files
    runner = "pytest" if checker.python.pytest else "unittest"
    if runner == "unittest" and not any(b"unittest" in data for path, data in files.items() if _is_py(path)):
        return Survey(revision, runner, problem=_no_pytest(checker))
    collected, outcome = _collected(checker, files, runner, folder)
    if not collected.collected:
        return Survey(revision, runner, problem=_nothing(checker, runner, collected, outcome))
    records = _run_parts(checker, files, runner, collected, folder, workers, progress)
    merged = _merge(revision, runner, collected, records)
    if merged.counts["passed"]:
        return merged
    example = next((test.why for test in merged.tests.values() if test.why), "")
    return Survey(
        revision, runner, counts=merged.counts, problem=_all_failed(checker, runner, merged, example)
    )


def _collected(
    checker: Checker, files: Mapping[str, bytes], runner: str, folder: Path
) -> tuple[Record, Outcome | None]:
    path = folder / "collected.json"
    if path.exists():
        return _read(path), None
    job = checker.test_job(files, runner, (), {"collect": True})
    outcome = checker.sandbox.run_job(job)
    if record_of(outcome).collected:
        _write(path, outcome)
    return record_of(outcome), outcome


def _run_parts(
    checker: Checker,
    files: Mapping[str, bytes],
    runner: str,
    collected: Record,
    folder: Path,
    workers: int,
    progress: Progress,
) -> list[Record]:
    parts = _parts(checker, runner, collected)
    options = {"trace": True, "seconds": min(_SECONDS_PER_TEST, checker.settings.timeout / 4)}
    paths = [folder / f"survey-{number:02d}.json" for number in range(len(parts))]
    todo = [number for number, path in enumerate(paths) if not path.exists()]
    jobs = (checker.test_job(files, runner, parts[number].words, options) for number in todo)
    with progress.task("run the test suite", sum(part.tests for part in parts), "tests") as bar:
        bar.skip(sum(part.tests for number, part in enumerate(parts) if number not in todo))
        for number, outcome in zip(todo, checker.sandbox.run_many(jobs, workers), strict=True):
            _write(paths[number], outcome)
            bar.advance(parts[number].tests)
    return [_read(path) for path in paths]


def _write(path: Path, outcome: Outcome) -> None:
    write_json(path, outcome.collected.get(RECORD, b"").decode("utf-8", "replace"))


def _read(path: Path) -> Record:
    return read_record(json.loads(path.read_text(encoding="utf-8")).encode())


@dataclass(frozen=True, slots=True)
class _Part:
    words: tuple[str, ...]  # paths, or ids for unittest
    tests: int


def _parts(checker: Checker, runner: str, collected: Record) -> list[_Part]:
    """Divide the tests by whole files into parts of about equal size; with the user's own options, one."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for test, path in collected.collected:
        by_file[path].append(test)
    if checker.pytest_options:  # they may name what to run already
        return [_Part((), len(collected.collected))]
    parts = [_Part((), 0) for _ in range(min(_PARTS, len(by_file)))]
    for path in sorted(by_file, key=lambda path: (-len(by_file[path]), path)):
        least = min(range(len(parts)), key=lambda number: parts[number].tests)
        words = (path,) if runner == "pytest" else tuple(by_file[path])
        parts[least] = _Part(parts[least].words + words, parts[least].tests + len(by_file[path]))
    return parts


def _merge(revision: str, runner: str, collected: Record, records: Sequence[Record]) -> Survey:
    tests: dict[str, TestRun] = {}
    functions: dict[tuple[str, int], list[str]] = defaultdict(list)
    for record in records:
        tests |= record.tests
        for place, executing in record.functions.items():
            functions[place] += executing
    outcomes = Counter(test.outcome for test in tests.values())
    failed = [test.why for test in tests.values() if test.outcome == "failed"]
    counts = {
        "collected": len(collected.collected),
        "files_not_collected": len(collected.broken),
        **{outcome: outcomes[outcome] for outcome in ("passed", "failed", "skipped")},
        "failed_for_the_network": sum(bool(NETWORK.search(why)) for why in failed),
        "failed_by_hanging": sum(_HUNG in why for why in failed),
        "killed_with_their_part": len(collected.collected) - len(tests),
    }
    return Survey(revision, runner, tests, dict(functions), counts)


def _is_py(path: str) -> bool:
    return path.endswith(".py")


def _no_pytest(checker: Checker) -> str:
    return f"pytest is missing in {checker.python.executable}, and no test uses unittest; {ANOTHER_PYTHON}"


def _nothing(checker: Checker, runner: str, collected: Record, outcome: Outcome | None) -> str:
    command = " ".join(checker.python_command(runner, {}))
    said = collected.broken[0][1] if collected.broken else ""
    if outcome is not None:
        said = said or outcome.stderr or outcome.stdout
    return f"`{command}` found no test; its last words: {last_words(said, 3) or 'none'}; {ANOTHER_PYTHON}"


def _all_failed(checker: Checker, runner: str, merged: Survey, example: str) -> str:
    command = " ".join(checker.python_command(runner, {}))
    return (
        f"none of {merged.counts['collected']} tests passed in the sandbox with `{command}`; "
        f"one of them says: {last_words(example, 2) or 'nothing'}; {ANOTHER_PYTHON}"
    )
