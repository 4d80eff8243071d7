"""Tests that are run by a command: C by its build, JavaScript by node, anything by the user's own words.

Nothing tells which test executes which function, so a function's check is the whole command. A function that
the tests do not reach is found out by its stubs: they pass.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.evaluation.mining.proofs import TIMES
from inhouse.evaluation.mining.verify import Trial, last_words, rounded
from inhouse.evaluation.tasks import Check
from inhouse.languages import detect, is_test

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.verify import Checker

__all__ = ["CommandTests", "NoCommand", "find_command", "try_command"]

ANOTHER_COMMAND = "name another command with execution.test_command in inhouse.yaml"
"""What to do when tests do not run."""

_TARGET = re.compile(r"^(test|check|tests)\s*:(?!=)", re.M)
_CMAKE_TESTS = re.compile(r"^\s*(?:enable_testing|add_test|include\s*\(\s*CTest)", re.M | re.I)
_MAIN = re.compile(r"^\s*int\s+main\s*\(", re.M)
_NODE_TEST = re.compile(r"""(?:require\(|from\s*)["']node:test["']""")
_BUILD = "inhouse-build"


class NoCommand(Exception):
    """There is no command that runs the tests; the reason is its text."""


@dataclass(frozen=True, slots=True)
class CommandTests:
    """A command that passes on the tree as it is. Every function has the same check."""

    check: Check

    def check_for(self, place: Place) -> Check | str:  # noqa: ARG002 - as for suites that can tell
        """Return the check."""
        return self.check


def find_command(language: str, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the words of the command that runs a project's tests in one language.

    Raises NoCommand with the reason when nothing is found, or the toolchain is missing.
    """
    words = _for_c(files) if language == "c" else _for_javascript(files)
    program = words[0] if words[0] != "sh" else words[2].split()[0]
    if shutil.which(program) is None:
        raise NoCommand(f"{program} is missing on this machine, and the {language} tests need it")
    return words


def try_command(checker: Checker, revision: str, words: tuple[str, ...]) -> CommandTests:
    """Run a command on the tree of a revision, twice. Raises NoCommand when it does not pass alike."""
    check = Check("command", revision, (), words, "", 0, 0.0)
    verdicts = checker.run_many([Trial(check, "", "", "")] * TIMES, 1)
    shown = " ".join(words)
    for verdict in verdicts:
        if not verdict.passed:
            said = (verdict.outcome.stderr or verdict.outcome.stdout) if verdict.outcome else ""
            raise NoCommand(
                f"`{shown}` does not pass in the sandbox ({verdict.reason}); its last words: "
                f"{last_words(said, 3) or 'none'}; {ANOTHER_COMMAND}"
            )
    counts = {verdict.count for verdict in verdicts}
    if len(counts) > 1:
        raise NoCommand(
            f"`{shown}` reports {min(counts)} passed tests once and {max(counts)} once; {ANOTHER_COMMAND}"
        )
    seconds = rounded(max(verdict.seconds for verdict in verdicts))
    return CommandTests(Check("command", revision, (), words, "", counts.pop(), seconds))


def _for_c(files: Mapping[str, bytes]) -> tuple[str, ...]:
    cmake = files.get("CMakeLists.txt", b"").decode("utf-8", "replace")
    if _CMAKE_TESTS.search(cmake):
        return (
            "sh",
            "-c",
            f"cmake -S . -B {_BUILD} -DBUILD_TESTING=ON >/dev/null && cmake --build {_BUILD} -j2 >/dev/null"
            f" && ctest --test-dir {_BUILD} --output-on-failure",
        )
    for name in ("Makefile", "makefile", "GNUmakefile"):
        target = _TARGET.search(files.get(name, b"").decode("utf-8", "replace"))
        if target:
            return ("make", target[1])
    if "configure" in files:
        return ("sh", "-c", "sh ./configure >/dev/null && make check")
    return _plain_compiler(files)


def _plain_compiler(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Compile each test program with all sources that are none, and run it."""
    sources = [path for path in files if path.endswith(".c")]
    programs = [path for path in sources if _MAIN.search(files[path].decode("utf-8", "replace"))]
    tests = [path for path in programs if is_test(path, "c")]
    if not tests:
        raise NoCommand(f"no make, CMake or test program was found for C; {ANOTHER_COMMAND}")
    library = [path for path in sources if path not in programs and not is_test(path, "c")]
    folders = sorted({str(PurePosixPath(path).parent) for path in files if path.endswith((".h", ".c"))})
    flags = " ".join(f"-I{folder}" for folder in folders)
    built = [
        f"cc {flags} -o {_BUILD}-{number} {test} {' '.join(library)} -lm && ./{_BUILD}-{number}"
        for number, test in enumerate(sorted(tests))
    ]
    return ("sh", "-c", " && ".join(built))


def _for_javascript(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return node's own runner with the tests that are written for it, else a script that node runs."""
    tests = [path for path in files if detect(path) == "javascript" and is_test(path, "javascript")]
    own = [path for path in tests if _NODE_TEST.search(files[path].decode("utf-8", "replace"))]
    if own:
        return ("node", "--test", "--test-reporter=tap", *own)
    script = _npm_test(files)
    if script.startswith("node "):
        return ("sh", "-c", script)
    reason = (
        f"they run with `{script}`, whose packages are not in the repository" if script else "there are none"
    )
    raise NoCommand(f"the JavaScript tests do not use node:test: {reason}; {ANOTHER_COMMAND}")


def _npm_test(files: Mapping[str, bytes]) -> str:
    try:
        script = json.loads(files.get("package.json", b"{}")).get("scripts", {}).get("test", "")
    except (ValueError, AttributeError):
        return ""
    return script.strip() if isinstance(script, str) else ""
