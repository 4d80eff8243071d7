"""Commits of C and JavaScript: their tests fail with the parent's file, and pass with the commit's."""

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
from inhouse.sources.git import Repository
from tests.evaluation.mining.shop import open_sandbox, prepare, settings
from tests.gitrepo import DAY, FIRST_DATE, GitRepo

_MAKE = """\
test: t
\t./t
t: t.o clamp.o
\tcc -o t t.o clamp.o
%.o: %.c clamp.h
\tcc -c -o $@ $<
"""
_C_TEST = """\
#include <stdio.h>
#include "clamp.h"

static int failed;

static void check(const char *name, int right) {
    printf("%s: %s\\n", name, right ? "PASSED" : "FAILED");
    failed |= !right;
}

int main(void) {
    check("inside", clamp(5, 1, 9) == 5);
    check("below", clamp(0, 1, 9) == 1);
MORE    return failed;
}
"""
_C = """\
#include "clamp.h"

int clamp(int value, int low, int high) {
    if (value < low)
        return low;
    return value;
}
"""
_HALF = """\

int half_of(int value) {
    return clamp(value / 2, 0, 1000);
}
"""
_JS = "function clamp (value, low, high) {\n  if (value < low) return low\n  return value\n}\n\n"
_JS_TEST = """\
const test = require('node:test')
const assert = require('node:assert')
const { clamp } = require('../clamp.js')

test('inside', () => assert.equal(clamp(5, 1, 9), 5))
"""
_ABOVE = "test('above', () => assert.equal(clamp(10, 1, 9), 9))\n"


def _mined(repo: GitRepo, folder: Path) -> tuple[dict[str, Task], dict[str, str], Repository]:
    planted = prepare(repo, folder)
    (folder / "mined").mkdir()
    write_mined(
        planted.repository, planted.history, planted.corpus, open_sandbox(), settings(max_tasks=2),
        folder / "mined", 2, Progress.silent(),
    )  # fmt: skip
    tasks = list(read_records(folder / "mined", "tasks", Task))
    rejected = {row.place: row.reason for row in read_records(folder / "mined", "rejected", Rejected)}
    return {task.group: task for task in tasks if task.kind == "commit"}, rejected, planted.repository


def _judged(repository: Repository, task: Task, *answers: str) -> list[bool]:
    checker = Checker(open_sandbox(), repository, settings().execution)
    return [verdict.passed for verdict in checker.check_many([(task, answer) for answer in answers], 2)]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_c_commits_with_what_their_headers_and_makefiles_bring(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.write("Makefile", _MAKE)
    repo.write("clamp.h", "int clamp(int value, int low, int high);\n")
    repo.write("clamp.c", _C)
    repo.write("t.c", "/* */\n")
    repo.write("test/data.txt", "1\n")
    repo.write("t.c", _C_TEST.replace("MORE", ""))
    repo.commit("Begin")
    repo.commit("Wait")
    repo.date = FIRST_DATE + 90 * DAY
    fixed = _C.replace("return value;", "return value > high ? high : value;")
    repo.rename("t.c", "test_clamp.c")
    repo.write("Makefile", _MAKE.replace("t.o", "test_clamp.o"))
    moved = repo.commit("Name the test as one")
    repo.write("clamp.c", fixed)
    above = _C_TEST.replace("MORE", '    check("above", clamp(10, 1, 9) == 9);\nMORE')
    repo.write("test_clamp.c", above.replace("MORE", ""))
    fix = repo.commit("Clamp from above, too")
    repo.write("clamp.h", "int clamp(int value, int low, int high);\nint half_of(int value);\n")
    repo.write("clamp.c", fixed + _HALF)
    repo.write("test_clamp.c", above.replace("MORE", '    check("half", half_of(8) == 4);\n'))
    new = repo.commit("Halve")
    repo.write("clamp.c", fixed.replace("value < low", "low > value") + _HALF)
    repo.write("test_clamp.c", above.replace("MORE", '    check("half", half_of(6) == 3);\n'))
    same = repo.commit("Say it the other way round")
    tasks, rejected, repository = _mined(repo, tmp_path)
    assert set(tasks) == {fix, new}
    assert tasks[fix].reference == "    return value > high ? high : value;\n"
    assert tasks[fix].prefix + "    return value;\n" + tasks[fix].suffix == _C
    assert tasks[fix].verified.startswith(
        "1 tests failed 2 of 2 runs at the commit with the parent's clamp.c and passed 2 of 2"
    )
    assert "Clamp from above, too" in tasks[fix].instruction
    assert tasks[new].check.expected == 4
    assert rejected[same] == "its tests pass before it already"
    assert rejected[moved] == "changes tests only"
    answers = (
        tasks[fix].reference,
        "    return value;\n",
        "    __builtin_exit(0);\n",
        "    return value < high ? value : high;\n",
    )
    assert _judged(repository, tasks[fix], *answers) == [True, False, False, True]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_javascript_commits_run_the_test_files_that_they_wrote(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    exports = "module.exports = { clamp }\n"
    repo.write("clamp.js", _JS + exports)
    repo.write("test/clamp.test.js", _JS_TEST)
    repo.write("test/other.test.js", "require('node:test')('other', () => {})\n")
    repo.commit("Begin")
    repo.commit("Wait")
    repo.date = FIRST_DATE + 90 * DAY
    fixed = _JS.replace("return value\n", "return value > high ? high : value\n")
    repo.write("clamp.js", fixed + exports)
    repo.write("test/clamp.test.js", _JS_TEST + _ABOVE)
    fix = repo.commit("Clamp from above, too")
    repo.write("clamp.js", fixed.replace("value < low", "low > value") + exports)
    repo.write("test/data.json", "{}\n")
    data = repo.commit("Say it the other way round")
    repo.write("clamp.js", "// Numbers.\n" + fixed.replace("value < low", "low > value") + exports)
    repo.write(
        "test/clamp.test.js", _JS_TEST + _ABOVE + "test('network', () => fetch('http://192.0.2.1/'))\n"
    )
    network = repo.commit("Go far away")
    tasks, rejected, repository = _mined(repo, tmp_path)
    assert set(tasks) == {fix}
    task = tasks[fix]
    assert "test/clamp.test.js" in task.check.tests[2]
    assert "test/other.test.js" not in task.check.tests[2]
    assert task.check.expected == 2
    assert task.verified.startswith("1 tests failed 2 of 2 runs")
    assert rejected[data] == "changes no test"
    assert rejected[network] == "its tests do not pass in the sandbox after it"
    answers = (task.reference, "  return value\n", "  process.exit(0)\n", "  return Math.min(value, high)\n")
    assert _judged(repository, task, *answers) == [True, False, False, True]
