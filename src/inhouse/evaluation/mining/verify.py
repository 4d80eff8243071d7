"""Runs checks in the sandbox. References, stubs, injected bugs and a model's answers all go through here.

    tree of the check's revision, without .git  +  the answer in its file  +  the check's files  ->  sandbox

Python tests are judged by `inhouse.sandbox.checks`: on the machine that judges, the reference runs once, and
an answer has to do what the reference did there, within time limits calibrated on it. A command is judged by
its status and by the passed tests that it reports.

    runner      tests                                       source
    pytest      node ids
    unittest    ids such as tests.test_a.Case.test_b
    program                                                 runs after the first of the check's files
    command     words of the command
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files as resource_files
from typing import TYPE_CHECKING

from inhouse.errors import CheckFailed
from inhouse.evaluation.mining.environment import PythonEnvironment, import_roots
from inhouse.evaluation.mining.record import Record, read_record
from inhouse.evaluation.mining.trees import TreeReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.config import Execution
    from inhouse.evaluation.tasks import Check, Project, Task
    from inhouse.sandbox import Job, Limits, Outcome, Sandbox
    from inhouse.sandbox.checks import Expectation, PythonTests
    from inhouse.sources.git import Repository

__all__ = [
    "RECORD",
    "Checker",
    "Trial",
    "Verdict",
    "check",
    "inside",
    "last_words",
    "marks",
    "record_of",
    "rounded",
]

RECORD = ".inhouse/record.jsonl"
"""Where the recorder writes."""

_RECORDER, _OPTIONS, _PROGRAM = ".inhouse/inhouse_recorder.py", ".inhouse/options.json", ".inhouse/program.py"
_PATHS, _ENTRY = "inhouse_paths.py", "inhouse_entry.py"
_MEMORY_MB, _PROCESSES, _FILE_MB, _DISK_MB = 2_048, 256, 256, 1_024
_SUMMARIES = (
    re.compile(r"^[#\u2139] pass (\d+)\s*$", re.M),  # node
    re.compile(r"^\d+% tests passed, \d+ tests failed out of (\d+)", re.M),  # ctest; all of them, or it fails
)
_NOT_BUILT = re.compile(r"^\S+:\d+:(?:\d+:)? (?:fatal )?error: |^(?:\w+: )?SyntaxError: ", re.M)
_MARK = re.compile(r"\b(?:ok|pass|passed)\b|[✓✔]", re.I)
_NO_MARK = re.compile(r"\bnot ok\b|\bfail", re.I)
_UNITTEST = """\
import candidate  # not there where the candidate's code must not run
import unittest
result = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromNames({tests!r}).run(result)
broken = [f"{{test}}: {{why.strip().splitlines()[-1]}}" for test, why in result.failures + result.errors]
assert broken == []
assert result.testsRun - len(result.skipped) == {count}
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One check with one content of a file; a path "" lays out nothing. `reference` is known to pass."""

    check: Check
    path: str
    content: str
    reference: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What running a check gave."""

    passed: bool
    reason: str  # why not, in a few words; "" when it passed
    outcome: Outcome | None  # None where the reference itself did not pass, and nothing was run
    tests: Mapping[str, str] = field(
        default_factory=dict
    )  # pytest: node id to passed, failed, error, skipped
    count: int = 0  # of a command: passed tests that it reports

    @property
    def built(self) -> bool:
        """Whether no compiler complained: a stub that does not compile says nothing of the tests."""
        output = self.outcome.stdout + "\n" + self.outcome.stderr if self.outcome is not None else ""
        return not _NOT_BUILT.search(output)

    @property
    def seconds(self) -> float:
        """Processor time."""
        return self.outcome.cpu_seconds if self.outcome is not None else 0.0


def check(project: Project | Sandbox, repository: Repository, task: Task, answer: str) -> Verdict:
    """Lay out the task's tree with an answer in it and run the task's check.

    `project` gives the settings that name the interpreter; a bare sandbox runs with the one that runs this.
    Judging many answers of a repository is faster with one `Checker`.
    """
    from inhouse.config import Execution
    from inhouse.sandbox import Sandbox

    if isinstance(project, Sandbox):
        return Checker(project, repository, Execution()).check(task, answer)
    return Checker(project.sandbox(), repository, project.settings.execution).check(task, answer)


class Checker:
    """Runs checks of one repository. What references did is remembered as long as it lives."""

    def __init__(self, sandbox: Sandbox, repository: Repository, settings: Execution) -> None:
        self.sandbox = sandbox
        self.settings = settings
        self.trees = TreeReader(repository)
        self._repository = repository
        self._expected: dict[tuple[Check, str, str], Expectation | str] = {}

    @cached_property
    def python(self) -> PythonEnvironment:
        """The environment that Python tests run with."""
        return PythonEnvironment.probe(self.settings.python, self._repository.path)

    # -------------------------------------------------------- judging

    def check(self, task: Task, answer: str) -> Verdict:
        """Judge one answer."""
        return self.check_many([(task, answer)], 1)[0]

    def check_many(self, answers: Sequence[tuple[Task, str]], workers: int) -> list[Verdict]:
        """Judge answers side by side, in their order."""
        return self.run_many([_trial(task, answer) for task, answer in answers], workers)

    def run_many(self, trials: Sequence[Trial], workers: int) -> list[Verdict]:
        """Run trials side by side; the results are in their order."""
        for revision in dict.fromkeys(trial.check.revision for trial in trials):
            self.trees.tree(revision)  # read before the threads ask for it
        references = {_key(trial): trial for trial in trials if trial.check.runner != "command"}
        new = [trial for key, trial in references.items() if key not in self._expected]
        with ThreadPoolExecutor(max(1, workers)) as pool:
            for trial, expected in zip(new, pool.map(self.expect, new), strict=True):
                self._expected[_key(trial)] = expected
            return list(pool.map(self._run, trials))

    def expect(self, trial: Trial) -> Expectation | str:
        """Run a Python check on its reference: what it did, or the reason why it does not pass."""
        from inhouse.sandbox.checks import expect_python

        check, content = trial.check, _encode(trial.reference)
        tests = self._python_tests(check, trial.path)
        try:
            expected = expect_python(
                self.sandbox, {trial.path: content} if trial.path else {}, tests, self.limits()
            )
        except CheckFailed as failed:
            return last_words(str(failed))
        missing = sorted(set(check.tests) - set(expected.tests)) if check.runner == "pytest" else []
        return f"{missing[0]} does not pass" if missing else expected

    def measured(self, check: Check, path: str, reference: str) -> Check:
        """Return a check that knows what its reference did, if it was run here: tests and processor time."""
        expected = self._expected.get((check, path, reference))
        if expected is None or isinstance(expected, str):
            return check
        count = len(check.tests) or expected.checks
        return replace(check, expected=count, seconds=rounded(expected.cpu_seconds))

    def _run(self, trial: Trial) -> Verdict:
        check = trial.check
        if check.runner == "command":
            return _of_command(check, self.sandbox.run_job(self._command_job(trial)))
        expected = self._expected[_key(trial)]
        if isinstance(expected, str):
            return Verdict(False, f"the reference does not pass here: {expected}", None)
        from inhouse.sandbox.checks import check_python

        files = {trial.path: _encode(trial.content)} if trial.path else {}
        tests = self._python_tests(check, trial.path)
        found = check_python(self.sandbox, files, tests, expected, self.limits(expected.cpu_seconds))
        return Verdict(found.passed, last_words(found.reason), found.outcome, found.tests)

    def _python_tests(self, check: Check, path: str) -> PythonTests:
        from inhouse.sandbox.checks import PythonTests

        laid = {file.path: _encode(file.text) for file in check.files}
        files = self.trees.tree(check.revision).with_files(laid)
        files.pop(path, None)
        protected = {**files, _PATHS: _paths_module(import_roots([*files, path]))}
        program, entry = "", path
        nodes: tuple[str, ...] = ()
        plugins: tuple[str, ...] = ()
        if check.runner == "pytest":
            nodes = (*self.pytest_options, *check.tests)
            plugins = (_PATHS.removesuffix(".py"), *self.plugins(files))
        elif check.runner == "unittest":
            protected[_ENTRY] = f"import {_PATHS.removesuffix('.py')}\n".encode()
            program, entry = _UNITTEST.format(tests=list(check.tests), count=len(check.tests)), _ENTRY
        else:
            program, entry = check.source, check.files[0].path if check.files else path
        return PythonTests(
            program=program,
            nodes=nodes,
            protected=protected,
            plugins=plugins,
            entry=entry,
            readable=self.python.readable,
            python=str(self.python.executable),
        )

    def _command_job(self, trial: Trial) -> Job:
        from inhouse.sandbox import Job

        laid = {trial.path: _encode(trial.content)} if trial.path else {}
        laid |= {file.path: _encode(file.text) for file in trial.check.files}
        files = self.trees.tree(trial.check.revision).with_files(laid)
        return Job(command=trial.check.tests, files=files, limits=self.limits(trial.check.seconds))

    # -------------------------------------------------------- running without judging

    def test_job(
        self,
        files: Mapping[str, bytes],
        runner: str,
        words: Sequence[str],
        options: Mapping[str, object],
    ) -> Job:
        """Return a run of tests with the recorder beside them. `words` are paths or ids, none for all."""
        command = [*self.python_command(runner, files), *words]
        if options.get("collect") and runner == "pytest":
            command.append("--collect-only")
        beside = {_RECORDER: inside(_RECORDER), _OPTIONS: json.dumps(options).encode()}
        return self._python_job(
            {**files, **beside}, command, (RECORD,), {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        )

    def program_job(
        self, files: Mapping[str, bytes], source: str, collect: Sequence[str], variables: Mapping[str, str]
    ) -> Job:
        """Return a run of a Python program among files."""
        command = [str(self.python.executable), _PROGRAM]
        return self._python_job({**files, _PROGRAM: _encode(source)}, command, collect, variables)

    def _python_job(
        self,
        files: Mapping[str, bytes],
        command: Sequence[str],
        collect: Sequence[str],
        variables: Mapping[str, str],
    ) -> Job:
        from inhouse.sandbox import Job

        # without a sandbox there is no /work; a relative path then serves all but programs that go elsewhere
        work = "." if self.sandbox.isolation == "unsafe-local" else "/work"
        path = ":".join(f"{work}/{root}".rstrip("/") for root in (".inhouse", *import_roots(files)))
        return Job(
            command=command,
            files=files,
            readable=self.python.readable,
            limits=self.limits(),
            environment={"PYTHONPATH": path, **variables},
            collect=collect,
        )

    def python_command(self, runner: str, files: Mapping[str, bytes]) -> list[str]:
        """Return the command to which tests are appended."""
        executable = str(self.python.executable)
        if runner == "unittest":
            return [executable, _RECORDER]
        plugins = [word for name in self.plugins(files) for word in ("-p", name)]
        base = [executable, "-m", "pytest", "-q", *plugins, *self.pytest_options]
        return [*base, "-p", "inhouse_recorder", "-p", "no:cacheprovider", "--tb=short"]

    @property
    def pytest_options(self) -> tuple[str, ...]:
        """What the user's own command gives to pytest: the words behind its name."""
        words = self.settings.test_command or ()
        place = next((number for number, word in enumerate(words) if word.endswith("pytest")), len(words))
        return tuple(words[place + 1 :])

    def plugins(self, files: Mapping[str, bytes]) -> list[str]:
        """Return the plugins of pytest that a project names in its configuration; no others are loaded."""
        return self.python.plugins_named_in(files)

    def limits(self, seconds: float = 0.0) -> Limits:
        """Return the limits of a run whose reference took `seconds`; 0 when that is not known yet."""
        from inhouse.sandbox import Limits, calibrated

        wide = Limits(
            wall_s=self.settings.timeout,
            cpu_s=self.settings.timeout,
            memory_mb=_MEMORY_MB,
            processes=_PROCESSES,
            file_mb=_FILE_MB,
            disk_mb=_DISK_MB,
        )
        return calibrated(seconds, wide) if seconds > 0 else wide


def inside(path: str) -> bytes:
    """Return one of the programs that are laid beside a project's files."""
    return resource_files(__package__).joinpath("inside", path.rpartition("/")[2]).read_bytes()


def record_of(outcome: Outcome) -> Record:
    """Return what the recorder wrote in a run of tests."""
    return read_record(outcome.collected.get(RECORD, b""))


def _paths_module(roots: Sequence[str]) -> bytes:
    """Return a module that lets tests, and the programs that they start, import the project."""
    return (
        "import os, sys\n"
        f"paths = [os.path.join(os.getcwd(), root).rstrip(os.sep) for root in {list(roots)!r}]\n"
        "sys.path[:0] = paths\n"
        'os.environ["PYTHONPATH"] = os.pathsep.join(paths)\n'
    ).encode()


def _trial(task: Task, answer: str) -> Trial:
    content, reference = (task.prefix + text + task.suffix for text in (answer, task.reference))
    return Trial(task.check, task.path, content, reference)


def _key(trial: Trial) -> tuple[Check, str, str]:
    return trial.check, trial.path, trial.reference


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _of_command(check: Check, outcome: Outcome) -> Verdict:
    count = marks(outcome.stdout + "\n" + outcome.stderr)
    if outcome.ok and count >= check.expected:
        return Verdict(True, "", outcome, count=count)
    if outcome.hit:
        reason = f"hit its limit of {', '.join(outcome.hit)}"
    elif outcome.ok:
        reason = f"reports {count} of {check.expected} passed tests"
    else:
        reason = f"status {outcome.status}: {last_words(outcome.stderr or outcome.stdout)}"
    return Verdict(False, reason, outcome, count=count)


def marks(output: str) -> int:
    """Count the passed tests that a runner reported: by its summary, else by its lines that say so.

    >>> marks("ok 1 - adds\\nnot ok 2 - takes away\\n# pass 1\\n")
    1
    >>> marks("test_add ... ok\\ntest_sub: PASSED\\n1 test failed\\n")
    2
    """
    for summary in _SUMMARIES:
        found = summary.findall(output)
        if found:
            return sum(map(int, found))
    return sum(bool(_MARK.search(line)) and not _NO_MARK.search(line) for line in output.splitlines())


def last_words(text: str, lines: int = 1, most: int = 300) -> str:
    """Return the last lines of an output that say something, on one line."""
    spoken = [line.strip() for line in text.splitlines() if line.strip(" =-_")]
    return " | ".join(spoken[-lines:])[-most:]


def rounded(seconds: float) -> float:
    """Round a time up to a power of five: the same task then nearly always has the same bytes.

    >>> [rounded(seconds) for seconds in (0.03, 0.7, 1.2, 30)]
    [1.0, 1.0, 5.0, 125.0]
    """
    step = 1.0
    while step < seconds:
        step *= 5
    return step
