"""How a project's tests are built and run: make, CMake with ctest, autotools, a compiler alone, or node.

build     once, on the tree as it is; what it leaves is kept, and every candidate begins there
rebuild   brings it up to date with a changed file: only what hangs on that file is made again
tests     all units, or those named; a suite that cannot be divided has no units
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.languages import detect, is_test

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["ANOTHER_COMMAND", "NoCommand", "Plan", "find_plan", "users_plan"]

ANOTHER_COMMAND = "name another command with execution.test_command in inhouse.yaml"
"""What to do when tests do not run."""

_TARGET = re.compile(r"^(test|check|tests)\s*:(?!=)", re.M)
_CMAKE_TESTS = re.compile(r"^\s*(?:enable_testing|add_test|include\s*\(\s*CTest)", re.M | re.I)
_MAIN = re.compile(r"^\s*int\s+main\s*\(", re.M)
_INCLUDED = re.compile(r"""^\s*#\s*include\s+"(?:[^"]*/)?([^"/]+\.c)\"""", re.M)
_NODE_TEST = re.compile(r"""(?:require\(|from\s*)["']node:test["']""")
_BUILD = "inhouse-build"
_RUNNERS = frozenset(
    {"ava", "jasmine", "jest", "lab", "mocha", "node", "qunit", "tap", "tape", "uvu", "vitest", "zora"}
)
_WRAPPERS = frozenset({"c8", "nyc", "cross-env"})  # they measure, or set variables
_CALL = re.compile(r"(?:npm|yarn|pnpm)(?: run| run-script)? (?:-s |--silent )?([\w:.-]+)")
_CALLERS = frozenset({"npm", "npx", "yarn", "pnpm"})
_SHOWN = 3  # files of a command
_DEEPEST = 4  # scripts that call scripts


class NoCommand(Exception):
    """There is no command that runs the tests; the reason is its text."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The commands of one project, in the words of the shell."""

    kind: str  # cmake, automake, make, compiler, node, script, user
    words: tuple[str, ...]  # that run all tests
    shown: str  # the same for people, short
    build: str = ""
    units: tuple[str, ...] = ()  # where they are known before anything has run
    listing: str = ""  # prints what `commands` reads
    seconds: float = 30.0  # that a unit may take
    targets: Mapping[str, str] = field(default_factory=dict)  # what must be made for a unit, or how
    common: str = ""  # what must be made for all of them, and how

    @property
    def divisible(self) -> bool:
        """Whether units can be run alone."""
        return self.kind in ("cmake", "automake", "compiler", "node")

    def reported(self, *ends: Mapping[str, str]) -> list[str]:
        """Return the units of some runs: those known before, or else what the runs told of.

        A test program may print words that look like a report; where the units are known they are none.
        """
        return list(self.units or dict.fromkeys(chain(*ends)))

    def only(self, units: Sequence[str]) -> tuple[str, ...]:
        """Return the words that make what some units need, and run them."""
        if not self.divisible or not units:
            return self.words
        if self.kind == "cmake":
            return _shell(_ctest(units, self.targets, self.seconds))
        if self.kind == "automake":
            return _shell(_check(units))
        if self.kind == "compiler":
            made = [self.common, *(self.targets[unit] for unit in units)]
            return _shell("\n".join([*made, _programs(self.units, units, self.seconds)]))
        return _shell(_node(units, self.seconds))


def users_plan(words: tuple[str, ...], language: str) -> Plan:
    """Return the plan of a command that the user named. Of C, its first run is the build."""
    return Plan("user", words, " ".join(words), shlex.join(words) if language == "c" else "")


def find_plan(
    language: str,
    files: Mapping[str, bytes],
    seconds: float = 30.0,
    search: str | None = None,
    packages: Collection[str] = (),
) -> Plan:
    """Return how the tests of a project run in one language.

    `seconds` is what one unit may take, `search` the folders of programs, `packages` the programs that
    `node_modules` has. Raises NoCommand when nothing is found, or the toolchain is missing.
    """
    plan = _for_c(files, seconds) if language == "c" else _for_javascript(files, seconds, packages)
    for program in _needed(plan, files):
        if shutil.which(program, path=search) is None:
            raise NoCommand(
                f"{program} is missing on this machine, and the {language} tests need it; install it, or "
                f"{ANOTHER_COMMAND}"
            )
    return plan


def _needed(plan: Plan, files: Mapping[str, bytes]) -> list[str]:
    if plan.kind == "cmake":
        return ["cmake", "ctest", "make"]
    if plan.kind == "automake":
        return ["make"] if "configure" in files else ["autoreconf", "make"]
    return {"make": ["make"], "compiler": ["cc"]}.get(plan.kind, ["node"])


def _shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


# ------------------------------------------------------------ C


def _for_c(files: Mapping[str, bytes], seconds: float) -> Plan:
    if _CMAKE_TESTS.search(_text(files, "CMakeLists.txt")):
        made = f'cmake -S . -B {_BUILD} -G "Unix Makefiles" -DBUILD_TESTING=ON'
        build = f"{made} && cmake --build {_BUILD} -j2"
        listing = f"cd {_BUILD} && ctest --show-only=json-v1 && make help"
        words = _shell(_ctest((), {}, seconds))
        return Plan("cmake", words, f"{made} && ctest", build, listing=listing, seconds=seconds)
    if "configure" in files or "configure.ac" in files:
        return _autotools(files, seconds)
    for name in ("GNUmakefile", "makefile", "Makefile"):
        target = _TARGET.search(_text(files, name))
        if target:
            words = ("make", target[1])
            return Plan("make", words, " ".join(words), shlex.join(words))
    return _plain_compiler(files, seconds)


def _text(files: Mapping[str, bytes], path: str) -> str:
    return files.get(path, b"").decode("utf-8", "replace")


def _ctest(units: Sequence[str], targets: Mapping[str, str], seconds: float) -> str:
    """Say what each test prints, too: one that leaves early then counts for less."""
    wanted = sorted({targets.get(unit, "") for unit in units})
    needed = f" --target {shlex.join(wanted)}" if wanted and wanted[0] else ""
    names = "|".join(re.sub(r"([^\w-])", r"\\\1", unit) for unit in units)
    chosen = f" -R {shlex.quote(f'^({names})$')}" if units else ""
    made = f"cmake --build {_BUILD} -j2{needed} >/dev/null"
    return f"{made} && cd {_BUILD} && ctest -V --timeout {seconds:g}{chosen}"


def _autotools(files: Mapping[str, bytes], seconds: float) -> Plan:
    """Tell automake, whose scripts can be run alone, from a `configure` with makefiles written by hand."""
    configured = "sh ./configure" if "configure" in files else "autoreconf -fi && sh ./configure"
    if "Makefile.am" in files or "am__api_version" in _text(files, "configure"):
        build = f"{configured} && make -j2 && make -j2 check TESTS="
        shown = f"{configured} && make check"
        return Plan("automake", _shell(_check(())), shown, build, seconds=seconds)
    target = _TARGET.search(_text(files, "Makefile.in"))
    words = ("make", target[1] if target else "check")
    build = f"{configured} && {shlex.join(words)}"
    return Plan("make", words, build, build)


def _check(units: Sequence[str]) -> str:
    """Run scripts of automake, and print what they have logged."""
    if not units:
        return "make check"
    logs = shlex.join(f"{PurePosixPath(unit).with_suffix('')}.log" for unit in units)
    return f"make check TESTS={shlex.quote(' '.join(units))}; s=$?; cat {logs} 2>/dev/null; exit $s"


def _plain_compiler(files: Mapping[str, bytes], seconds: float) -> Plan:
    """Compile all sources that are no programs once, and link each test program with them."""
    sources = sorted(path for path in files if path.endswith(".c"))
    programs = [path for path in sources if _MAIN.search(_text(files, path))]
    tests = tuple(path for path in programs if is_test(path, "c"))
    if not tests:
        raise NoCommand(f"no make, CMake, configure or test program was found for C; {ANOTHER_COMMAND}")
    included = {name for path in sources for name in _INCLUDED.findall(_text(files, path))}
    library = [path for path in sources if path not in programs and PurePosixPath(path).name not in included]
    flags = sorted({f"-I{PurePosixPath(path).parent}" for path in files if path.endswith((".h", ".c"))})
    headers = sorted(path for path in files if path.endswith(".h"))
    made = _objects(library, headers, flags)
    read = [*headers, *sources]
    links = {test: _linked(number, test, len(library), read, flags) for number, test in enumerate(tests)}
    build = "\n".join([made, *links.values()])
    return Plan(
        "compiler",
        _shell(f"{build}\n{_programs(tests, tests, seconds)}"),
        f"cc on {' '.join(tests[:_SHOWN])}{' ...' if len(tests) > _SHOWN else ''}, and what it makes",
        build,
        tests,
        seconds=seconds,
        targets=links,
        common=made,
    )


def _objects(library: Sequence[str], headers: Sequence[str], flags: Sequence[str]) -> str:
    """Return a script that compiles each source that is newer than its object, or older than any header."""
    lines = [
        f"mkdir -p {_BUILD}",
        'new() { made=$1; shift; [ ! -e "$made" ] || [ -n "$(find "$@" -newer "$made")" ]; }',
        f'compile() {{ cc {shlex.join(flags)} -c -o "$1" "$2" || exit 1; }}',
        f'o() {{ if new "$1" "$2" {shlex.join(headers)}; then compile "$1" "$2"; fi; }}',
    ]
    made = (["o", f"{_BUILD}/{number}.o", source] for number, source in enumerate(library))
    return "\n".join([*lines, *map(shlex.join, made)])


def _linked(number: int, test: str, objects: int, read: Sequence[str], flags: Sequence[str]) -> str:
    """Return the line that makes a test program anew when any file is newer: it may include any."""
    program = f"{_BUILD}/test-{number}"
    made = [f"{_BUILD}/{number}.o" for number in range(objects)]
    words = shlex.join(["cc", *flags, "-o", program, test, *made, "-lm"])
    return f"if new {program} {shlex.join(read)}; then {words} || exit 1; fi"


def _programs(tests: Sequence[str], units: Sequence[str], seconds: float) -> str:
    numbers = {test: number for number, test in enumerate(tests)}
    return _each(((unit, f"./{_BUILD}/test-{numbers[unit]}") for unit in units), seconds)


# ------------------------------------------------------------ JavaScript


def _for_javascript(files: Mapping[str, bytes], seconds: float, packages: Collection[str]) -> Plan:
    """Return node's own runner with the tests that are written for it, else a script of the project's."""
    tests = [path for path in files if detect(path) == "javascript" and is_test(path, "javascript")]
    tests = [path for path in tests if "node_modules/" not in path]
    own = tuple(sorted(path for path in tests if _NODE_TEST.search(_text(files, path))))
    if own:
        shown = f"node --test {' '.join(own[:_SHOWN])}{' ...' if len(own) > _SHOWN else ''}"
        return Plan("node", _shell(_node(own, seconds)), shown, units=own, seconds=seconds)
    script = _npm_test(files)
    parts = [_runner(part, packages) for part in _flat(script, _scripts(files))]
    if any(parts):
        path = 'PATH="$PWD/node_modules/.bin:$PATH"; export PATH'
        chosen = [part for part in parts if part]
        words = _shell("\n".join([path, *(f"{part} || exit 1" for part in chosen)]))
        return Plan("script", words, " && ".join(chosen))
    run = f"they run with `{script}`, and the checkout's node_modules has no such runner: install it there"
    reason = run if script else "there are none"
    raise NoCommand(f"the JavaScript tests do not use node:test: {reason}; {ANOTHER_COMMAND}")


def _node(units: Sequence[str], seconds: float) -> str:
    runner = "node --test --test-reporter=tap"
    return _each(((unit, f"{runner} {shlex.quote(unit)}") for unit in units), seconds)


def _each(commands: Iterable[tuple[str, str]], seconds: float) -> str:
    """Run each command for itself, and say how it ended: one that hangs costs itself."""
    lines = ["s=0"]
    for unit, command in commands:
        name = shlex.quote(unit)
        lines.append(
            f"timeout -k 1 {seconds:g} {command}; r=$?; case $r in 0) echo PASS: {name};; "
            f"124|137) s=1; echo TIMEOUT: {name};; *) s=1; echo FAIL: {name};; esac"
        )
    return "\n".join([*lines, "exit $s"])


def _scripts(files: Mapping[str, bytes]) -> dict[str, str]:
    try:
        scripts = json.loads(files.get("package.json", b"{}")).get("scripts", {})
        return {name: script for name, script in scripts.items() if isinstance(script, str)}
    except (ValueError, AttributeError):
        return {}


def _npm_test(files: Mapping[str, bytes]) -> str:
    return _scripts(files).get("test", "").strip()


def _flat(script: str, scripts: Mapping[str, str], depth: int = 0) -> list[str]:
    """Return the commands of a script, with those of the scripts that it calls in their place."""
    found = []
    for part in re.split(r"&&|;", script):
        command = _unwrapped(part.strip())
        call = _CALL.fullmatch(command)
        if call and call[1] in scripts and depth < _DEEPEST:
            found += _flat(scripts[call[1]], scripts, depth + 1)
        elif command:
            found.append(command)
    return found


def _unwrapped(command: str) -> str:
    """Return a command without what only measures coverage or sets variables."""
    words = command.split()
    if not words or not (words[0] in _WRAPPERS or "=" in words[0]):
        return command
    rest = next((number for number, word in enumerate(words) if word in _RUNNERS | _CALLERS), len(words))
    return " ".join(words[rest:])


def _runner(command: str, packages: Collection[str]) -> str:
    """Return a command that runs tests here, "" for one that checks types or style, or that is missing."""
    program = command.split()[0]
    if program == "npx":
        return _runner(command.removeprefix("npx").strip(), packages) if len(command.split()) > 1 else ""
    return command if program in _RUNNERS and (program == "node" or program in packages) else ""
