"""All the checkers over many answers: a few starts in the sandbox, not one for each answer.

Each answer becomes a file of its own beside the one that it completes, so that imports and the repository's
settings are the same; the file with a stub and the one with the reference stand beside it, once for each
task.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.static_checks import diagnostics as read
from inhouse.evaluation.static_checks.diagnostics import Diagnostic, by_file, introduced
from inhouse.evaluation.static_checks.security import c_security
from inhouse.sandbox import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from inhouse.evaluation.placed import Placed
    from inhouse.sandbox import Sandbox

__all__ = ["KINDS", "Case", "Checked", "available", "check"]

KINDS = ("syntax", "format", "lint", "types", "compiler", "security")
"""Kinds of diagnostics."""

_TOOLS = {
    "python": {"format": "ruff", "lint": "ruff", "types": "mypy", "security": "bandit"},
    "c": {"format": "clang-format", "compiler": "gcc"},
}
_KINDS = {
    "python": ("syntax", "format", "lint", "types", "security"),
    "c": ("format", "compiler", "security"),
}
_MODULES = ("ruff", "mypy", "bandit")
_PROGRAMS = ("gcc", "clang-format", "cppcheck")
_SUFFIX = {"c": ".c", "python": ".py"}
_MISSING = "is not installed"
_LINES = 400_000  # of all the files in one run
_INCLUDES = 100
_LIMITS = Limits(
    wall_s=3_600.0,
    cpu_s=1_800.0,
    memory_mb=4_096,
    processes=64,
    file_mb=256,
    disk_mb=2_048,
    output_bytes=4_000_000,
)
_READERS: dict[str, Callable[[str], Iterator[tuple[str, Diagnostic]]]] = {
    "bandit": read.read_bandit,
    "clang-format": read.read_clang_format,
    "cppcheck": read.read_cppcheck,
    "format": read.read_diff,
    "gcc": read.read_gcc,
    "ruff": read.read_ruff,
}
_KIND_OF = {
    "bandit": "security",
    "clang-format": "format",
    "gcc": "compiler",
    "mypy": "types",
    "ruff": "lint",
}


@dataclass(frozen=True, slots=True)
class Case:
    """An answer in its file, the same file with a stub in its place, and with what a human wrote."""

    answer: Placed
    stub: Placed
    reference: Placed


@dataclass(frozen=True, slots=True)
class Checked:
    """What was brought in by an answer, by kind; of kinds that its language has and that failed, why."""

    introduced: Mapping[str, tuple[Diagnostic, ...]]
    reasons: Mapping[str, str]


@dataclass(slots=True)
class _Said:
    """What the checkers said of each file, and of which files they said nothing because they failed."""

    of: dict[str, list[Diagnostic]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)  # file -> kind -> why


def available() -> dict[str, bool]:
    """Return which checkers this machine has."""
    modules = {name: importlib.util.find_spec(name) is not None for name in _MODULES}
    return modules | {name: shutil.which(name) is not None for name in _PROGRAMS}


def check(
    sandbox: Callable[[], Sandbox],
    tree: Mapping[str, str],
    cases: Sequence[Case],
    interpreter: str = "",
    readable: Sequence[Path] = (),
    tools: Mapping[str, bool] | None = None,
) -> list[Checked]:
    """Check answers in Python and C; the result is in the order of the cases.

    `tree` is the repository around them, path to text, with its settings for the checkers. `interpreter` is
    the Python whose packages mypy looks into, `readable` where it lies.
    """
    tools = available() if tools is None else tools
    said = _Said()
    names: dict[Placed, str] = {}
    numbers = count()
    for batch in _batches(cases):
        files = dict.fromkeys(one for case in batch for one in (case.answer, case.stub, case.reference))
        new = {one: _variant(one, next(numbers)) for one in files if one not in names}
        names |= new
        if new:
            judged = {names[one] for case in batch for one in (case.answer, case.stub)}
            only = {names[case.reference] for case in batch} - judged  # looked at by the formatter alone
            _run(sandbox(), tree, new, interpreter, readable, tools, said, only)
    return [_checked(case, names, said, tools) for case in cases]


def _batches(cases: Sequence[Case]) -> Iterator[list[Case]]:
    batch: list[Case] = []
    lines = 0
    for case in cases:
        if case.answer.language in _SUFFIX:
            size = case.answer.text.count("\n")
            if batch and lines + size > _LINES:
                yield batch
                batch, lines = [], 0
            batch.append(case)
            lines += size
    if batch:
        yield batch


def _variant(placed: Placed, number: int) -> str:
    """Return the path of a file's variant: in the same folder, under a name that is no other file's."""
    path = PurePosixPath(placed.path)
    stem = "".join(char if char.isalnum() else "_" for char in path.stem)
    return str(path.with_name(f"inhouse_{number:05d}_{stem}{_SUFFIX[placed.language]}"))


def _run(
    sandbox: Sandbox,
    tree: Mapping[str, str],
    files: Mapping[Placed, str],
    interpreter: str,
    readable: Sequence[Path],
    tools: Mapping[str, bool],
    said: _Said,
    references: set[str],
) -> None:
    texts = {path: placed.text for placed, path in files.items()}
    python = sorted(path for path in texts if path.endswith(".py"))
    checked = set(python) - references
    c = sorted(path for path in texts if path.endswith(".c"))
    plan = {
        "python": python,
        "types": {path: placed.path for placed, path in files.items() if path in checked},
        "c": c,
        "includes": _includes(tree, c),
        "interpreter": interpreter,
        "tools": sorted(name for name, there in tools.items() if there),
    }
    script = Path(__file__).with_name("inside").joinpath("checks.py").read_bytes()
    content = {path: text.encode("utf-8", "replace") for path, text in {**tree, **texts}.items()}
    content |= {"inhouse-plan.json": json.dumps(plan).encode(), "inhouse-checks.py": script}
    outcome = sandbox.run(
        ["python3", "-I", "inhouse-checks.py"],
        files=content,
        readable=readable,
        limits=_LIMITS,
        collect=["inhouse-said.json"],
    )
    found = outcome.collected.get("inhouse-said.json")
    why = f"the checks did not end ({', '.join(outcome.hit) or f'status {outcome.status}'})"
    _take(json.loads(found) if found else {}, [*python, *c], tools, said, "" if found else why)


def _take(
    answers: Mapping[str, Any], paths: Iterable[str], tools: Mapping[str, bool], said: _Said, why: str
) -> None:
    """Sort what the checkers said by file; a checker that failed is held against no file."""
    said.broken |= {PurePosixPath(path).name for path in answers.get("broken", ())}
    found = [
        one
        for tool, reader in _READERS.items()
        if tool in answers
        for one in reader(answers[tool].get("out", ""))
    ]
    types = answers.get("mypy", {})
    found += [(path, one) for path, answer in types.items() for _, one in read.read_mypy(answer["out"])]
    table = by_file((PurePosixPath(path).name, one) for path, one in found)
    failures = {
        _KIND_OF[tool]: why or _failure(tool, answers.get(tool)) for tool in _KIND_OF if tools.get(tool)
    }
    for path in paths:
        name = PurePosixPath(path).name
        said.of[name] = table.get(name, [])
        own = failures | ({"types": why or _type_failure(types.get(path))} if tools.get("mypy") else {})
        said.failed[name] = {kind: reason for kind, reason in own.items() if reason}


def _failure(tool: str, answer: Mapping[str, Any] | None) -> str:
    """Return why what a checker said cannot be used, "" when it can."""
    if answer is None:  # it was not asked, because there was nothing for it
        return ""
    status = answer.get("status")
    return "" if status == 0 else f"{tool} ended with status {status}: {_last_words(answer)}"


def _type_failure(answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return "the type checker's time was over"
    status = answer["status"]
    return "" if status in (0, 1) else f"mypy ended with status {status}: {_last_words(answer)}"


def _last_words(answer: Mapping[str, Any]) -> str:
    return " ".join(str(answer.get("err") or answer.get("out") or "").split())[-200:]


def _includes(tree: Mapping[str, str], c: Sequence[str]) -> list[str]:
    """Return the folders where headers may lie: those of the files first, then those with most headers."""
    if not c:
        return []
    own = list(dict.fromkeys(str(PurePosixPath(path).parent) for path in c))
    headers = Counter(str(PurePosixPath(path).parent) for path in tree if path.endswith(".h"))
    above = Counter(str(PurePosixPath(folder).parent) for folder in headers)
    return list(dict.fromkeys([*own, *(folder for folder, _ in (headers + above).most_common(_INCLUDES))]))


# ------------------------------------------------------------------ what an answer brought in


def _checked(case: Case, names: Mapping[Placed, str], said: _Said, tools: Mapping[str, bool]) -> Checked:
    answer = case.answer
    if answer.language not in _SUFFIX:
        return Checked({}, {})
    name, stub, reference = (PurePosixPath(names[one]).name for one in (answer, case.stub, case.reference))
    found = list(said.of.get(name, ()))
    reasons = _reasons(answer.language, name, reference, said, tools)
    if answer.language == "python" and name in said.broken:
        found = [one for one in found if one.kind == "syntax"] or [
            Diagnostic("syntax", "invalid-syntax", 0, "")
        ]
        unparsed = dict.fromkeys(_TOOLS["python"], "the file does not parse")
        missing = {kind: why for kind, why in reasons.items() if why.endswith(_MISSING)}
        return Checked({"syntax": tuple(found[:1])}, unparsed | missing)
    first, last = _lines(answer)
    base = said.of.get(stub, []) if stub not in said.broken else None
    if base is None:
        new = [one for one in found if first <= one.line <= last]
    else:
        new = introduced(base, found, (first, last), last - _lines(case.stub)[1])
    new = [one for one in new if one.kind != "format" or first <= one.line <= last]
    if answer.language == "c":
        new += c_security(answer.source, *answer.byte_span)
    kinds = [kind for kind in _KINDS[answer.language] if kind not in reasons]
    return Checked({kind: tuple(one for one in new if one.kind == kind) for kind in kinds}, reasons)


def _reasons(
    language: str, name: str, reference: str, said: _Said, tools: Mapping[str, bool]
) -> dict[str, str]:
    """Return the kinds that could not be checked, each with the reason."""
    needed = _TOOLS[language]
    reasons = {kind: f"{tool} {_MISSING}" for kind, tool in needed.items() if not tools.get(tool)}
    reasons |= {kind: why for kind, why in said.failed.get(name, {}).items() if kind in needed}
    if "format" not in reasons and any(one.kind == "format" for one in said.of.get(reference, ())):
        reasons["format"] = "the repository's own file is not formatted by it"
    if any(one.kind == "compiler" and one.code == "error" for one in said.of.get(reference, ())):
        reasons["compiler"] = "the repository's own file does not compile here"
    return reasons


def _lines(placed: Placed) -> tuple[int, int]:
    """Return the first and the last line that an answer touches, counted from 1."""
    lead = len(placed.answer) - len(placed.answer.lstrip("\n"))
    first = placed.text.count("\n", 0, placed.start + lead) + 1
    return first, first + placed.answer.strip("\n").count("\n")
