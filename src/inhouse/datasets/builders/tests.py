"""Tests from code, and code from tests: a test function paired with the one function that it is about.

The pair is found by names and imports. Among the functions that a test calls, or is named after, that one is
taken whose name stands in the name of the test; failing that the only one of the files that its file imports.
Where two fit equally well there is no pair: a wrong one would teach tests of something else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from inhouse.datasets.builders.batched import in_turns
from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.builders.implementations import head_and_body
from inhouse.datasets.imports import Resolver
from inhouse.datasets.windows import definition_starts, split_lines
from inhouse.languages import is_code, is_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.material import SourceFile
    from inhouse.records import Example, Symbol

__all__ = ["BUILDER", "Pair", "PairedTests", "pairs"]

_TURN = 4  # pairs of a file before all the others have had theirs
_KINDS = frozenset({"function", "method"})
_TEST_NAME = re.compile(r"test(?=[_A-Z0-9])|Test(?=[_A-Z0-9])|(?:it_|should_)")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MIN_BODY_LINES = 2
_MIN_LETTERS = 3  # of a function that a test may be named after


@dataclass(frozen=True, slots=True)
class Pair:
    """A test and what it tests."""

    test_file: SourceFile
    test: Symbol
    file: SourceFile
    symbol: Symbol


class PairedTests(Builder):
    """Makes two rows of each pair: its test from its code, and its code from its test."""

    kind = "test"
    line = "from a function to its test, and from a test and a signature to the body"

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, best first: every test file gives four pairs before any gives more."""
        files = [file for file in past.files if is_code(file.language)]
        for pair in in_turns(pairs(files, self), _TURN, spread=True):
            yield from self._rows(pair)

    def _rows(self, pair: Pair) -> Iterator[Example]:
        test = _whole(pair.test_file, pair.test)
        head, body = head_and_body(pair.file, pair.symbol, _first_line(pair.file, pair.symbol))
        if len(body.strip().splitlines()) < _MIN_BODY_LINES or not self.bench.fits(test, head, body):
            self.skip("hardly any body" if self.bench.fits(test, head, body) else "longer than a row")
            return
        fence, name = f"```{pair.file.language}\n", pair.symbol.qualified_name
        test_fence = f"```{pair.test_file.language}\n"
        lineage = [*pair.test_file.lineage, *pair.file.lineage]
        place: list[str | int] = [pair.test_file.path, pair.test.start, pair.symbol.start]
        rows = (
            self.conversation(
                f"Write a test of `{name}` in `{pair.file.path}`, for `{pair.test_file.path}`.\n\n"
                f"{fence}{head}\n{body}\n```",
                f"{test_fence}{test}\n```",
                lineage,
                [*place, "test"],
            ),
            self.conversation(
                f"Write the body of `{name}` in `{pair.file.path}` so that this test of "
                f"`{pair.test_file.path}` passes.\n\n{test_fence}{test}\n```\n\n{fence}{head}\n```",
                f"{fence}{body}\n```",
                lineage,
                [*place, "code"],
            ),
        )
        yield from (row for row in rows if row is not None)


def pairs(files: Sequence[SourceFile], builder: Builder) -> Iterator[list[Pair]]:
    """Yield the pairs of each test file that has any; what gives none is tallied with `builder`."""
    defined = _defined(files)
    resolver = Resolver(file.path for file in files)
    for file in files:
        if not is_test(file.path, file.language):
            continue
        builder.tally.sources += 1
        imported = set(resolver.imported(file))
        calls = _calls(file)
        found = []
        for test in file.parsed.symbols:
            if test.kind in _KINDS and _TEST_NAME.match(test.name) and test.body < test.end:
                tested = _tested(test, calls[test.qualified_name], imported, defined)
                if isinstance(tested, str):
                    builder.skip(tested)
                else:
                    found.append(Pair(file, test, *tested))
        if found:
            yield found


def _defined(files: Sequence[SourceFile]) -> dict[str, list[tuple[SourceFile, Symbol]]]:
    """Return the functions of code that is no test, by name."""
    defined: dict[str, list[tuple[SourceFile, Symbol]]] = defaultdict(list)
    for file in files:
        if not is_test(file.path, file.language):
            for symbol in file.parsed.symbols:
                if symbol.kind in _KINDS and symbol.body < symbol.end:
                    defined[symbol.name].append((file, symbol))
    return defined


def _calls(file: SourceFile) -> dict[str, set[str]]:
    calls: dict[str, set[str]] = defaultdict(set)
    for call in file.parsed.calls:
        calls[call.scope].add(re.split(r"[.:>]+", call.name)[-1])
    return calls


def _tested(
    test: Symbol,
    calls: set[str],
    imported: set[str],
    defined: dict[str, list[tuple[SourceFile, Symbol]]],
) -> tuple[SourceFile, Symbol] | str:
    """Return the function that a test is about, or why it is not known."""
    words = _words(test.name)
    candidates = []
    for name in sorted(calls & defined.keys()):
        for file, symbol in defined[name]:
            near = file.path in imported or _same_stem(test.path, file.path)
            candidates.append((_named(_words(name), words), near, file, symbol))
    if not candidates:
        return "calls no function of the repository"
    best = max((named, near) for named, near, _, _ in candidates)
    found = [(file, symbol) for named, near, file, symbol in candidates if (named, near) == best]
    if len(found) > 1:
        return "could be about several functions"
    if not best[0] and not best[1]:
        return "neither its name nor an import says what it is about"
    return found[0]


def _named(name: list[str], test: list[str]) -> int:
    """Return how many words of a test's name are those of a function, in a row; 0 when not all are there."""
    if len("".join(name)) < _MIN_LETTERS:
        return 0
    places = range(len(test) - len(name) + 1)
    return len(name) if any(test[place : place + len(name)] == name for place in places) else 0


def _words(name: str) -> list[str]:
    return [part.lower() for part in _PART.findall(name)]


def _same_stem(test_path: str, path: str) -> bool:
    """Is a test file named after a file?"""
    stem = path.rpartition("/")[2].partition(".")[0].strip("_").lower()
    test = re.sub(
        r"^tests?[-_]|[-_.]?(?:tests?|spec)$", "", test_path.rpartition("/")[2].partition(".")[0].lower()
    )
    return bool(stem) and test.replace("-", "_") == stem.replace("-", "_")


def _first_line(file: SourceFile, symbol: Symbol) -> int:
    return _starts(file)[symbol.start_line]


@lru_cache(maxsize=16)
def _starts(file: SourceFile) -> dict[int, int]:
    return definition_starts(file.parsed, split_lines(file.text))


def _whole(file: SourceFile, symbol: Symbol) -> str:
    """Return a definition with the comments above it."""
    lines = split_lines(file.text)
    return "".join(lines[_first_line(file, symbol) - 1 : symbol.end_line]).rstrip("\n")


BUILDER = PairedTests
