"""What checkers say, read into one form, and the part of it that a change brought in."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "Diagnostic",
    "introduced",
    "read_bandit",
    "read_clang_format",
    "read_cppcheck",
    "read_diff",
    "read_gcc",
    "read_mypy",
    "read_ruff",
]

_MYPY = re.compile(r"^(.+?):(\d+):(?:\d+:)? (error): (.*?)(?:  \[([\w-]+)\])?$")
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+")
_FORMAT = re.compile(r"^(.+?):(\d+):\d+: warning: code should be clang-formatted")
_CPPCHECK = re.compile(r"^(.+?):(\d+):(\w+):(\w+):(.*)$")
_DIGITS = re.compile(r"\d+")
_SYNTAX = ("invalid-syntax", "syntax-error")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint."""

    kind: str  # one of KINDS
    code: str  # such as F841, arg-type, -Wunused-variable, B602
    line: int
    message: str


def introduced(
    base: Sequence[Diagnostic], changed: Sequence[Diagnostic], lines: tuple[int, int], shift: int
) -> list[Diagnostic]:
    """Return the diagnostics of a changed file that its base does not have.

    `lines` are the first and the last changed line; lines behind them lie `shift` lower than in the base. All
    that is said of the changed lines is new. Of the others, what the base says of the same line in the same
    words (numbers apart: they may be lines) is old.
    """
    first, last = lines
    known = Counter(_key(one, one.line) for one in base)
    new = []
    for one in changed:
        if first <= one.line <= last:
            new.append(one)
            continue
        key = _key(one, one.line - shift if one.line > last else one.line)
        if known[key]:
            known[key] -= 1
        else:
            new.append(one)
    return new


def _key(one: Diagnostic, line: int) -> tuple[str, str, int, str]:
    return one.kind, one.code, line, _DIGITS.sub("0", one.message)


# ------------------------------------------------------------------ readers: (file name, diagnostic)


def read_ruff(output: str) -> Iterator[tuple[str, Diagnostic]]:
    """Read `ruff check --output-format json`; a file that does not parse gives one diagnostic, not dozens."""
    broken: set[str] = set()
    for row in _rows(output):
        name, code = _name(row["filename"]), row["code"] or "invalid-syntax"
        line = (row.get("location") or {}).get("row", 1)
        if code in _SYNTAX:
            if name not in broken:
                broken.add(name)
                yield name, Diagnostic("syntax", "invalid-syntax", line, row["message"])
        else:
            yield name, Diagnostic("lint", code, line, row["message"])


def read_mypy(output: str) -> Iterator[tuple[str, Diagnostic]]:
    """Read the errors of mypy; its notes say nothing alone."""
    for text in output.splitlines():
        found = _MYPY.match(text)
        if found:
            path, line, _, message, code = found.groups()
            yield _name(path), Diagnostic("types", code or "", int(line), message)


def read_bandit(output: str) -> Iterator[tuple[str, Diagnostic]]:
    """Read `bandit -f json`."""
    found = _json(output)
    for row in found.get("results", ()) if isinstance(found, dict) else ():
        yield (
            _name(row["filename"]),
            Diagnostic("security", row["test_id"], row["line_number"], row["issue_text"]),
        )


def read_gcc(output: str) -> Iterator[tuple[str, Diagnostic]]:
    """Read `gcc -fdiagnostics-format=json`, one list for each file that was compiled."""
    for text in output.splitlines():
        for row in _rows(text):
            place = (row.get("locations") or [{}])[0].get("caret", {})
            if row.get("kind") in ("error", "fatal error", "warning") and place.get("file"):
                code = row.get("option") or row["kind"].rpartition(" ")[2]
                yield _name(place["file"]), Diagnostic("compiler", code, place["line"], row["message"])


def read_cppcheck(output: str) -> Iterator[tuple[str, Diagnostic]]:
    """Read cppcheck's output in the form {file}:{line}:{severity}:{id}:{message}."""
    for text in output.splitlines():
        found = _CPPCHECK.match(text)
        if found and found[3] in ("error", "warning", "style", "performance", "portability"):
            yield _name(found[1]), Diagnostic("compiler", found[4], int(found[2]), found[5])


def read_clang_format(output: str) -> Iterator[tuple[str, Diagnostic]]:
    """Read `clang-format --dry-run`."""
    for text in output.splitlines():
        found = _FORMAT.match(text)
        if found:
            yield _name(found[1]), Diagnostic("format", "clang-format", int(found[2]), "would be reformatted")


def read_diff(output: str) -> Iterator[tuple[str, Diagnostic]]:
    """Read `ruff format --diff`: a diagnostic for each line that would be changed or removed."""
    name, line = "", 0
    for text in output.splitlines():
        if text.startswith("--- "):
            name = _name(text[4:].partition("\t")[0])
        elif found := _HUNK.match(text):
            line = int(found[1])
        elif text.startswith("-"):
            yield name, Diagnostic("format", "ruff", line, "would be reformatted")
            line += 1
        elif text.startswith("+") and not text.startswith("+++"):
            yield name, Diagnostic("format", "ruff", line, "would be added here")
        elif text.startswith(" "):
            line += 1


def by_file(found: Iterable[tuple[str, Diagnostic]]) -> dict[str, list[Diagnostic]]:
    """Return diagnostics by the name of their file."""
    table: dict[str, list[Diagnostic]] = defaultdict(list)
    for name, one in found:
        table[name].append(one)
    return table


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _rows(output: str) -> list[dict[str, Any]]:
    found = _json(output)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _json(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:  # the checker failed half-way: its status tells
        return None
