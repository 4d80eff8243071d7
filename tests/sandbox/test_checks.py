"""No candidate passes without solving the task, and every candidate that solves it passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inhouse.errors import CheckFailed, UserMistake
from inhouse.sandbox import Limits, Sandbox
from inhouse.sandbox.checks import Expectation, PythonTests, Verdict, check_python, expect_python

REFERENCE = "def add(a, b):\n    return a + b\n"
PROGRAM = """
def check(candidate):
    assert candidate(1, 2) == 3
    assert candidate("a", "b") == "ab"
    assert candidate([1], [2]) == [1, 2]
    assert candidate(-5, 5) == 0
check(add)
"""
# compares objects of the candidate's own class, which cannot be done from another process
SHARED_REFERENCE = REFERENCE + "class Box:\n    def __init__(self, x):\n        self.x = x\n"
SHARED_PROGRAM = PROGRAM + "assert isinstance(Box(1), Box)\nassert Box(add(1, 1)).x == 2\n"
TEST_FILE = b"""
import unittest
import pytest
from candidate import add

def test_numbers():
    assert add(1, 2) == 3
    assert add(-5, 5) == 0

@pytest.mark.parametrize("word", ["a", "b"])
def test_words(word):
    assert add(word, "x") == word + "x"

class Case(unittest.TestCase):
    def test_lists(self):
        self.assertEqual(add([1], [2]), [1, 2])
"""
GAMES = {
    "apart": (REFERENCE, PythonTests(program=PROGRAM)),
    "together": (SHARED_REFERENCE, PythonTests(program=SHARED_PROGRAM)),
    "pytest": (
        REFERENCE,
        PythonTests(nodes=["tests/test_add.py"], protected={"tests/test_add.py": TEST_FILE}),
    ),
}
_WRONG = "def add(a, b):\n    return None\nclass Box:\n    def __init__(self, x):\n        self.x = x\n"

CHEATS = {
    "does nothing": "",
    "is wrong": _WRONG,
    "is not Python": "def add(a, b:\n",
    "says that it passed": "print('passed', 'OK', '1 passed in 0.01s')\n" + _WRONG,
    "leaves while it is read": "import sys\nsys.exit(0)\n",
    "leaves for good while it is read": "import os\nos._exit(0)\n",
    "leaves when it is called": "import sys\ndef add(a, b):\n    sys.exit(0)\n",
    "leaves for good when it is called": "import os\ndef add(a, b):\n    os._exit(0)\n",
    "leaves by an exception of its own": "class Done(BaseException): pass\ndef add(a, b):\n    raise Done\n",
    "leaves by a signal": "import os, signal\ndef add(a, b):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
    "leaves in another thread": (
        "import os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(.01), os._exit(0))).start()\n" + _WRONG
    ),
    "leaves at the end": "import atexit, os\natexit.register(lambda: os._exit(0))\n" + _WRONG,
    "replaces itself by another program": "import os\nos.execvp('true', ['true'])\n",
    "writes what it thinks is the result": (
        "import json, os\n"
        "said = {'error': '', 'checks': 99, 'tests': {}, 'problems': [], 'word': '', 'passed': True}\n"
        "said = json.dumps(said)\n"
        "for name in ('result.json', 'junit.xml', '/tmp/result.json', '/work/.report.json'):\n"
        "    open(name, 'w').write(said)\n"
        "for h in range(1, 64):\n"
        "    try: os.write(h, said.encode())\n"
        "    except OSError: pass\n" + _WRONG
    ),
    "speaks on every handle": (
        "import json, os\n"
        "def frame(m):\n    t = json.dumps(m).encode()\n    return len(t).to_bytes(4, 'big') + t\n"
        "claim = {'error': '', 'checks': 99, 'tests': {}, 'problems': []}\n"
        "for h in range(3, 64):\n"
        "    for m in (['ready', None], ['done', claim], ['proof', '00' * 32]):\n"
        "        try: os.write(h, frame(m))\n"
        "        except OSError: break\n" + _WRONG
    ),
    "equals everything": (
        "class Any:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n"
        "    __hash__ = None\n" + _WRONG.replace("None", "Any()", 1)
    ),
    "is a number that equals everything": (
        "class Any(int):\n    def __eq__(self, other): return True\n" + _WRONG.replace("None", "Any(7)", 1)
    ),
    "is a list that equals everything": (
        "class Any(list):\n    def __eq__(self, other): return True\n" + _WRONG.replace("None", "Any([9])", 1)
    ),
    "disarms AssertionError": (
        "import builtins\nclass Quiet(Exception): pass\nbuiltins.AssertionError = Quiet\n" + _WRONG
    ),
    "replaces built-in functions": (
        "import builtins\nbuiltins.exec = builtins.compile = lambda *a, **k: None\n"
        "builtins.len = builtins.all = lambda *a: True\n" + _WRONG
    ),
    "replaces unittest's methods": (
        "import unittest\nfor n in dir(unittest.TestCase):\n"
        "    if n.startswith('assert'): setattr(unittest.TestCase, n, lambda *a, **k: None)\n" + _WRONG
    ),
    "replaces pytest's runner": (
        "try:\n    import _pytest.runner, _pytest.python\n"
        "    _pytest.python.Function.runtest = lambda self: None\n"
        "    _pytest.runner.check_interactive_exception = lambda *a: False\n"
        "except ImportError: pass\n" + _WRONG
    ),
    "replaces pytest's reports": (
        "try:\n    import _pytest.reports\n"
        "    _pytest.reports.TestReport.outcome = property(lambda s: 'passed', lambda s, v: None)\n"
        "except ImportError: pass\n" + _WRONG
    ),
    "registers a plugin of its own": (
        "import sys\nclass Evil:\n"
        "    def pytest_pyfunc_call(self, pyfuncitem): return True\n"
        "for f in sys.meta_path:\n"
        "    c = getattr(f, 'config', None)\n"
        "    if c is not None: c.pluginmanager.register(Evil())\n" + _WRONG
    ),
    "skips the tests": "import pytest\npytest.skip('later', allow_module_level=True)\n",
    "skips when it is called": "def add(a, b):\n    import pytest\n    pytest.skip('later')\n",
    "expects to fail": "def add(a, b):\n    import pytest\n    pytest.xfail('later')\n",
    "stops the clock": (
        "import time\ntime.time = time.perf_counter = time.monotonic = lambda: 0.0\n" + _WRONG
    ),
    "never ends": "while True: pass\n",
    "never answers": "def add(a, b):\n    while True: pass\n",
    "floods the output": "while True: print('x' * 10000)\n",
    "looks for its caller's frames": (
        "import sys\ndef add(a, b):\n"
        "    f = sys._getframe()\n"
        "    while f:\n"
        "        for n, v in list(f.f_globals.items()) + list(f.f_locals.items()):\n"
        "            if n in ('passed', 'checks', 'outcome', 'tests', 'error'):\n"
        "                try: f.f_globals[n] = 99\n"
        "                except Exception: pass\n"
        "        f = f.f_back\n    return None\n" + _WRONG.partition("\n")[2].partition("\n")[2]
    ),
    "looks for the expected values": (
        "import gc\ndef add(a, b):\n"
        "    for o in gc.get_objects():\n"
        "        if isinstance(o, dict) and '__inhouse_count__' in o:\n"
        "            for n in range(99): o['__inhouse_count__']()\n    return None\n"
        + _WRONG.partition("\n")[2].partition("\n")[2]
    ),
    "sets trace functions": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\n"
    + _WRONG,
    "kills the referee": (
        "import os, signal\ntry: os.kill(os.getppid(), signal.SIGKILL)\nexcept OSError: pass\n" + _WRONG
    ),
    "writes to the referee": (
        "import os\nfor n in range(64):\n"
        "    try: open(f'/proc/{os.getppid()}/fd/{n}', 'w').write('{\"error\": \"\"}')\n"
        "    except OSError: pass\n" + _WRONG
    ),
    "makes the referee's memory its own": (
        "import os\ntry: open(f'/proc/{os.getppid()}/mem', 'r+b').read(1)\nexcept OSError: pass\n" + _WRONG
    ),
}
_IN_PYTEST = {"registers a plugin of its own", "skips the tests", "expects to fail"}
_IN_ONE_INTERPRETER = {
    "disarms AssertionError",
    "looks for its caller's frames",
    "looks for the expected values",
    "sets trace functions",
    "stops the clock",
}
TRIED = [
    (cheat, game)
    for cheat in CHEATS
    for game in (
        ["pytest"]
        if cheat in _IN_PYTEST or "pytest" in cheat
        else ["together", "pytest"]
        if cheat in _IN_ONE_INTERPRETER or cheat.startswith("replaces")
        else ["apart", "together"]
        if "equals everything" in cheat
        else ["apart", "pytest"]
    )
]
STEERING = {
    "conftest.py": b"def pytest_pyfunc_call(pyfuncitem): return True\n",
    "tests/conftest.py": b"import pytest\n@pytest.hookimpl(hookwrapper=True)\n"
    b"def pytest_runtest_makereport(item, call):\n    out = yield\n    out.get_result().outcome = 'passed'\n",
    "pytest.ini": b"[pytest]\naddopts = --co -p evil\n",
    "pyproject.toml": b"[tool.pytest.ini_options]\naddopts = '--deselect tests/test_add.py'\n",
    "sitecustomize.py": b"import os; os._exit(0)\n",
    "tests/test_add.py": b"def test_numbers(): pass\n",
    "pytest.py": b"def main(*a, **k): return 0\n",
    "evil.py": b"def pytest_pyfunc_call(pyfuncitem): return True\n",
    "json.py": b"def loads(*a): return {}\ndef dumps(*a, **k): return '{}'\n",
    "random.py": b"seed = lambda *a: None\n",
}
LIMITS = Limits(wall_s=20, cpu_s=6)


@pytest.fixture(scope="module")
def expected() -> Any:
    learnt: dict[tuple[str, str], Expectation] = {}

    def of(sandbox: Sandbox, game: str) -> Expectation:
        key = sandbox.isolation, game
        if key not in learnt:
            reference, tests = GAMES[game]
            learnt[key] = expect_python(sandbox, {"candidate.py": reference.encode()}, tests)
        return learnt[key]

    return of


def _check(
    sandbox: Sandbox, game: str, source: str, expected: Any, limits: Limits = LIMITS, **more: bytes
) -> Verdict:
    files = {"candidate.py": source.encode(), **more}
    return check_python(sandbox, files, GAMES[game][1], expected(sandbox, game), limits)


@pytest.mark.parametrize("game", GAMES)
def test_the_reference_passes_and_what_it_did_is_learnt(sandbox: Sandbox, game: str, expected: Any) -> None:
    learnt = expected(sandbox, game)
    assert learnt.apart == (game == "apart")
    assert learnt.isolation == sandbox.isolation
    assert learnt.checks == {"apart": 4, "together": 6, "pytest": 0}[game]
    if game == "pytest":
        assert learnt.tests == {
            "tests/test_add.py::test_numbers": 2,
            "tests/test_add.py::test_words[a]": 1,
            "tests/test_add.py::test_words[b]": 1,
            "tests/test_add.py::Case::test_lists": 0,
        }
    verdict = _check(sandbox, game, GAMES[game][0], expected)
    assert verdict.passed and verdict.reason == ""


@pytest.mark.parametrize("game", GAMES)
def test_another_right_solution_passes(sandbox: Sandbox, game: str, expected: Any) -> None:
    source = (
        "import collections, functools, operator\nprint('hello')\n"
        "Pair = collections.namedtuple('Pair', 'a b')\n"
        "@functools.lru_cache\ndef helper(n): return n\n"
        "def add(a, b):\n    pair = Pair(a, b)\n    return operator.add(*pair)\n"
        "class Box:\n    def __init__(self, x): self.x = x\n"
        "if __name__ == '__main__': raise SystemExit('not when it is tested')\n"
    )
    verdict = _check(sandbox, game, source, expected)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("cheat", "game"), TRIED)
def test_cheating_does_not_pass(strongest: Sandbox, game: str, cheat: str, expected: Any) -> None:
    """At one level: what these do does not touch the isolation."""
    sandbox = strongest
    limits = replace(LIMITS, cpu_s=1) if cheat.startswith("never") else LIMITS
    verdict = _check(sandbox, game, CHEATS[cheat], expected, limits)
    assert not verdict.passed
    assert verdict.reason


@pytest.mark.parametrize("cheat", [name for name in CHEATS if "referee" in name])
def test_the_referee_is_out_of_reach(sandbox: Sandbox, cheat: str, expected: Any) -> None:
    verdict = _check(sandbox, "apart", CHEATS[cheat], expected)
    assert not verdict.passed and verdict.reason


def test_files_that_steer_the_runner_are_left_out(sandbox: Sandbox, expected: Any) -> None:
    verdict = _check(sandbox, "pytest", _WRONG, expected, **STEERING)
    assert not verdict.passed
    assert {"conftest.py", "tests/conftest.py", "pytest.ini", "sitecustomize.py"} <= set(verdict.ignored)
    assert set(verdict.tests.values()) == {"failed"}
    honest = _check(sandbox, "pytest", REFERENCE, expected, **STEERING)
    assert honest.passed, honest


def test_each_test_is_reported(sandbox: Sandbox, expected: Any) -> None:
    source = "def add(a, b):\n    return a + b if isinstance(a, int) else 1 / 0\n"
    verdict = _check(sandbox, "pytest", source, expected)
    assert verdict.tests == {
        "tests/test_add.py::test_numbers": "passed",
        "tests/test_add.py::test_words[a]": "failed",
        "tests/test_add.py::test_words[b]": "failed",
        "tests/test_add.py::Case::test_lists": "failed",
    }


def test_apart_the_candidate_never_sees_the_tests(sandbox: Sandbox, expected: Any) -> None:
    spy = (
        "import gc, os, sys\nseen = []\n"
        "for name in os.listdir('.'):\n"
        "    if os.path.isfile(name): seen.append(open(name, errors='ignore').read())\n"
        "def add(a, b):\n"
        "    held = [o for o in gc.get_objects() if isinstance(o, (list, dict, tuple))]\n"
        "    inner = [t for o in held for t in (o.values() if isinstance(o, dict) else o)]\n"
        "    texts = [t for t in inner if isinstance(t, str)]\n"
        "    wanted = ''.join(['candidate(', '-5, 5)'])\n"
        "    found = any(wanted in t for t in texts + seen)\n"
        "    print('FOUND' if found else 'nothing')\n"
        "    return a + b\n"
    )
    verdict = _check(sandbox, "apart", spy, expected)
    assert verdict.passed
    assert "nothing" in verdict.outcome.stderr and "FOUND" not in verdict.outcome.stderr


def test_values_cross_whole_and_arguments_changed_in_place_come_back(sandbox: Sandbox) -> None:
    reference = {
        "candidate.py": b"""
import collections, math
LIMIT = 10**40
def same(x): return x
def sort(items, key=None): items.sort(key=key); return None
def grow(d): d['x'] = [1]
def stream(n): yield from range(n)
def fail(kind): raise {'v': ValueError, 'k': KeyError}[kind]('no')
def count(words): return collections.Counter(words)
class Node:
    def __init__(self, v): self.v = v
    def get(self): return self.v
def total(nodes): return sum(node.v for node in nodes)
"""
    }
    program = """
for value in [None, True, 0, -1, 10**50, 1.5, float('inf'), -0.0, 2j, 'a\\ud800\\n', b'\\x00\\xff', (1, (2,)),
              [1, [2]], {1: {2: 3}}, {1, 2}, frozenset({3}), {(1, 2): [None]}, [], {}]:
    assert same(value) == value and type(same(value)) is type(value)
assert math.isnan(same(float('nan')))
assert LIMIT == 10**40
items = [3, 1, 2]
assert sort(items) is None
assert items == [1, 2, 3]
d = {}
grow(d)
assert d == {'x': [1]}
assert list(stream(3)) == [0, 1, 2]
assert count('aab') == {'a': 2, 'b': 1}
assert Node(5).get() == 5 and Node(6).v == 6
assert total([Node(1), Node(2)]) == 3
for kind, error in (('v', ValueError), ('k', KeyError)):
    try:
        fail(kind)
    except error:
        pass
    else:
        assert False
"""
    learnt = expect_python(sandbox, reference, PythonTests(program=program))
    assert learnt.apart
    assert learnt.checks == 19 + 9


def test_tests_that_cannot_tell_are_refused(sandbox: Sandbox) -> None:
    reference = {"candidate.py": REFERENCE.encode()}
    with pytest.raises(CheckFailed, match="no assertion was made"):
        expect_python(sandbox, reference, PythonTests(program="add(1, 2)"))
    with pytest.raises(CheckFailed, match="does not pass them"):
        expect_python(sandbox, reference, PythonTests(program="assert add(1, 2) == 4"))
    with pytest.raises(UserMistake):
        PythonTests()


def test_an_assertion_that_the_candidate_makes_the_tests_skip_counts_against_it(sandbox: Sandbox) -> None:
    """Tests that catch everything hide what a candidate raises; the count does not."""
    program = "for n in range(3):\n    try: assert add(n, 1) == n + 1\n    except Exception: pass\n"
    tests = PythonTests(program=program)
    learnt = expect_python(sandbox, {"candidate.py": REFERENCE.encode()}, tests)
    assert learnt.checks == 3
    verdict = check_python(sandbox, {"candidate.py": _WRONG.encode()}, tests, learnt)
    assert not verdict.passed and verdict.reason == "0 assertions held where the reference had 3"


def test_the_level_is_in_every_verdict(unsafe: Sandbox) -> None:
    tests = PythonTests(program="assert add(1, 2) == 3")
    files = {"candidate.py": REFERENCE.encode()}
    learnt = expect_python(unsafe, files, tests)
    assert check_python(unsafe, files, tests, learnt).outcome.isolation == learnt.isolation == "unsafe-local"
