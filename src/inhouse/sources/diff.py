"""The output of `git diff-tree --raw --patch --unified=0` as changes.

Per commit that changed anything, git prints

    3f1c...                                       the commit
    :100644 100644 9b2e... 51aa... M\tsrc/a.c      one line per path
    diff --git a/src/a.c b/src/a.c                one section per path, in the same order
    --- a/src/a.c
    +++ b/src/a.c
    @@ -10,0 +11,2 @@ heading                     one line per hunk, then as many lines as it says
    +first
    +second

Lines of a hunk are skipped by its counts, never by what they look like: a file may hold a diff. Lines end at
"\\n" only, as git counts them; `str.splitlines` would find more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.records import Change, Hunk
from inhouse.sources.paths import printable, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Entry", "parse_changes", "parse_entries"]

_COMMIT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?\n")
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(slots=True)
class Entry:
    """One path of a raw diff. Modes are git's, 000000 where a side is absent; ids are those git prints."""

    old_mode: str
    new_mode: str
    old_id: str
    new_id: str
    status: str
    old_path: str
    path: str
    hunks: list[Hunk] = field(default_factory=list)


def parse_changes(output: Iterable[bytes]) -> Iterator[Change]:
    """Yield the changes of each commit, by path. `output` yields lines with their ends.

    Only regular files have contents and lines: a side that is a symbolic link or a submodule counts as
    absent, so its id is empty. A change of contents without hunks is that of a binary file (or of one above
    `process.LARGEST_DIFF`).
    """
    for commit, entries in parse_entries(output):
        changes = [_change(commit, entry) for entry in entries]
        yield from sorted(changes, key=lambda change: change.path)


def parse_entries(output: Iterable[bytes]) -> Iterator[tuple[str, list[Entry]]]:
    """Yield each commit with the entries of its diff, in git's order."""
    lines = iter(output)
    commit = ""
    entries: list[Entry] = []
    sections: Iterator[Entry] = iter(())
    hunks: list[Hunk] = []
    for line in lines:
        if line.startswith(b"@@ "):
            hunks.append(_parse_hunk(line))
            _skip_content(lines, hunks[-1])
        elif line.startswith(b"diff --git "):
            hunks = next(sections).hunks
        elif line.startswith(b":"):
            entries.append(_parse_entry(line))
        elif _COMMIT.fullmatch(line):
            if commit:
                yield commit, entries
            commit, entries = line.decode("ascii").strip(), []
            sections = _sections(entries)
    if commit:
        yield commit, entries


def _sections(entries: list[Entry]) -> Iterator[Entry]:
    """Yield the entry of each section; a change of type is printed as a deletion and an addition."""
    for entry in entries:
        yield entry
        if entry.status == "T":
            yield entry


def _parse_entry(line: bytes) -> Entry:
    fields, *names = line.removesuffix(b"\n").split(b"\t")
    old_mode, new_mode, old_id, new_id, status = fields[1:].decode("ascii").split(" ")
    paths = [printable(unquote(name)) for name in names]
    return Entry(old_mode, new_mode, old_id, new_id, status[0], paths[0], paths[-1])


def _parse_hunk(line: bytes) -> Hunk:
    match = _HUNK.match(line)
    if match is None:
        raise ValueError(f"not a hunk header: {line!r}")
    old_start, old_count, new_start, new_count = match.groups(b"1")
    return Hunk(int(old_start), int(old_count), int(new_start), int(new_count))


def _skip_content(lines: Iterator[bytes], hunk: Hunk) -> None:
    remaining = hunk.old_count + hunk.new_count
    while remaining and (line := next(lines, b"")):  # git that dies in a hunk is reported by its status
        if not line.startswith(b"\\"):  # "\ No newline at end of file" is a remark, not a line
            remaining -= 1


def _change(commit: str, entry: Entry) -> Change:
    old, new = _is_file(entry.old_mode), _is_file(entry.new_mode)
    return Change(
        commit=commit,
        status=entry.status,
        path=entry.path,
        old_path="" if entry.status == "A" else entry.old_path,
        document=entry.new_id if new else "",
        old_document=entry.old_id if old else "",
        hunks=tuple(
            hunk for hunk in entry.hunks if (old or hunk.old_count == 0) and (new or hunk.new_count == 0)
        ),
    )


def _is_file(mode: str) -> bool:
    return mode.startswith("100")
