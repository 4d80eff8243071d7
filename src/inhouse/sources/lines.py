"""The output of `git log -L` as changes of lines: which commits made lines what they are.

Per commit, in the order of git, newest first, git prints

    >3f1c... 1704110400 9b2e...          its date and its parents
    diff --git a/old.c b/new.c
    --- a/old.c                          /dev/null where the file begins here
    +++ b/new.c
    @@ -2,1 +3,1 @@                      the lines followed, before and after
    -old
    +new

Only the numbers are read. The lines are those of documents, which hygiene must see whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.sources.paths import printable, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FORMAT", "LineChange", "Span", "parse_line_changes"]

FORMAT = "tformat:>%H %ct %P"
"""Of the first line of a commit; no line of a diff begins with this character."""

_COMMIT = re.compile(rb">([0-9a-f]{40}(?:[0-9a-f]{24})?) (-?\d+) ?([0-9a-f ]*)\n?")
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_LATEST = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a path; `path` is "" where there was no file, `count` 0 where there were no lines."""

    path: str
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class LineChange:
    """What one commit did to the lines that are followed, from where they were to where they went."""

    commit: str
    date: int
    parents: tuple[str, ...]
    before: tuple[Span, ...]
    after: tuple[Span, ...]


def parse_line_changes(output: Iterable[bytes]) -> Iterator[LineChange]:
    """Yield the changes in the output of `git log -L` with `FORMAT`; `output` yields lines with ends."""
    reading: _Reading | None = None
    for line in output:
        if found := _COMMIT.fullmatch(line):
            if reading is not None:
                yield reading.done()
            commit, date, parents = (field.decode("ascii") for field in found.groups())
            reading = _Reading(commit, min(int(date), _LATEST), tuple(parents.split()))
        elif reading is not None:
            reading.read(line)
    if reading is not None:
        yield reading.done()


class _Reading:
    """A commit while its diff is read. Lines of a hunk are skipped by its counts: a file may hold a diff."""

    def __init__(self, commit: str, date: int, parents: tuple[str, ...]) -> None:
        self._commit = (commit, date, parents)
        self._before: list[Span] = []
        self._after: list[Span] = []
        self._old_path = self._path = ""
        self._old_left = self._left = 0

    def done(self) -> LineChange:
        return LineChange(*self._commit, tuple(self._before), tuple(self._after))

    def read(self, line: bytes) -> None:
        if self._old_left > 0 or self._left > 0:
            self._old_left -= line.startswith((b"-", b" "))
            self._left -= line.startswith((b"+", b" "))
        elif line.startswith(b"--- "):
            self._old_path = _path(line[4:], b"a/")
        elif line.startswith(b"+++ "):
            self._path = _path(line[4:], b"b/")
        elif found := _HUNK.match(line):
            start, count, new_start, new_count = (int(number or 1) for number in found.groups())
            self._before.append(Span(self._old_path, start, count))
            self._after.append(Span(self._path, new_start, new_count))
            self._old_left, self._left = count, new_count


def _path(name: bytes, side: bytes) -> str:
    """Return the path that a line of a diff names, "" for no file; git may end it with a tab."""
    name = unquote(name.rstrip(b"\n").removesuffix(b"\t"))
    return "" if name == b"/dev/null" else printable(name.removeprefix(side))
