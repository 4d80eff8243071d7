"""Patches: what a commit, or a merged branch, did to the files that may be trained on, both sides whole.

before | unchanged | old lines | unchanged |
after  | unchanged | new lines | unchanged |       as a diff: three unchanged lines around each run
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

from inhouse.datasets.split import periods
from inhouse.datasets.windows import split_lines
from inhouse.languages import detect, is_code
from inhouse.records import Hunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.datasets.material import Material
    from inhouse.records import Change

__all__ = [
    "MOST_FILES",
    "FilePatch",
    "Patch",
    "branch_patches",
    "commit_patches",
    "diff",
    "new_text",
    "old_text",
]

MOST_FILES = 6
"""Of a patch that is an example: more are a sweep through the tree and no single piece of work."""

_CONTEXT = 3  # unchanged lines before and behind a run, as git has it
_BATCH = 128  # commits whose texts are in memory at once
_LONGEST = 4_000  # lines of a file that is compared line by line
_STATUSES = frozenset("AMDR")
_NO_LINE_END = "\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class FilePatch:
    """One changed file. A side that is absent is ""."""

    path: str
    old_path: str
    status: str
    language: str
    before: str
    after: str
    hunks: tuple[Hunk, ...]
    lineage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """One change of one or more files, with the words that came with it."""

    commit: str
    message: str
    files: tuple[FilePatch, ...]  # by path
    lineage: tuple[str, ...]  # of the message
    unread: int  # files whose text may not be trained on, or that are no text
    commits: int = 1  # that it combines

    @property
    def sources(self) -> tuple[str, ...]:
        """The occurrences behind it: of the files, then of the message."""
        return (*(name for file in self.files for name in file.lineage), *self.lineage)


def commit_patches(material: Material, commits: Sequence[str]) -> Iterator[Patch]:
    """Yield the patches of commits in their order; those without a file that can be read are left out."""
    for start in range(0, len(commits), _BATCH):
        batch = commits[start : start + _BATCH]
        changes = {commit: material.all_changes(commit) for commit in batch}
        texts = _texts(material, [change for own in changes.values() for change in own])
        for commit in batch:
            files = [file for change in changes[commit] if (file := _file(material, change, texts))]
            if files:
                message, lineage = material.message(commit)
                yield Patch(commit, message, tuple(files), lineage, len(changes[commit]) - len(files))


def branch_patches(material: Material) -> Iterator[Patch]:
    """Yield what each merge of the main line brought, newest first, as one change of its own.

    Files are read of branches of two commits or more that changed a few files, and whose files went through
    no other hands meanwhile: each version is the one before the next.
    """
    branches = list(_branches(material))
    for start in range(0, len(branches), _BATCH):
        batch = [
            (merge, own, _combined([material.all_changes(commit) for commit in reversed(own)]))
            for merge, own in branches[start : start + _BATCH]
        ]
        read = {
            merge: combined for merge, own, combined in batch if len(own) > 1 and len(combined) <= MOST_FILES
        }
        texts = _texts(material, [change for combined in read.values() for change in combined])
        for merge, own, combined in batch:
            files = _combined_files(material, combined, texts) if merge in read else []
            message, lineage = material.message(merge)
            yield Patch(merge, message, tuple(files), lineage, len(combined) - len(files), len(own))


def diff(patch: FilePatch) -> str:
    """Return a file's change as a unified diff that `git apply` takes."""
    old, new = split_lines(patch.before), split_lines(patch.after)
    before = "/dev/null" if patch.status == "A" else f"a/{patch.old_path or patch.path}"
    after = "/dev/null" if patch.status == "D" else f"b/{patch.path}"
    groups = _grouped(patch.hunks)
    return f"--- {before}\n+++ {after}\n" + "".join(_section(group, old, new) for group in groups)


def old_text(patch: FilePatch, hunk: Hunk) -> str:
    """Return the lines that a run replaces."""
    lines = split_lines(patch.before)
    return "".join(lines[hunk.old_start - 1 : hunk.old_start - 1 + hunk.old_count]) if hunk.old_count else ""


def new_text(patch: FilePatch, hunk: Hunk) -> str:
    """Return the lines that stand there afterwards."""
    lines = split_lines(patch.after)
    return "".join(lines[hunk.new_start - 1 : hunk.new_start - 1 + hunk.new_count]) if hunk.new_count else ""


# ------------------------------------------------------------------ reading


def _texts(material: Material, changes: Iterable[Change]) -> dict[str, str]:
    wanted = {document for change in changes for document in (change.document, change.old_document)}
    return material.texts(wanted - {""})


def _file(material: Material, change: Change, texts: dict[str, str]) -> FilePatch | None:
    """Return a change with its texts; None when a side may not be trained on, or is no text."""
    if change.status not in _STATUSES or not change.hunks:
        return None
    old_path = change.old_path or change.path
    sides = [(old_path, change.old_document), (change.path, change.document)]
    places = [material.place(path, document) for path, document in sides if document]
    if any(place is None or place.removed or place.document not in texts for place in places):
        return None
    before, after = texts.get(change.old_document, ""), texts.get(change.document, "")
    if not _match(change.hunks, before, after):
        return None
    return FilePatch(
        path=change.path,
        old_path=change.old_path,
        status=change.status,
        language=detect(change.path, after or before),
        before=before,
        after=after,
        hunks=change.hunks,
        lineage=tuple(place.id for place in places if place is not None),
    )


def _match(hunks: Sequence[Hunk], before: str, after: str) -> bool:
    """Do the runs lie inside the texts, and is the rest the same? Cleaning may have changed line ends."""
    old, new = split_lines(before), split_lines(after)
    at_old = at_new = 0
    for hunk in (*hunks, Hunk(len(old), 0, len(new), 0)):
        if old[at_old : _old_low(hunk)] != new[at_new : _new_low(hunk)]:
            return False
        at_old, at_new = _old_low(hunk) + hunk.old_count, _new_low(hunk) + hunk.new_count
    return at_old == len(old) and at_new == len(new)


# ------------------------------------------------------------------ branches


def _branches(material: Material) -> Iterator[tuple[str, list[str]]]:
    """Yield the merges of the main line that have a message, with the commits that they brought."""
    trained = set(material.periods["train"])
    merges = {commit.id for commit in material.commits if len(commit.parents) > 1}
    mainline = [commit.id for commit in material.commits if commit.mainline]
    for merge, brought in zip(mainline, periods(material.commits), strict=True):
        own = [commit for commit in brought if commit in trained]
        if merge in merges and own and material.message(merge)[0]:
            yield merge, own


def _combined(commits: Sequence[Sequence[Change]]) -> list[Change]:
    """Return the changes of commits, oldest first, as those of one; nothing when they do not join up."""
    combined: dict[str, Change] = {}
    for changes in commits:
        for change in changes:
            first = combined.pop(change.old_path or change.path, None)
            if first is not None and first.document != change.old_document:
                return []
            combined[change.path] = _joined(first, change) if first is not None else change
    return [combined[path] for path in sorted(combined) if _differs(combined[path])]


def _joined(first: Change, last: Change) -> Change:
    old_path = first.old_path or (first.path if first.path != last.path and first.old_document else "")
    status = "A" if not first.old_document else "D" if not last.document else "R" if old_path else "M"
    return replace(last, status=status, old_path=old_path, old_document=first.old_document, hunks=())


def _differs(change: Change) -> bool:
    return change.document != change.old_document


def _combined_files(material: Material, changes: Sequence[Change], texts: dict[str, str]) -> list[FilePatch]:
    files = []
    for change in changes:
        old, new = (split_lines(texts.get(name, "")) for name in (change.old_document, change.document))
        if not change.hunks and is_code(detect(change.path)) and max(len(old), len(new)) <= _LONGEST:
            change = replace(change, hunks=_compared(old, new))
        file = _file(material, change, texts)
        if file is not None:
            files.append(file)
    return files


def _compared(old: Sequence[str], new: Sequence[str]) -> tuple[Hunk, ...]:
    """Return the runs in which two texts differ, as git counts them."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return tuple(
        Hunk(low + (high > low), high - low, start + (end > start), end - start)
        for tag, low, high, start, end in blocks
        if tag != "equal"
    )


# ------------------------------------------------------------------ writing


def _grouped(hunks: Sequence[Hunk]) -> list[list[Hunk]]:
    """Return the runs in groups that share their unchanged lines."""
    groups = [[hunk] for hunk in hunks[:1]]
    for before, hunk in pairwise(hunks):
        if _old_low(hunk) - (_old_low(before) + before.old_count) <= 2 * _CONTEXT:
            groups[-1].append(hunk)
        else:
            groups.append([hunk])
    return groups


def _section(group: Sequence[Hunk], old: Sequence[str], new: Sequence[str]) -> str:
    first, last = group[0], group[-1]
    low = max(0, _old_low(first) - _CONTEXT)
    high = min(len(old), _old_low(last) + last.old_count + _CONTEXT)
    body: list[str] = []
    at = low
    for hunk in group:
        start = _old_low(hunk)
        body += [f" {line}" for line in old[at:start]]
        body += [f"-{line}" for line in old[start : start + hunk.old_count]]
        body += [f"+{line}" for line in new[_new_low(hunk) : _new_low(hunk) + hunk.new_count]]
        at = start + hunk.old_count
    body += [f" {line}" for line in old[at:high]]
    grown = sum(hunk.new_count - hunk.old_count for hunk in group)
    new_start = max(0, _new_low(first) - (_old_low(first) - low))
    removed, added = high - low, high - low + grown
    head = f"@@ -{low + bool(removed)},{removed} +{new_start + bool(added)},{added} @@\n"
    return head + "".join(line if line.endswith("\n") else f"{line}\n{_NO_LINE_END}" for line in body)


def _old_low(hunk: Hunk) -> int:
    """Return how many old lines stand before a run; git names the line before one that only adds."""
    return hunk.old_start - bool(hunk.old_count)


def _new_low(hunk: Hunk) -> int:
    return hunk.new_start - bool(hunk.new_count)
