"""What the recorder inside of the sandbox has written: see `inside/inhouse_recorder.py`."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Record", "TestRun", "read_record"]


@dataclass(frozen=True, slots=True)
class TestRun:
    """How one test ended."""

    __test__ = False  # for pytest, which would take it for a test by its name

    id: str
    outcome: str  # passed, failed, skipped
    seconds: float
    why: str
    width: int  # functions of the project that it executed


@dataclass(frozen=True, slots=True)
class Record:
    """One run of a test suite."""

    tests: dict[str, TestRun] = field(default_factory=dict)
    functions: dict[tuple[str, int], list[str]] = field(default_factory=dict)  # (path, line): tests
    broken: list[tuple[str, str]] = field(default_factory=list)  # files that could not be collected, and why
    collected: list[tuple[str, str]] = field(default_factory=list)  # (test, path)
    unfinished: str = ""  # the test in which the run was killed
    done: bool = False

    def passed(self) -> set[str]:
        """Return the tests that passed."""
        return {test.id for test in self.tests.values() if test.outcome == "passed"}


def read_record(data: bytes) -> Record:
    """Read a record; half a line at its end, and lines that something else wrote, are left out."""
    tests: dict[str, TestRun] = {}
    places: dict[int, tuple[str, int]] = {}
    executed: dict[int, list[str]] = defaultdict(list)
    broken: list[tuple[str, str]] = []
    collected: list[tuple[str, str]] = []
    started, done = "", False
    for row in _rows(data):
        if "start" in row:
            started = row["start"]
        elif "test" in row:
            tests[row["test"]] = TestRun(
                row["test"], row["outcome"], row["seconds"], row["why"], row["width"]
            )
            started = ""
            for number in row["functions"]:
                executed[number].append(row["test"])
        elif "function" in row:
            places[row["function"]] = (row["path"], row["line"])
        elif "broken" in row:
            broken.append((row["broken"], row["why"]))
        elif "collected" in row:
            collected += [(test, path) for test, path in row["collected"]]
        elif "done" in row:
            done = True
    functions = {places[number]: executed[number] for number in sorted(executed) if number in places}
    return Record(tests, functions, broken, collected, started, done)


def _rows(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row
