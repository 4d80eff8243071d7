"""Each way to build C: tests that reach a function judge it; only what hangs on its file is made again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.config import Execution
from inhouse.evaluation.mining.commands import CommandTests, plan_for, survey_command
from inhouse.evaluation.mining.places import Place, find_places
from inhouse.evaluation.mining.reach import Reach
from inhouse.evaluation.mining.verify import Checker, Trial, Verdict
from inhouse.evaluation.tasks import Check
from inhouse.sources.git import Repository
from tests.evaluation.mining.shop import open_sandbox
from tests.gitrepo import GitRepo

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

_SUMS = """\
#include "sums.h"

int sum_of(const int *values, int count) {
    int total = 0;
    for (int i = 0; i < count; i++)
        total += values[i];
    return total;
}

int product_of(const int *values, int count) {
    int product = 1;
    for (int i = 0; i < count; i++)
        product *= values[i];
    return product;
}

int never_tested(int a, int b) {
    int product = a * b;
    return product - a;
}
"""
_TEST = """\
#include <stdio.h>
#include "sums.h"

int main(void) {
    int values[] = {2, 3, 4};
    int right = NAME_of(values, 3) == EXPECTED;
    printf("%s: NAME of three\\n", right ? "PASSED" : "FAILED");
    return !right;
}
"""
_SOURCES = {
    "src/sums.h": "int sum_of(const int *, int);\nint product_of(const int *, int);\n"
    "int never_tested(int, int);\n",
    "src/sums.c": _SUMS,
    "src/other.c": "int unrelated(int a) { return a + 1; }\n",
    "tests/test_sum.c": _TEST.replace("NAME", "sum").replace("EXPECTED", "9"),
    "tests/test_product.c": _TEST.replace("NAME", "product").replace("EXPECTED", "24"),
}
_RULES = """\
.SECONDARY:
O = src/sums.o src/other.o
test: test_sum test_product
\t./test_sum && ./test_product
test_%: tests/test_%.c $(O)
\t$(CC) -Isrc -o $@ $< $(O)
src/%.o: src/%.c src/sums.h
\t$(CC) -Isrc -c -o $@ $<
"""
_CMAKE = """\
cmake_minimum_required(VERSION 3.10)
project(sums C)
enable_testing()
add_library(sums STATIC src/sums.c src/other.c)
target_include_directories(sums PUBLIC src)
foreach(name sum product)
  add_executable(test_${name} tests/test_${name}.c)
  target_link_libraries(test_${name} sums)
  add_test(NAME ${name} COMMAND test_${name})
endforeach()
"""
# A configure script written by hand. The table is older than what it is made from, as after many a clone: a
# build that thought so would need a program that nobody has.
_CONFIGURED = {
    "configure": '#!/bin/sh\nset -e\n./build/probe\nsed "s|@CC@|cc|" Makefile.in > Makefile\n',
    "build/probe": "#!/bin/sh\nexit 0\n",
    "Makefile.in": "CC = @CC@\n" + _RULES.replace("src/sums.h", "src/sums.h a-table.h")
    + "a-table.h: z-table.def\n\ta-generator-that-nobody-has $< > $@\n",
    "a-table.h": "/* generated */\n",
    "z-table.def": "a b c\n",
}  # fmt: skip
_AUTOMAKE = {
    "configure.ac": "AC_INIT([sums], [1])\nAM_INIT_AUTOMAKE([foreign subdir-objects])\nAC_PROG_CC\n"
    "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "AM_CPPFLAGS = -I$(srcdir)/src\nTESTS = test_sum test_product\ncheck_PROGRAMS = $(TESTS)\n"
    "test_sum_SOURCES = tests/test_sum.c src/sums.c\n"
    "test_product_SOURCES = tests/test_product.c src/sums.c\n",
}
_WAYS = {
    "compiler": ("compiler", {}, ("tests/test_sum.c",)),
    "make": ("make", {"Makefile": _RULES}, ()),
    "cmake": ("cmake", {"CMakeLists.txt": _CMAKE}, ("sum",)),
    "configure": ("make", _CONFIGURED, ()),
    "automake": ("automake", _AUTOMAKE, ("test_sum",)),
    "automake, generated": ("automake", _AUTOMAKE, ("test_sum",)),
}
_PROGRAMS = {"make": "make", "cmake": "cmake", "configure": "make", "automake": "autoreconf"}
_TRAP = "    __builtin_trap();\n}"


def _repository(folder: Path, files: dict[str, str]) -> Repository:
    repo = GitRepo(folder)
    for path, text in files.items():
        repo.write(path, text, executable=text.startswith("#!"))
    repo.commit("All")
    return Repository.open(repo.path)


def _surveyed(folder: Path, files: dict[str, str], **execution: object) -> CommandTests:
    repository = _repository(folder / "repo", files)
    checker = Checker(open_sandbox(), repository, Execution(timeout=60, **execution))  # type: ignore[arg-type]
    return survey_command(checker, repository.tip, "c", plan_for(checker, repository.tip, "c"), 2)


def _place(name: str, path: str = "src/sums.c", text: str = _SUMS) -> Place:
    return next(place for place in find_places(path, text, "c") if place.name == name)


def _verdicts(tests: CommandTests, check: Check, place: Place, *bodies: str) -> list[Verdict]:
    reference = place.filled(place.reference)
    trials = [Trial(check, place.path, place.filled(body), reference) for body in bodies]
    return tests.checker.run_many(trials, 2)


@pytest.mark.parametrize("way", _WAYS)
def test_a_function_is_judged_by_the_tests_that_reach_it_whatever_the_build(tmp_path: Path, way: str) -> None:
    program = _PROGRAMS.get(way.partition(",")[0])
    if program and shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine")
    kind, files, units = _WAYS[way]
    if way == "automake, generated":
        files = _generated(tmp_path / "generated", {**_SOURCES, **files})
    tests = _surveyed(tmp_path, {**_SOURCES, **files})
    assert tests.plan.kind == kind
    assert tests.reach.problem == ""
    assert len(tests.units) == (2 if units else 0)
    place = _place("sum_of")
    assert tests.check_for(_place("never_tested")) == "no test executes it"
    check = tests.check_for(place)
    assert isinstance(check, Check)
    assert check.tests == tests.plan.only(units)
    assert tests.compiled == {"src/sums.c": "kept"}
    wrong = ["    return 0;\n}", _TRAP, "    __builtin_exit(0);\n}", "    return total +;\n}"]
    right, *others = _verdicts(tests, check, place, place.reference, *wrong)
    assert right.passed
    assert [verdict.passed for verdict in others] == [False] * 4
    assert [verdict.built for verdict in others] == [True, True, True, False]


def _generated(folder: Path, files: dict[str, str]) -> dict[str, str]:
    """Return the files with what autoreconf makes of them, as a release holds it."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    subprocess.run(["autoreconf", "-fi"], cwd=folder, check=True, capture_output=True)
    made = [path for path in folder.rglob("*") if path.is_file() and "autom4te.cache" not in path.parts]
    return {str(path.relative_to(folder)): path.read_text() for path in made}


def test_a_candidate_compiles_its_own_file_and_no_other(tmp_path: Path) -> None:
    tests = _surveyed(tmp_path, {**_SOURCES, "Makefile": _RULES})
    place = _place("sum_of")
    check = tests.check_for(place)
    assert isinstance(check, Check)
    (verdict,) = _verdicts(tests, check, place, place.reference)
    assert verdict.outcome is not None
    assert "-c -o src/sums.o" in verdict.outcome.stdout
    assert "src/other.o src/other.c" not in verdict.outcome.stdout


def test_a_makefile_that_does_not_know_what_it_needs_is_built_anew_for_each_answer(tmp_path: Path) -> None:
    rules = _RULES.replace("test_%: tests/test_%.c $(O)", "test_%: tests/test_%.c").replace(
        "$< $(O)", "$< src/sums.c"
    )
    tests = _surveyed(tmp_path, {**_SOURCES, "Makefile": rules})
    place = _place("sum_of")
    check = tests.check_for(place)
    assert isinstance(check, Check)
    assert tests.compiled == {"src/sums.c": "anew"}
    assert check.source == ""
    verdicts = _verdicts(tests, check, place, place.reference, _TRAP)
    assert [verdict.passed for verdict in verdicts] == [True, False]


def test_where_nothing_was_counted_a_file_that_no_test_is_built_from_is_still_found_out(
    tmp_path: Path,
) -> None:
    windows = "int on_windows(int a) {\n    int twice = a * 2;\n    return twice - 1;\n}\n"
    found = _surveyed(tmp_path, {**_SOURCES, "Makefile": _RULES, "win/only.c": windows})
    tests = CommandTests(
        found.checker, found.revision, "c", found.plan, found.units, Reach(), found.counts
    )  # fmt: skip
    assert tests.check_for(_place("on_windows", "win/only.c", windows)) == "no test is built from its file"
    assert isinstance(tests.check_for(_place("never_tested")), Check)


def test_cmake_of_the_environment_that_the_user_named_is_the_one_that_runs(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not on this machine")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    own = venv / "bin" / "cmake"
    own.write_text('#!/bin/sh\necho own cmake >&2\nexec /usr/bin/cmake "$@"\n')
    own.chmod(0o755)
    tests = _surveyed(tmp_path, {**_SOURCES, "CMakeLists.txt": _CMAKE}, python=str(venv))
    check = tests.check_for(_place("sum_of"))
    assert isinstance(check, Check)
    place = _place("sum_of")
    (verdict,) = _verdicts(tests, check, place, place.reference)
    assert verdict.outcome is not None
    assert "own cmake" in verdict.outcome.stderr


def test_tests_that_say_nothing_are_no_check_because_leaving_passes_them(tmp_path: Path) -> None:
    from inhouse.evaluation.mining.proofs import prove

    silent = (
        _TEST.replace("    printf", "    if (!right) printf").replace("NAME", "sum").replace("EXPECTED", "9")
    )
    files = {**_SOURCES, "Makefile": _RULES, "tests/test_sum.c": silent}
    del files["tests/test_product.c"]
    files["Makefile"] = _RULES.replace(" test_product", "").replace(" && ./test_product", "")
    tests = _surveyed(tmp_path, files)
    place = _place("sum_of")
    check = tests.check_for(place)
    assert isinstance(check, Check)
    (proof,) = prove(tests.checker, [(place, check)], 2)
    assert proof.reason == "a body that leaves with status 0 passes its tests"
