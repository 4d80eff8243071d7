"""C and JavaScript: the whole command is the check, so what it does not reach must be found out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inhouse.evaluation.mining.mine import write_mined
from inhouse.evaluation.mining.results import Rejected
from inhouse.evaluation.mining.verify import Checker
from inhouse.evaluation.tasks import Task
from inhouse.progress import Progress
from inhouse.shards import read_records
from tests.evaluation.mining.shop import open_sandbox, prepare, settings
from tests.gitrepo import DAY, FIRST_DATE, GitRepo

_C = """\
#include "sums.h"

int sum_of(const int *values, int count) {
    int total = 0;
    for (int i = 0; i < count; i++)
        total += values[i];
    return total;
}

int never_tested(int a, int b) {
    int product = a * b;
    return product - a;
}
"""
_C_TEST = """\
#include <stdio.h>
#include "sums.h"

static int failed;

static void check(const char *name, int right) {
    printf("%s: %s\\n", name, right ? "PASSED" : "FAILED");
    failed |= !right;
}

int main(void) {
    int values[] = {1, 2, 3};
    check("three", sum_of(values, 3) == 6);
    check("none", sum_of(values, 0) == 0);
    return failed;
}
"""
_JS = """\
'use strict'

function clamp (value, low, high) {
  if (value < low) return low
  return value > high ? high : value
}

module.exports = { clamp }
"""
_JS_TEST = """\
const test = require('node:test')
const assert = require('node:assert')
const { clamp } = require('../clamp.js')

test('inside', () => assert.equal(clamp(5, 1, 9), 5))
test('below', () => assert.equal(clamp(0, 1, 9), 1))
test('above', () => assert.equal(clamp(10, 1, 9), 9))
"""


def _mined(folder: Path, files: dict[str, str], **execution: object) -> tuple[list[Task], dict[str, str]]:
    repo = GitRepo(folder / "repo")
    repo.write("README.md", "Nothing yet.\n")
    repo.commit("Begin")
    repo.commit("Wait")
    repo.date = FIRST_DATE + 90 * DAY
    for path, text in files.items():
        repo.write(path, text)
    repo.commit("Write it")
    planted = prepare(repo, folder)
    (folder / "mined").mkdir()
    write_mined(
        planted.repository, planted.history, planted.corpus, open_sandbox(), settings(**execution),
        folder / "mined", 2, Progress.silent(),
    )  # fmt: skip
    tasks = list(read_records(folder / "mined", "tasks", Task))
    rejected = {row.place: row.reason for row in read_records(folder / "mined", "rejected", Rejected)}
    checker = Checker(open_sandbox(), planted.repository, settings(**execution).execution)
    for task in tasks:
        assert checker.check(task, task.reference).passed
        assert not checker.check(task, "").passed
    return tasks, rejected


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_c_with_a_plain_compiler_and_exit_is_no_pass(tmp_path: Path) -> None:
    files = {"src/sums.h": "int sum_of(const int *, int);\nint never_tested(int, int);\n", "src/sums.c": _C}
    tasks, rejected = _mined(tmp_path, {**files, "tests/test_sums.c": _C_TEST}, max_tasks=2)
    names = {task.instruction.split("`")[1] for task in tasks}
    assert names == {"sum_of"}
    assert {task.kind for task in tasks} == {"function", "bug"}
    assert rejected["src/sums.c::never_tested"] == "no test executes it"
    task = next(task for task in tasks if task.kind == "function")
    assert task.check.expected == 3  # what the program says, and that it passed
    assert task.reference.endswith("return total;\n}")
    from inhouse.sources.git import Repository

    checker = Checker(open_sandbox(), Repository.open(tmp_path / "repo"), settings().execution)
    verdict = checker.check(task, "    __builtin_exit(0);\n}")
    assert not verdict.passed
    assert verdict.reason == "reports 1 of 3 passed tests"


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_what_a_program_of_known_tests_prints_is_no_name_of_another(tmp_path: Path) -> None:
    told = _C_TEST.replace('name, right ? "PASSED" : "FAILED"', 'right ? "PASS" : "FAIL", name')
    assert told != _C_TEST
    files = {"src/sums.h": "int sum_of(const int *, int);\nint never_tested(int, int);\n", "src/sums.c": _C}
    tasks, _ = _mined(tmp_path, {**files, "tests/test_sums.c": told}, max_tasks=2)
    assert {task.instruction.split("`")[1] for task in tasks} == {"sum_of"}


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_c_with_the_users_own_command(tmp_path: Path) -> None:
    files = {
        "sums.h": "int sum_of(const int *, int);\nint never_tested(int, int);\n",
        "sums.c": _C,
        "t.c": _C_TEST,
        "Makefile": "t: t.c sums.c\n\tcc -o t t.c sums.c\n",
    }
    tasks, _ = _mined(tmp_path, files, max_tasks=1, test_command=("sh", "-c", "make t && ./t"))
    assert {task.check.tests for task in tasks} == {("sh", "-c", "make t && ./t")}


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_javascript_with_the_runner_of_node(tmp_path: Path) -> None:
    tasks, _ = _mined(tmp_path, {"clamp.js": _JS, "test/clamp.test.js": _JS_TEST}, max_tasks=2)
    assert {task.kind for task in tasks} == {"function", "bug"}
    assert all(task.check.expected == 3 for task in tasks)
