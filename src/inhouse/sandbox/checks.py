"""Scores candidate Python code with tests, so that printing a verdict or ending early does not pass.

The verdict comes from a process inside the sandbox that never runs candidate code (`inside.referee`). Where
the tests call functions with plain values, as HumanEval's and MBPP's do, the tests run in that process too,
and the candidate can pass only by returning the right values. Where they need to share an interpreter with
the candidate, the claim is checked against what the reference solution did on this machine: which tests
passed, how many assertions held, what of the interpreter was touched. docs/sandbox.md says what each way
guarantees.
"""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from inhouse.errors import CheckFailed, UserMistake
from inhouse.sandbox.limits import Limits, calibrated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.sandbox.box import Sandbox
    from inhouse.sandbox.limits import Outcome

__all__ = ["Expectation", "PythonTests", "Verdict", "check_python", "expect_python"]

_INSIDE = Path(__file__).with_name("inside")
_START = """
import sys, types
for name in ("inhouse", "inhouse.sandbox", "inhouse.sandbox.inside"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sys.argv[2]]  # of which only the last is looked into
from inhouse.sandbox.inside.referee import main
main()
"""
_STEERING = frozenset(
    [
        *("conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg"),
        *("pyproject.toml", "sitecustomize.py", "usercustomize.py", "pytest.py", "pluggy.py", "unittest.py"),
    ]
)
_PASSED = "passed"


@dataclass(frozen=True, slots=True)
class PythonTests:
    """The tests of one task."""

    program: str = ""
    """Source that runs after the candidate and sees its names, as in HumanEval and MBPP. Never on disk."""

    nodes: Sequence[str] = ()
    """Or: pytest node ids, relative to `/work`; unittest cases count. The candidate can read these files."""

    protected: Mapping[str, bytes] = field(default_factory=dict)
    """Files that the candidate may not decide: tests, conftest.py, configuration. They replace the
    candidate's, and of such files only these are used."""

    plugins: Sequence[str] = ()
    """pytest plugins that the tests need; none is loaded by itself."""

    entry: str = "candidate.py"
    """The candidate's file whose names `program` sees."""

    readable: Sequence[Path] = ()
    """More to see inside, such as a virtual environment."""

    python: str = sys.executable
    """The interpreter, which must have pytest for `nodes`."""

    def __post_init__(self) -> None:
        """Refuse tests that test nothing. Raises UserMistake."""
        if bool(self.program) == bool(self.nodes):
            raise UserMistake(
                "tests are either a program or pytest node ids", "both" if self.nodes else "neither"
            )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the reference solution did with the tests on this machine; made by `expect_python`."""

    apart: bool
    """Whether tests and candidate run in different processes."""

    checks: int
    """Assertions that held in the program."""

    tests: Mapping[str, int]
    """pytest: assertions that held in each test that passed."""

    problems: tuple[str, ...]
    """What the reference itself touches of the interpreter, and is therefore allowed."""

    cpu_seconds: float
    """Processor time that it took."""

    isolation: str
    """The level at which this was learnt."""

    @property
    def limits(self) -> Limits:
        """Return the limits with the time calibrated on the reference."""
        return calibrated(self.cpu_seconds)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a candidate passed, and why not."""

    passed: bool
    reason: str
    """Empty if it passed. May hold the candidate's words: print it through `for_terminal`."""

    outcome: Outcome
    tests: Mapping[str, str]
    """pytest: node id to passed, failed, error or skipped."""

    ignored: tuple[str, ...] = ()
    """Files of the candidate that were left out because they steer the test runner."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the referee reported."""

    error: str
    checks: int
    tests: Mapping[str, tuple[str, int]]
    problems: tuple[str, ...]


def expect_python(
    sandbox: Sandbox, reference: Mapping[str, bytes], tests: PythonTests, limits: Limits | None = None
) -> Expectation:
    """Run the tests on the reference solution and return what to expect of candidates.

    A program is tried with the candidate in a process of its own first; where the reference does not pass
    like that (its tests compare objects of its own, say), both share an interpreter. Raises CheckFailed when
    the reference does not pass or no assertion is ever made: such tests cannot score anything.
    """
    complaint = ""
    for game in ("apart", "together") if tests.program else ("pytest",):
        claim, outcome = _play(sandbox, game, reference, tests, None, limits or Limits(wall_s=60, cpu_s=60))
        complaint = _refusal(claim, outcome)
        passed = (
            {name: checks for name, (state, checks) in claim.tests.items() if state == _PASSED}
            if claim
            else {}
        )
        if not complaint and claim and (claim.checks or passed):
            apart = game == "apart"
            cpu = max(outcome.cpu_seconds, 0.001)
            return Expectation(apart, claim.checks, passed, claim.problems, cpu, sandbox.isolation)
    why = complaint or "no assertion was made"
    raise CheckFailed(f"the tests cannot score: the reference solution does not pass them ({why})")


def check_python(
    sandbox: Sandbox,
    candidate: Mapping[str, bytes],
    tests: PythonTests,
    expected: Expectation,
    limits: Limits | None = None,
) -> Verdict:
    """Run the tests on a candidate and say whether it passed.

    It passes if the tests raise nothing, no limit is hit, every test that passed on the reference passes with
    at least as many assertions held, and nothing of the interpreter is touched that the reference leaves
    alone. limits: of the run; by default with the time calibrated on the reference.
    """
    game = "pytest" if tests.nodes else "apart" if expected.apart else "together"
    claim, outcome = _play(sandbox, game, candidate, tests, expected, limits or expected.limits)
    reason = _refusal(claim, outcome) or (_shortfall(claim, expected) if claim else "")
    states = {name: state for name, (state, _) in claim.tests.items()} if claim else {}
    return Verdict(not reason, reason, outcome, states, tuple(_steering(candidate, tests)))


def _play(
    sandbox: Sandbox,
    game: str,
    files: Mapping[str, bytes],
    tests: PythonTests,
    expected: Expectation | None,
    limits: Limits,
) -> tuple[_Claim | None, Outcome]:
    word = secrets.token_hex(32)
    open_part = {
        "game": game,
        "entry": tests.entry,
        "allowed": None if expected is None else list(expected.problems),
    }
    words = [word for plugin in tests.plugins for word in ("-p", plugin)]
    secret = {
        "program": tests.program or [*words, *tests.nodes],
        "key": secrets.token_hex(32),
        "word": word,
    }
    steering = _steering(files, tests)
    outcome = sandbox.run(
        [tests.python, "-I", "-B", "-c", _START, json.dumps(open_part), str(_INSIDE)],
        files={name: content for name, content in files.items() if name not in steering}
        | dict(tests.protected),
        readable=[_INSIDE, *tests.readable],
        limits=limits,
        stdin=json.dumps(secret).encode(),
    )
    return _claim(outcome.stdout, word), outcome


def _claim(text: str, word: str) -> _Claim | None:
    """Return what the referee wrote, or None when it did not come to that."""
    try:
        said: dict[str, Any] = json.loads(text)
        if said["word"] != word:
            return None
        tests = {str(name): (str(state), int(checks)) for name, (state, checks) in said["tests"].items()}
        problems = tuple(str(problem) for problem in said["problems"])
        return _Claim(str(said["error"]), int(said["checks"]), tests, problems)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _refusal(claim: _Claim | None, outcome: Outcome) -> str:
    if outcome.hit:
        return f"hit its limit of {', '.join(outcome.hit)}"
    if claim is None or outcome.status != 0:
        return f"ended without a verdict, with status {outcome.status}"
    return claim.error


def _shortfall(claim: _Claim, expected: Expectation) -> str:
    touched = sorted(set(claim.problems) - set(expected.problems))
    if touched:
        return f"touched the interpreter: {', '.join(touched[:5])}"
    if claim.checks < expected.checks:
        return f"{claim.checks} assertions held where the reference had {expected.checks}"
    for name, checks in expected.tests.items():
        state, held = claim.tests.get(name, ("not run", 0))
        if state != _PASSED:
            return f"{name}: {state}"
        if held < checks:
            return f"{name}: {held} assertions held where the reference had {checks}"
    return ""


def _steering(files: Mapping[str, bytes], tests: PythonTests) -> list[str]:
    """Return the candidate's files that would steer Python or pytest and are not the task's own."""
    return sorted(
        name
        for name in files
        if (PurePosixPath(name).name in _STEERING or name.endswith(".pth")) and name not in tests.protected
    )
