"""The parts of mining that need no sandbox: trees, gaps, mutations, records, inputs."""

from __future__ import annotations

import ast
import doctest
import json
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.material import Material
from inhouse.evaluation.mining import environment, verify
from inhouse.evaluation.mining.environment import PythonEnvironment, import_roots
from inhouse.evaluation.mining.equivalence import looks_pure
from inhouse.evaluation.mining.material import Known, find_fresh
from inhouse.evaluation.mining.mutations import RULES, mutations
from inhouse.evaluation.mining.places import Place, distinct, find_places, is_nothing, unsuitable
from inhouse.evaluation.mining.proofs import prove
from inhouse.evaluation.mining.record import read_record
from inhouse.evaluation.mining.reports import last_words
from inhouse.evaluation.mining.trees import LARGEST_FILE, export
from inhouse.evaluation.mining.verify import Trial, Verdict
from inhouse.evaluation.tasks import Check
from inhouse.sandbox import Outcome
from inhouse.sources.git import Repository
from tests.evaluation.mining.shop import prepare
from tests.gitrepo import DAY, FIRST_DATE, GitRepo


def _place(text: str, name: str = "f", path: str = "a.py", language: str = "python") -> Place:
    return next(place for place in find_places(path, text, language) if place.name == name)


@pytest.mark.parametrize("module", [environment, verify])
def test_the_examples_are_true(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


# ------------------------------------------------------------ trees


def test_a_tree_holds_no_git_no_link_out_of_it_and_no_large_file(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.write("src/a.py", "a = 1\n")
    repo.write("large.bin", b"\0" * (LARGEST_FILE + 1))
    repo.symlink("inside.py", "src/a.py")
    repo.symlink("folder", "src")
    repo.symlink("chain.py", "inside.py")
    repo.symlink("absolute", "/etc/passwd")
    repo.symlink("upwards", "../../secret")
    repo.symlink("loop", "loop")
    repo.symlink("src/itself", "../src")
    repo.submodule("sub")
    repo.commit("All")
    tree = export(Repository.open(repo.path), repo.tip)
    assert dict(tree.files) == {
        "src/a.py": b"a = 1\n",
        "inside.py": b"a = 1\n",
        "chain.py": b"a = 1\n",
        "folder/a.py": b"a = 1\n",
    }
    assert dict(tree.skipped) == {"large file": 1, "link out of the tree": 4, "submodule": 1}
    assert tree.folders == {"sub"}
    assert tree.executable == set()


# ------------------------------------------------------------ gaps


@given(
    st.lists(st.sampled_from(["def f():\n    return 1\n", "x = 'ü'\n", "class A:\n    def g(self): pass\n"]))
)
def test_prefix_reference_and_suffix_are_always_the_file(parts: list[str]) -> None:
    text = "".join(parts)
    for place in find_places("a.py", text, "python"):
        assert place.filled(place.reference) == text


def test_only_functions_of_a_module_or_a_class_are_places() -> None:
    text = "class A:\n    def g(self):\n        def inner():\n            return 1\n        return inner\n"
    assert [place.name for place in find_places("a.py", text, "python")] == ["A.g"]


def test_a_file_whose_offsets_would_not_fit_gives_no_place() -> None:
    assert list(find_places("a.py", "def f():\r\n    return 12345678901234567890\r\n", "python")) == []


def test_a_name_that_is_defined_twice_is_nobodys() -> None:
    places = list(find_places("a.py", "def f():\n    return 1\n\ndef f():\n    return 2\n", "python"))
    assert len(places) == 2
    assert distinct(places) == []


@pytest.mark.parametrize(
    "body",
    ["    pass", "    ...", "    raise NotImplementedError('later')", "    # to do\n    return None", ""],
)
def test_bodies_with_nothing_in_them_are_no_tasks(body: str) -> None:
    assert is_nothing(body)


def test_a_body_that_is_too_long_for_a_small_model_is_none() -> None:
    text = "def f():\n" + "".join(f"    value_{number} = {number} * 3\n" for number in range(200))
    assert unsuitable(_place(text)) == "longer than a small model writes"


@pytest.mark.parametrize(
    ("text", "stubs"),
    [
        (
            "class A:\n    def f(self):\n        return self.x\n",
            ["        pass", "        raise NotImplementedError"],
        ),
        ("def f(x): return x + 1\n", [" pass", " raise NotImplementedError"]),
    ],
)
def test_a_stub_stands_where_the_body_stood(text: str, stubs: list[str]) -> None:
    place = next(iter(find_places("a.py", text, "python")))
    assert place.stubs() == stubs
    for stub in stubs:
        ast.parse(place.filled(stub))


def test_a_stub_in_c_gives_back_what_the_function_promises() -> None:
    void = _place("static void f(int a)\n{\n    g(a);\n    h(a);\n}\n", path="a.c", language="c")
    number = _place("int f(int a)\n{\n    return a + 1;\n}\n", path="a.c", language="c")
    assert void.stubs() == ["    __builtin_trap();\n}", "    return ;\n}"]
    assert number.stubs() == ["    __builtin_trap();\n}", "    return 0;\n}"]


# ------------------------------------------------------------ mutations

_MUTATED = """\
def f(values, limit=10):
    if not values:
        return None
    total = 0
    for value in values:
        if value < limit and value is not None:
            record(value, total)
            total += value - 3
    return max(total, 1)
"""


def test_each_rule_changes_one_place_and_python_still_parses_it() -> None:
    place = _place(_MUTATED)
    found = mutations(place)
    assert {mutation.rule for mutation in found} == set(RULES)
    for mutation in found:
        ast.parse(place.filled(mutation.body))
        assert mutation.body != place.reference
    changes = {(mutation.rule, mutation.was, mutation.now) for mutation in found}
    assert ("comparison", "<", "<=") in changes
    assert ("comparison", "is not", "is") in changes
    assert ("operator", "and", "or") in changes
    assert ("condition", "not values", "values") in changes
    assert ("number", "3", "4") in changes
    assert ("arguments", "value, total", "total, value") in changes
    assert ("call", "record(value, total)", "pass") in changes
    assert ("return", "return max(total, 1)", "return None") in changes


def test_nothing_outside_of_the_body_is_mutated() -> None:
    place = _place("LIMIT = 3\n\n\ndef f(a=1):\n    return LIMIT + a + LIMIT\n\n\nOTHER = 1 + 2\n")
    assert {mutation.was for mutation in mutations(place)} == {"+", "return LIMIT + a + LIMIT"} - {
        "return LIMIT + a + LIMIT"  # what is left of the body would be nothing
    }


@pytest.mark.parametrize(
    ("path", "language", "text", "expected"),
    [
        (
            "a.c",
            "c",
            "int f(int a, int b)\n{\n    if (a < b)\n        g(a, b);\n    return a && b;\n}\n",
            {("comparison", "<=", "<"), ("condition", "(!(a < b))", "(a < b)"), ("call", ";", "g(a, b);")},
        ),
        (
            "a.js",
            "javascript",
            "function f (a, b) {\n  if (a === b) g(a, b)\n  return a || 0\n}\n",
            {("comparison", "!==", "==="), ("operator", "&&", "||"), ("number", "1", "0")},
        ),
    ],
)
def test_the_same_rules_hold_for_other_languages(
    path: str, language: str, text: str, expected: set[tuple[str, str, str]]
) -> None:
    found = {(one.rule, one.now, one.was) for one in mutations(_place(text, path=path, language=language))}
    assert expected <= found


# ------------------------------------------------------------ records


def test_half_a_line_and_foreign_lines_do_not_spoil_a_record() -> None:
    rows = [
        {"start": "a"},
        {"function": 0, "path": "x.py", "line": 3},
        {"test": "a", "outcome": "passed", "seconds": 0.1, "why": "", "functions": [0], "width": 1},
        {"start": "b"},
    ]
    data = "\n".join(map(json.dumps, rows)).encode() + b'\nnoise\n[1]\n{"test": "b", "outc'
    record = read_record(data)
    assert record.passed() == {"a"}
    assert record.functions == {("x.py", 3): ["a"]}
    assert record.unfinished == "b"
    assert not record.done


# ------------------------------------------------------------ functions without tests


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(a: int) -> int:\n    return a + 1\n", ""),
        ("def f(a):\n    print(a)\n    return a\n", "it does not look pure: print"),
        ("def f(a):\n    return os.listdir(a)\n", "it does not look pure: os"),
        ("def f(a):\n    global b\n    b = a\n", "it changes names outside of it"),
        ("def f(a):\n    import this\n    return a\n", "it imports"),
        ("async def f(a):\n    return a\n", "a method, or asynchronous"),
        ("@cache\ndef f(a):\n    return a\n", "it is decorated"),
    ],
)
def test_what_looks_pure(text: str, reason: str) -> None:
    assert looks_pure(_place(text)) == reason


# ------------------------------------------------------------ small things


def test_plugins_are_loaded_only_for_a_project_that_names_them() -> None:
    plugins = (("asyncio", "pytest-asyncio"), ("mock", "pytest-mock"), ("xdist", "pytest-xdist"))
    python = PythonEnvironment(Path("python"), "3", "9", (), (), plugins)
    needs = b'[project.optional-dependencies]\ntest = ["pytest_asyncio>=0.2", "pytest-xdist"]\n'
    assert python.plugins_named_in({"pyproject.toml": needs, "README.md": b"pytest-mock"}) == ["asyncio"]
    assert python.plugins_named_in({"tox.ini": b"pytest-xdist\naddopts = -n 2\n"}) == ["xdist"]


def test_a_src_folder_comes_before_the_root() -> None:
    assert import_roots(["setup.py", "src/a/b.py"]) == ["src", ""]
    assert import_roots(["a/b.py"]) == [""]


def test_last_words_leave_rules_and_blank_lines_out() -> None:
    assert last_words("one\ntwo\n=====\n\n", 2) == "one | two"


# ------------------------------------------------------------ proofs

_CHECK = Check("pytest", "", (), ("test_a.py::test_a",), "", 1, 0.0)


class _Verdicts:
    """Gives prepared verdicts in place of a checker's, in the order of the trials."""

    def __init__(self, *passed: bool) -> None:
        self._passed = passed

    def run_many(self, trials: list[Trial], _workers: int) -> list[Verdict]:
        assert len(trials) == len(self._passed)
        outcome = Outcome(0, "", "", 0.1, 0.1, (), "bubblewrap")
        return [Verdict(passed, "" if passed else "failed", outcome) for passed in self._passed]


@pytest.mark.parametrize(
    ("passed", "reason"),
    [  # the reference, then `pass` and `raise`, each twice
        ((False, False, False, False, False), "flaky: its reference passes once and fails once"),
        ((True, True, False, False, False), "flaky: without its body it passes once and fails once"),
        ((True, False, True, False, False), "flaky: without its body it passes once and fails once"),
        ((True, True, False, True, False), "its tests pass without its body"),
        ((True, False, True, False, True), "its tests pass without its body"),
    ],
)
def test_what_ends_differently_twice_is_flaky_and_no_task(passed: tuple[bool, ...], reason: str) -> None:
    place = _place("def f(x):\n    return x + 1\n")
    (proof,) = prove(_Verdicts(*passed), [(place, _CHECK)], 1)  # type: ignore[arg-type]
    assert proof.reason == reason


# ------------------------------------------------------------ what is new since the cut


def test_a_function_that_moved_or_changed_a_little_is_no_new_one(tmp_path: Path) -> None:
    body = "".join(f"    first_{n} = second_{n}(third_{n}, {n})\n" for n in range(12))
    repo = GitRepo(tmp_path / "repo")
    repo.write("old.py", f"def moved(x):\n{body}    return x\n")
    repo.write("kept.py", f"def changed(y):\n{body.replace('first', 'other')}    return y\n")
    repo.commit("Begin")
    repo.commit("Wait")
    repo.date = FIRST_DATE + 90 * DAY
    repo.rename("old.py", "folder/new.py")
    repo.write("kept.py", f"def changed(y):\n{body.replace('first', 'other')}    return y + 1\n")
    repo.write("fresh.py", "def fresh(z):\n    return brand_new(z, 17) * 23 - entirely\n")
    repo.write("tests/test_new.py", "def helper(z):\n    return never_a_task(z, 17) * 23\n")
    repo.commit("Move and change")
    planted = prepare(repo, tmp_path)
    material = Material(planted.history, planted.corpus)
    files = export(planted.repository, material.split.tip).files
    fresh = find_fresh(material, Known(material), files, "python")
    assert [place.name for place in fresh.places] == ["fresh"]
    assert fresh.known == 2
    assert fresh.rejected == ()


def test_a_secret_does_not_come_into_a_task(tmp_path: Path) -> None:
    key = "AKIA" + "Q3EGRIYB5T6ZKJ7X"
    repo = GitRepo(tmp_path / "repo")
    repo.write("README.md", "Nothing.\n")
    repo.commit("Begin")
    repo.commit("Wait")
    repo.date = FIRST_DATE + 90 * DAY
    repo.write(
        "a.py",
        f'def login(z):\n    return connect(z, "{key}", 5)\n\n\n'
        "def plain(z):\n    return z * 1234567 + 7654321\n",
    )
    repo.commit("Log in")
    planted = prepare(repo, tmp_path)
    material = Material(planted.history, planted.corpus)
    fresh = find_fresh(material, Known(material), {"a.py"}, "python")
    assert [place.name for place in fresh.places] == ["plain"]
    assert fresh.rejected == (("a.py::login", "a secret was redacted in it"),)
    assert key not in fresh.places[0].prefix
