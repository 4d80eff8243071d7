"""Which command is found, and what is said where there is none."""

from __future__ import annotations

import doctest
import json
import shutil

import pytest

from inhouse.evaluation.mining import reports
from inhouse.evaluation.mining.plans import NoCommand, find_plan, users_plan
from inhouse.evaluation.mining.reports import marks, unit_ends

_NODE = b"const test = require('node:test')\n"


def test_the_examples_are_true() -> None:
    assert doctest.testmod(reports).failed == 0


def test_the_build_that_a_project_has_is_the_one_that_is_used() -> None:
    assert find_plan("c", {"Makefile": b"all: x\n\ncheck: x\n\t./x\n"}).words == ("make", "check")
    hand_written = find_plan(
        "c", {"configure": b"#!/bin/sh\n", "Makefile.in": b"test:\n", "Makefile": b"check:\n"}
    )
    assert hand_written.words == ("make", "test")
    assert hand_written.build == "sh ./configure && make test"
    if shutil.which("cmake"):
        cmake = find_plan(
            "c", {"CMakeLists.txt": b"project(x C)\nenable_testing()\n", "Makefile": b"test:\n"}
        )
        assert cmake.kind == "cmake"
        assert cmake.only(["a", "b.c"])[2].endswith(r"-R '^(a|b\.c)$'")


def test_a_test_program_is_linked_with_helpers_but_not_with_what_it_includes() -> None:
    plan = find_plan(
        "c",
        {
            "lib.c": b"int f(void) { return 1; }\n",
            "tests/helper.c": b"int help(void) { return 1; }\n",
            "tests/table.c": b"static int table[] = {1};\n",
            "tests/test_a.c": b'#include "table.c"\nint main(void) { return 0; }\n',
            "tool.c": b"int main(void) { return 0; }\n",
        },
    )
    assert plan.units == ("tests/test_a.c",)
    assert "o inhouse-build/0.o lib.c\no inhouse-build/1.o tests/helper.c" in plan.build
    assert "-o inhouse-build/test-0 tests/test_a.c inhouse-build/0.o inhouse-build/1.o -lm" in plan.build
    assert "inhouse-build/2.o" not in plan.build
    assert " tool.c inhouse-build" not in plan.build


@pytest.mark.parametrize(
    ("script", "packages", "words"),
    [
        ("npm run test:unit && npm run lint", ("mocha", "eslint"), "mocha test/"),
        ("npm run covered", ("mocha",), "mocha test/"),
        ("NODE_ENV=test mocha test/", ("mocha",), "mocha test/"),
        ("npx mocha test/", ("mocha",), "mocha test/"),
        ("node test/all.js", (), "node test/all.js"),
        ("c8 --100 node --test", (), "node --test"),
    ],
)
def test_a_runner_of_node_modules_is_found_behind_scripts_and_what_only_measures(
    script: str, packages: tuple[str, ...], words: str
) -> None:
    scripts = {
        "test": script, "test:unit": "mocha test/", "lint": "eslint",
        "covered": "nyc --reporter lcov mocha test/",
    }  # fmt: skip
    package = json.dumps({"scripts": scripts}).encode()
    plan = find_plan("javascript", {"a.js": b"", "package.json": package}, packages=packages)
    assert plan.kind == "script"
    assert plan.shown == words


def test_files_for_the_runner_of_node_come_before_the_script_and_packages_are_no_tests() -> None:
    files = {
        "test/a.test.js": _NODE,
        "node_modules/x/test/b.test.js": _NODE,
        "package.json": b'{"scripts": {"test": "mocha"}}',
    }
    plan = find_plan("javascript", files, packages=("mocha",))
    assert plan.units == ("test/a.test.js",)
    assert plan.shown == "node --test test/a.test.js"


@pytest.mark.parametrize(
    ("language", "files", "said"),
    [
        ("c", {"a.c": b"int f(void) { return 1; }\n"}, "no make, CMake, configure or test program"),
        (
            "javascript",
            {"a.js": b"", "package.json": b'{"scripts": {"test": "jest"}}'},
            "they run with `jest`, and",
        ),
        ("javascript", {"a.js": b"", "package.json": b"not json"}, "there are none"),
        ("javascript", {"a.js": b"", "package.json": b'{"scripts": {"test": 3}}'}, "there are none"),
    ],
)
def test_without_a_command_the_reason_names_the_way_out(
    language: str, files: dict[str, bytes], said: str
) -> None:
    with pytest.raises(NoCommand, match=r"execution\.test_command") as caught:
        find_plan(language, files)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("files", "program"),
    [
        ({"Makefile": b"test:\n"}, "make"),
        ({"configure.ac": b"", "Makefile.am": b""}, "autoreconf"),
        ({"CMakeLists.txt": b"enable_testing()\n"}, "cmake"),
        ({"test_a.c": b"int main(void) { return 0; }\n"}, "cc"),
    ],
)
def test_a_toolchain_that_is_missing_is_said(files: dict[str, bytes], program: str) -> None:
    with pytest.raises(
        NoCommand, match=f"^{program} is missing on this machine, and the c tests need it; install"
    ):
        find_plan("c", files, search="/nonexistent")


def test_the_first_run_of_the_users_command_is_the_build_of_c_only() -> None:
    assert users_plan(("sh", "-c", "make t && ./t"), "c").build == "sh -c 'make t && ./t'"
    assert users_plan(("npm", "test"), "javascript").build == ""


@pytest.mark.parametrize(
    ("output", "count"),
    [
        ("ok 1 - a\n    ok 1 - inner\nok 2 - b\n# tests 3\n# pass 3\n", 3),
        ("# pass 3\nPASS: a.js\n# pass 2\nPASS: b.js\n", 5),
        ("100% tests passed, 0 tests failed out of 12\n", 12),
        ("1: ok 1 - a\n1: not ok 2 - b\n100% tests passed, 0 tests failed out of 1\n", 2),
        ("PASSED a\nFAILED b\n", 1),
        ("nothing is said\n", 0),
        ("not ok 1 - a\nok 2 - b\n", 1),
    ],
)
def test_passed_tests_are_counted_in_what_runners_print(output: str, count: int) -> None:
    assert marks(output) == count


def test_a_unit_with_one_failure_failed() -> None:
    assert unit_ends("PASS: a 1\nERROR: a - crashed\nPASS: a 2\nTIMEOUT: b\nXPASS: c\n") == {
        "a": "failed",
        "b": "hung",
        "c": "failed",
    }  # fmt: skip
