"""Candidates: every run of new code of a period's commits, usable or not, with the reason if not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inhouse.datasets.items import Piece
from inhouse.datasets.split import is_candidate
from inhouse.digests import digest_json
from inhouse.languages import detect
from inhouse.records import Item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from inhouse.datasets.items import Cutter
    from inhouse.datasets.material import Material, Version, Wanted
    from inhouse.progress import Task
    from inhouse.records import Change

__all__ = ["Candidate", "ChangedFile", "candidates", "changed_files", "not_read"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible item. `removed` says why it is none, or is ""; then `matched` may say what it repeats."""

    item: Item
    lineage: tuple[str, ...]  # occurrences of its file and its message
    tokens_cut: int  # of its run, beyond what is scored
    removed: str = ""
    matched: str = ""  # an occurrence
    similarity: float = 0.0

    def without(self, reason: str, matched: str = "", similarity: float = 0.0) -> Candidate:
        """Return the candidate, removed."""
        return replace(self, removed=reason, matched=matched, similarity=similarity)


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file with runs of new code, with what its commit said: all that its candidates hang on."""

    version: Version
    date: int
    message: str
    lineage: tuple[str, ...]  # occurrences of the file and the message
    known: bool  # did the path exist at the cut?

    def candidates(self, split: str, cutter: Cutter) -> Iterator[Candidate]:
        """Yield the candidates by line."""
        language = detect(self.version.change.path, self.version.text)
        for piece in cutter.found(self.version):
            item = _item(split, self.version.change, piece, self.date, known=self.known)
            told = replace(item, message=self.message, language=language)
            yield Candidate(told, self.lineage, piece.tokens_cut, piece.reason)


def changed_files(
    material: Material,
    commits: Sequence[str],
    cutter: Cutter,
    known: Collection[str] = (),
    task: Task | None = None,
) -> Iterator[ChangedFile]:
    """Yield the files in which commits have candidates, in the order of `commits`, then by path."""
    for version in material.versions(commits, task, cutter.wanted):
        change = version.change
        message, message_lineage = material.message(change.commit)
        lineage = (*filter(None, [version.occurrence]), *message_lineage)
        date = material.dates[change.commit]
        yield ChangedFile(version, date, message, lineage, change.path in known)


def candidates(
    material: Material,
    commits: Sequence[str],
    split: str,
    known: Collection[str],
    cutter: Cutter,
    task: Task | None = None,
) -> Iterator[Candidate]:
    """Yield the candidates of commits in their order, then by path and line.

    `known` are the paths that existed at the cut from which this split is measured.
    """
    for file in changed_files(material, commits, cutter, known, task):
        yield from file.candidates(split, cutter)


def not_read(
    material: Material,
    commits: Sequence[str],
    split: str,
    known: Collection[str],
    reason: str,
    wanted: Wanted = is_candidate,
) -> Iterator[Candidate]:
    """Yield the candidates of commits, each run whole, removed for a reason that no text is needed for."""
    for commit in commits:
        for change in material.changes(commit, wanted):
            for run in (hunk for hunk in change.hunks if wanted(change, hunk)):
                piece = Piece(run.new_start, "", "", 0, reason)
                item = _item(split, change, piece, material.dates[commit], known=change.path in known)
                yield Candidate(item, (), 0, reason)


def _item(split: str, change: Change, piece: Piece, date: int, *, known: bool) -> Item:
    return Item(
        id=digest_json([split, change.commit, change.path, piece.line])[:16],
        split=split,
        commit=change.commit,
        date=date,
        path=change.path,
        language=detect(change.path),
        message="",
        prefix=piece.prefix,
        target=piece.target,
        known_path=known,
    )
