"""Runs checks in the sandbox. References, stubs, injected bugs and a model's answers all go through here.

    tree of the check's revision, without .git  +  the answer in its file  +  the check's files  ->  sandbox

Python tests are judged by `inhouse.sandbox.checks`: on the machine that judges, the reference runs once, and
an answer has to do what the reference did there, within time limits calibrated on it. A command is judged by
its status and by the passed tests that it reports, which must be as many as with the reference.

    runner      tests                                       source
    pytest      node ids
    unittest    ids such as tests.test_a.Case.test_b
    program                                                 runs after the first of the check's files
    command     words of the command                        builds the tree, once for all answers
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files as resource_files
from typing import TYPE_CHECKING

from inhouse.errors import CheckFailed
from inhouse.evaluation.mining import building
from inhouse.evaluation.mining.environment import PythonEnvironment, import_roots
from inhouse.evaluation.mining.record import Record, read_record
from inhouse.evaluation.mining.reports import NOT_BUILT, last_words, marks
from inhouse.evaluation.mining.trees import TreeReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inhouse.config import Execution
    from inhouse.evaluation.tasks import Check, Project, Task
    from inhouse.sandbox import Job, Limits, Outcome, Sandbox
    from inhouse.sandbox.checks import Expectation, PythonTests
    from inhouse.sources.git import Repository

    _Key = tuple[Check, str, str]
    _Built = tuple[str, str]

__all__ = [
    "RECORD",
    "Checker",
    "Trial",
    "Verdict",
    "check",
    "inside",
    "record_of",
    "rounded",
]

RECORD = ".inhouse/record.jsonl"
"""Where the recorder writes."""

_RECORDER, _OPTIONS, _PROGRAM = ".inhouse/inhouse_recorder.py", ".inhouse/options.json", ".inhouse/program.py"
_PATHS, _ENTRY = "inhouse_paths.py", "inhouse_entry.py"
_REACHER = ".inhouse/inhouse_reach.py"
_MEMORY_MB, _PROCESSES, _FILE_MB, _DISK_MB = 2_048, 256, 256, 1_024
_LEAST_SECONDS = 1.0  # that a command counts as having taken: starting a compiler varies
_BUILD_FIRST = ("sh", "-c", 'sh -c "$0" >/dev/null 2>&1; exec "$@"')
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
        return not NOT_BUILT.search(output)

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
        self._expected: dict[_Key, Expectation | str] = {}
        self._built: tuple[_Built, Outcome] | None = None  # the last one: archives are large

    @cached_property
    def python(self) -> PythonEnvironment:
        """The environment that Python tests run with."""
        return PythonEnvironment.probe(self.settings.python, self._repository.path)

    @cached_property
    def search(self) -> str | None:
        """Where programs are looked for: first in the environment that the user named, None for as usual."""
        from inhouse.sandbox.whitelist import environment_with

        if self.settings.python is None:
            return None
        return f"{self.python.executable.parent}:{environment_with({})['PATH']}"

    @property
    def packages(self) -> Path | None:
        """The folder of JavaScript packages that the checkout has."""
        folder = self._repository.path / building.PACKAGES
        return folder if folder.is_dir() else None

    # -------------------------------------------------------- judging

    def check(self, task: Task, answer: str) -> Verdict:
        """Judge one answer."""
        return self.check_many([(task, answer)], 1)[0]

    def check_many(self, answers: Sequence[tuple[Task, str]], workers: int) -> list[Verdict]:
        """Judge answers side by side, in their order."""
        return self.run_many([_trial(task, answer) for task, answer in answers], workers)

    def run_many(self, trials: Sequence[Trial], workers: int) -> list[Verdict]:
        """Run trials side by side; the results are in their order."""
        found: dict[int, Verdict] = {}
        with ThreadPoolExecutor(max(1, workers)) as pool:
            for own in _by_build(trials):
                for check in dict.fromkeys(trials[number].check for number in own):
                    self.build(check)
                references = {_key(trials[number]): trials[number] for number in own}
                new = [
                    one
                    for key, one in references.items()
                    if key not in self._expected and _has_reference(one)
                ]
                for trial, expected in zip(new, pool.map(self.expect, new), strict=True):
                    self._expected[_key(trial)] = expected
                found |= zip(own, pool.map(self._run, [trials[number] for number in own]), strict=True)
        return [found[number] for number in range(len(trials))]

    def outcomes(self, trials: Sequence[Trial], workers: int) -> list[Outcome]:
        """Run commands side by side without judging them."""
        results: dict[int, Outcome] = {}
        for own in _by_build(trials):
            self.build(trials[own[0]].check)
            jobs = [self._command_job(trials[number], 0.0) for number in own]
            results |= zip(own, self.sandbox.run_many(jobs, workers), strict=True)
        return [results[number] for number in range(len(trials))]

    def expect(self, trial: Trial) -> Expectation | str:
        """Run a check on its reference: what it did, or the reason why it does not pass."""
        from inhouse.sandbox.checks import expect_python

        check, content = trial.check, _encode(trial.reference)
        if check.runner == "command":
            return self._expect_command(trial)
        tests = self._python_tests(check, trial.path)
        try:
            expected = expect_python(
                self.sandbox, {trial.path: content} if trial.path else {}, tests, self.limits()
            )
        except CheckFailed as failed:
            return last_words(str(failed))
        missing = sorted(set(check.tests) - set(expected.tests)) if check.runner == "pytest" else []
        return f"{missing[0]} does not pass" if missing else expected

    def _expect_command(self, trial: Trial) -> Expectation | str:
        """Run a command on the reference, which must pass as many tests as it did where it was verified."""
        from inhouse.sandbox.checks import Expectation

        job = self._command_job(replace(trial, content=trial.reference), 0.0)
        verdict = _of_command(trial.check, self.sandbox.run_job(job), trial.check.expected)
        if not verdict.passed:
            return verdict.reason
        return Expectation(False, verdict.count, {}, (), verdict.seconds, self.sandbox.isolation)

    def measured(self, check: Check, path: str, reference: str) -> Check:
        """Return a check that knows what its reference did, if it was run here: tests and processor time."""
        expected = self._expected.get(_key(Trial(check, path, "", reference)))
        if expected is None or isinstance(expected, str):
            return check
        count = expected.checks if check.runner == "command" else len(check.tests) or expected.checks
        return replace(check, expected=count, seconds=rounded(expected.cpu_seconds))

    def _run(self, trial: Trial) -> Verdict:
        check = trial.check
        if not _has_reference(trial):
            return _of_command(check, self.sandbox.run_job(self._command_job(trial, check.seconds)), 0)
        expected = self._expected[_key(trial)]
        if isinstance(expected, str):
            return Verdict(False, f"the reference does not pass here: {expected}", None)
        if check.runner == "command":
            job = self._command_job(trial, max(expected.cpu_seconds, _LEAST_SECONDS))
            return _of_command(check, self.sandbox.run_job(job), expected.checks)
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

    # -------------------------------------------------------- commands

    def _command_job(self, trial: Trial, seconds: float) -> Job:
        """Return a run of a command, on the built tree where there is one."""
        check = trial.check
        laid = {trial.path: _encode(trial.content)} if trial.path else {}
        laid |= {file.path: _encode(file.text) for file in check.files}
        built = (
            self._built[1].collected if self._built is not None and self._built[0] == _built(check) else {}
        )
        archive = built.get(building.ARCHIVE)
        if archive is not None:
            return self._job(building.candidate_job(archive, laid, check.tests), seconds)
        tree = self.trees.tree(check.revision)
        words = [*_BUILD_FIRST, check.source, *check.tests] if check.source else check.tests
        limits = 0.0 if check.source else seconds  # they are the tests', and this builds as well
        return self._job(building.fresh_job(tree, laid, words), limits)

    def build(self, check: Check) -> Outcome | None:
        """Read the tree of a check, and build it, before threads ask for either; None if nothing is built."""
        tree = self.trees.tree(check.revision)
        # Without a sandbox each run has a folder of another name, and builds know theirs
        if not check.source or check.runner != "command" or self.sandbox.isolation == "unsafe-local":
            return None
        if self._built is None or self._built[0] != _built(check):
            self._built = None  # archives are large
            laid = building.build_job(tree, check.source)
            self._built = _built(check), self.sandbox.run_job(self._job(laid, 0.0, building.ARCHIVE))
        return self._built[1]

    def reach(self, revision: str, given: bytes) -> tuple[bytes, Outcome]:
        """Run the program that counts which tests execute which functions; see `inside/inhouse_reach.py`."""
        import sys

        tree = self.trees.tree(revision)
        laid = building.reach_job(tree, sys.executable, inside(_REACHER), given)
        outcome = self.sandbox.run_job(self._job(laid, 0.0, building.REACHED))
        return outcome.collected.get(building.REACHED, b""), outcome

    def _job(self, laid: building.Laid, seconds: float, *collect: str) -> Job:
        from inhouse.sandbox import Job

        words, files = laid
        variables = {"PATH": self.search} if self.search else {}
        readable = [] if self.settings.python is None else [*self.python.readable]
        if self.packages is not None:
            variables["INHOUSE_PACKAGES"] = str(self.packages)
            readable.append(self.packages)
        return Job(words, files, readable, self.limits(seconds), variables, collect=collect)

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


def _key(trial: Trial) -> _Key:
    return replace(trial.check, expected=0, seconds=0.0), trial.path, trial.reference


def _built(check: Check) -> _Built:
    return (check.revision, check.source) if check.runner == "command" else ("", "")


def _has_reference(trial: Trial) -> bool:
    """Tell whether the reference says what is expected: commands of the user's own tasks have no tree."""
    return trial.check.runner != "command" or bool(trial.check.revision)


def _by_build(trials: Sequence[Trial]) -> list[list[int]]:
    """Return the numbers of the trials, those of one built tree together."""
    groups: dict[_Built, list[int]] = {}
    for number, trial in enumerate(trials):
        groups.setdefault(_built(trial.check), []).append(number)
    return list(groups.values())


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _of_command(check: Check, outcome: Outcome, expected: int) -> Verdict:
    expected = max(expected, check.expected)
    count = marks(outcome.stdout + "\n" + outcome.stderr)
    if outcome.ok and count >= expected:
        return Verdict(True, "", outcome, count=count)
    if outcome.hit:
        reason = f"hit its limit of {', '.join(outcome.hit)}"
    elif outcome.ok:
        reason = f"reports {count} of {expected} passed tests"
    else:
        reason = f"status {outcome.status}: {last_words(outcome.stderr or outcome.stdout)}"
    return Verdict(False, reason, outcome, count=count)


def rounded(seconds: float) -> float:
    """Round a time up to a power of five: the same task then nearly always has the same bytes.

    >>> [rounded(seconds) for seconds in (0.03, 0.7, 1.2, 30)]
    [1.0, 1.0, 5.0, 125.0]
    """
    step = 1.0
    while step < seconds:
        step *= 5
    return step
