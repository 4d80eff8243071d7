"""What the history says is there, before anything is read: one occurrence for each (kind, path, document).

A *file* stands in the tree at the validation cut, the cut or the tip; a *version* only in a change; a
*message* belongs to a commit that has changes, or to a merge of a branch whose last commit has, and its
document is named by the commit's id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.hygiene.patterns import PathPatterns
from inhouse.hygiene.verdicts import REASONS
from inhouse.records import Change, Commit, Occurrence, Split, TreeEntry
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from inhouse.config import Sources

__all__ = ["Inventory", "removed", "take_inventory"]

_MODES = {"120000": "link", "160000": "submodule"}


@dataclass(frozen=True, slots=True)
class Inventory:
    """All occurrences, sorted by kind, path and document; what the paths alone decide is decided."""

    occurrences: list[Occurrence]
    training: frozenset[str]  # occurrences in the tree that is trained on


def removed(occurrence: Occurrence, reason: str) -> Occurrence:
    """Return the occurrence with a reason for removal and what it forbids."""
    return replace(occurrence, removed=reason, forbids=REASONS[reason].forbids)


def take_inventory(history: Path, source: str, settings: Sources) -> Inventory:
    """List the occurrences of a history artefact; links, submodules and excluded paths are removed."""
    split = Split(**json.loads((history / "split.json").read_text(encoding="utf-8")))
    commits = {commit.id: commit for commit in read_records(history, "commits", Commit)}
    trees = _Trees.read(history, split)
    files = {
        (path, document): _occurrence(source, "file", path, document, revision, commits)
        for (path, document), revision in trees.revisions.items()
    }
    versions, messages = _changed(history, source, commits, set(files))
    exclude = PathPatterns(settings.exclude)
    occurrences = [
        _decided(occurrence, trees.modes, exclude)
        for occurrence in (*files.values(), *versions.values(), *messages.values())
    ]
    return Inventory(
        sorted(occurrences, key=lambda item: (item.kind, item.path, item.document)),
        frozenset(files[place].id for place in trees.training),
    )


@dataclass(slots=True)
class _Trees:
    revisions: dict[tuple[str, str], str]  # (path, document): the earliest revision that holds it
    training: set[tuple[str, str]]
    modes: dict[tuple[str, str], str]  # of links and submodules

    @classmethod
    def read(cls, history: Path, split: Split) -> _Trees:
        wanted = [revision for revision in (split.validation_cut, split.cut, split.tip) if revision]
        order = {revision: number for number, revision in reversed(list(enumerate(wanted)))}
        trees = cls({}, set(), {})
        for entry in read_records(history, "trees", TreeEntry):
            place = (entry.path, entry.document)
            known = trees.revisions.get(place)
            if known is None or order[entry.revision] < order[known]:
                trees.revisions[place] = entry.revision
            if entry.revision == wanted[0]:
                trees.training.add(place)
            if entry.mode in _MODES:
                trees.modes[place] = entry.mode
        return trees


def _changed(
    history: Path, source: str, commits: Mapping[str, Commit], files: set[tuple[str, str]]
) -> tuple[dict[tuple[str, str], Occurrence], dict[str, Occurrence]]:
    """Return the versions that stand in no tree, each at its oldest known revision, and the messages."""
    versions: dict[tuple[str, str], Occurrence] = {}
    messages: dict[str, Occurrence] = {}
    for change in read_records(history, "changes", Change):
        if change.commit not in messages:
            messages[change.commit] = _occurrence(
                source, "message", "", change.commit, change.commit, commits
            )
        for path, document, revision in _sides(change, commits):
            place = (path, document)
            if not document or place in files:
                continue
            version = _occurrence(source, "version", path, document, revision, commits)
            versions[place] = min(version, versions.get(place, version), key=_age)
    changed = set(messages)
    for commit in commits.values():
        if changed.intersection(commit.parents[1:]):
            messages[commit.id] = _occurrence(source, "message", "", commit.id, commit.id, commits)
    return versions, messages


def _sides(change: Change, commits: Mapping[str, Commit]) -> Iterable[tuple[str, str, str]]:
    """Yield (path, document, a revision that holds it) for the new and the old side of a change."""
    yield change.path, change.document, change.commit
    parents = commits[change.commit].parents
    before = parents[0] if parents and parents[0] in commits else change.commit
    yield change.old_path or change.path, change.old_document, before


def _age(occurrence: Occurrence) -> tuple[int, str]:
    return occurrence.date, occurrence.revision


def _occurrence(
    source: str, kind: str, path: str, document: str, revision: str, commits: Mapping[str, Commit]
) -> Occurrence:
    return Occurrence(
        id=digest_json([source, kind, path, document])[:16],
        source=source,
        kind=kind,
        path=path,
        revision=revision,
        document=document,
        date=commits[revision].date,
        size=0,
        removed="",
        forbids=(),
    )


def _decided(
    occurrence: Occurrence, modes: Mapping[tuple[str, str], str], exclude: PathPatterns
) -> Occurrence:
    if occurrence.kind == "message":
        return occurrence
    mode = modes.get((occurrence.path, occurrence.document))  # a change names no links and submodules
    if mode is not None:
        return removed(occurrence, _MODES[mode])
    return removed(occurrence, "excluded") if exclude.matches(occurrence.path) else occurrence
