"""A plugin for pytest, and a runner for unittest: which tests there are, how they end, what they execute.

    python -m pytest -p inhouse_recorder ...        with this folder on PYTHONPATH
    python inhouse_recorder.py [--collect] [IDS]    unittest

What is seen is appended to `record.jsonl` beside this file, line by line, so that a run that is killed has
told what it had seen. `options.json` beside it may say {"trace": true, "seconds": 20}.

    {"start": ID}                                   a test begins
    {"test": ID, "outcome": ..., "seconds": ..., "why": ..., "functions": [0, 3], "width": 12}
    {"function": 3, "path": "src/a.py", "line": 7}  a function is executed by a test for the first time
    {"broken": PATH, "why": ...}                    a file could not be collected
    {"collected": [[ID, PATH], ...]}
    {"done": STATUS}
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["Recorder"]

_HERE = Path(__file__).resolve().parent
_MOST_TESTS = 200  # of one function: common ones are executed by thousands
_MOST_WORDS = 600  # of a failure, its last ones


class _Hung(BaseException):
    """A test took too long. Not an Exception: code under test must not swallow it."""


class Recorder:
    """Writes the record."""

    def __init__(self) -> None:
        options = _HERE / "options.json"
        given = json.loads(options.read_text()) if options.exists() else {}
        self.collect_only = bool(given.get("collect"))
        self._tracing = bool(given.get("trace"))
        self._seconds = float(given.get("seconds", 0))
        self._root = str(_HERE.parent) + os.sep
        self._own = str(_HERE) + os.sep
        self._output = os.open(_HERE / "record.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._numbers: dict[CodeType, int] = {}
        self._tests_of: dict[CodeType, int] = {}
        self._seen: set[CodeType] = set()
        self._before: Any = None
        self._started = 0.0
        self._pid = os.getpid()

    def write(self, **row: Any) -> None:
        """Append one line in one step."""
        if os.getpid() == self._pid:  # a child of a test has inherited this recorder
            os.write(self._output, (json.dumps(row) + "\n").encode())

    def begin(self, test: str) -> None:
        """Note that a test begins."""
        self.write(start=test)
        self._started = time.monotonic()
        if self._seconds:
            signal.signal(signal.SIGALRM, _raise_hung)
            signal.setitimer(signal.ITIMER_REAL, self._seconds, 1.0)
        if self._tracing:
            self._seen = set()
            self._before = sys.gettrace()
            threading.settrace(self._trace)
            sys.settrace(self._trace)

    def end(self, test: str, outcome: str, why: str) -> None:
        """Note how a test ended, and which functions it executed."""
        if self._tracing:
            sys.settrace(self._before)
            threading.settrace(self._before)
        if self._seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
        functions = self._functions()
        self.write(
            test=test,
            outcome=outcome,
            seconds=round(time.monotonic() - self._started, 4),
            why=why[-_MOST_WORDS:],
            functions=functions,
            width=len(self._seen),
        )

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            self._seen.add(frame.f_code)

    def _functions(self) -> list[int]:
        self._seen = {code for code in self._seen if self._is_ours(code)}
        found = []
        for code in self._seen:
            self._tests_of[code] = self._tests_of.get(code, 0) + 1
            if self._tests_of[code] <= _MOST_TESTS:
                found.append(self._number(code))
        return sorted(found)

    def _is_ours(self, code: CodeType) -> bool:
        path = code.co_filename
        named = not code.co_name.startswith("<")
        return named and path.startswith(self._root) and not path.startswith(self._own)

    def _number(self, code: CodeType) -> int:
        if code not in self._numbers:
            self._numbers[code] = len(self._numbers)
            path = code.co_filename.removeprefix(self._root)
            self.write(function=self._numbers[code], path=path, line=code.co_firstlineno)
        return self._numbers[code]


def _raise_hung(_signal: int, _frame: FrameType | None) -> None:
    raise _Hung("the test took too long")


# ------------------------------------------------------------ pytest

_recorder: Recorder | None = None
_outcomes: dict[str, tuple[str, str]] = {}


def pytest_configure(config: Any) -> None:  # noqa: ARG001
    global _recorder
    _recorder = Recorder()


def pytest_collectreport(report: Any) -> None:
    if _recorder is not None and report.failed:
        _recorder.write(broken=report.nodeid, why=str(report.longrepr)[-_MOST_WORDS:])


def pytest_collection_finish(session: Any) -> None:
    if _recorder is not None and _recorder.collect_only:
        _recorder.write(collected=[[item.nodeid, item.nodeid.partition("::")[0]] for item in session.items])


def pytest_runtest_logstart(nodeid: str) -> None:
    _outcomes.pop(nodeid, None)
    if _recorder is not None:
        _recorder.begin(nodeid)


def pytest_runtest_logreport(report: Any) -> None:
    known, _ = _outcomes.get(report.nodeid, ("", ""))
    if report.failed:
        _outcomes[report.nodeid] = ("failed", str(report.longrepr))
    elif report.skipped and known != "failed":
        _outcomes[report.nodeid] = ("skipped", "")
    elif report.when == "call" and not known:
        _outcomes[report.nodeid] = ("passed", "")


def pytest_runtest_logfinish(nodeid: str) -> None:
    if _recorder is not None:
        _recorder.end(nodeid, *_outcomes.pop(nodeid, ("failed", "no report")))


def pytest_sessionfinish(exitstatus: int) -> None:
    if _recorder is not None:
        _recorder.write(done=int(exitstatus))


# ------------------------------------------------------------ unittest


def _unittest_main(words: list[str]) -> None:
    import unittest

    recorder = Recorder()
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(words) if words else loader.discover(".", top_level_dir=".")
    for error in loader.errors:
        recorder.write(broken="", why=str(error)[-_MOST_WORDS:])
    tests = [test for test in _flat(suite) if type(test).__module__ != "unittest.loader"]
    if recorder.collect_only:
        recorder.write(collected=[[test.id(), _path_of(test)] for test in tests])
        recorder.write(done=0)
        return
    result = unittest.TextTestRunner(resultclass=_result_class(recorder)).run(unittest.TestSuite(tests))
    recorder.write(done=0 if result.wasSuccessful() else 1)


def _result_class(recorder: Recorder) -> Any:
    import unittest

    class Result(unittest.TextTestResult):
        """Tells the recorder."""

        ended: tuple[str, str] = ("passed", "")

        def startTest(self, test: Any) -> None:  # noqa: N802
            super().startTest(test)
            self.ended = ("passed", "")
            recorder.begin(test.id())

        def stopTest(self, test: Any) -> None:  # noqa: N802
            recorder.end(test.id(), *self.ended)
            super().stopTest(test)

        def addError(self, test: Any, err: Any) -> None:  # noqa: N802
            super().addError(test, err)
            self.ended = ("failed", repr(err[1]))

        def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
            super().addFailure(test, err)
            self.ended = ("failed", repr(err[1]))

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
            super().addSubTest(test, subtest, err)
            if err is not None:
                self.ended = ("failed", repr(err[1]))

        def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
            super().addSkip(test, reason)
            self.ended = ("skipped", reason)

    return Result


def _flat(suite: Any) -> list[Any]:
    try:
        return [test for part in suite for test in _flat(part)]
    except TypeError:
        return [suite]


def _path_of(test: Any) -> str:
    module = sys.modules.get(type(test).__module__)
    path = getattr(module, "__file__", None) or ""
    return os.path.relpath(path, _HERE.parent) if path else ""


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    _unittest_main(sys.argv[1:])
