"""The history stage: everything that later stages need to know of a repository, but no contents.

commits.parquet   every commit reachable from the tip
changes.parquet   what the commits that matter changed, with line numbers
trees.parquet     the files at the validation cut, the cut and the tip
split.json        where time is cut
counts.json       what was seen, what was left out and why
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from inhouse.records import Change, Commit, TreeEntry
from inhouse.shards import write_json, write_records
from inhouse.sources.git import MISSING, SUBMODULE, SYMLINK
from inhouse.sources.paths import is_escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from inhouse.config import Sources
    from inhouse.progress import Progress
    from inhouse.records import Split
    from inhouse.sources.git import Repository

__all__ = ["MOST_EVALUATED", "ancestors", "write_history"]

MOST_EVALUATED = 3_000
"""Commits of a held-out or validation period whose changes are kept; of more, an even sample over time."""

_STATUSES = {"A": "added", "D": "deleted", "M": "modified", "R": "renamed", "T": "type_changed"}
_EMPTY_FILES = {
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}
_ENTRY_KINDS = {SYMLINK: "symlinks", SUBMODULE: "submodules"}


def ancestors(commits: Sequence[Commit], start: str) -> set[str]:
    """Return `start` and every commit that it builds on; nothing when `start` is ""."""
    if not start:
        return set()
    parents = {commit.id: commit.parents for commit in commits}
    reached = {start}
    waiting = [start]
    while waiting:
        new = [parent for parent in parents[waiting.pop()] if parent not in reached]
        reached.update(new)
        waiting += new
    return reached


def write_history(
    repository: Repository,
    settings: Sources,
    choose: Callable[[Sequence[Commit], Callable[[Iterable[str]], Iterable[Change]]], Split],
    folder: Path,
    progress: Progress,
) -> None:
    """Fill `folder` with the files above. `choose` cuts time, given the commits and a reader of changes.

    The changes kept are those of both evaluated periods, at most `MOST_EVALUATED` commits each, and of the
    newest `settings.max_commits` commits before them; merges have none.
    """
    if repository.enclosing:
        progress.warn(f"the folder given lies in the checkout {repository.path}; all of it is read")
    with progress.task("read commits", unit="commits") as task:
        commits = repository.commits()
        task.advance(len(commits))
    reader = _ChangeReader(repository, progress)
    split = choose(commits, reader.changes)
    selection = _select(commits, split, settings.max_commits)
    changes = reader.changes(selection.commits)
    trees = _read_trees(repository, split, progress)
    counts = _counts(repository, commits, split, selection, changes, trees)
    counts["changes_unreadable"] = len(reader.unreadable.intersection(selection.commits))
    counts["limits"] = _limits(repository, counts["changes_unreadable"], counts["documents_missing"])
    for limit in counts["limits"]:
        progress.warn(limit)
    entries = (entry for tree in trees.values() for entry in tree)
    write_records(folder / "commits.parquet", commits, Commit)
    write_records(folder / "changes.parquet", changes, Change)
    write_records(folder / "trees.parquet", entries, TreeEntry)
    write_json(folder / "split.json", asdict(split))
    write_json(folder / "counts.json", counts)


class _ChangeReader:
    """Reads each commit's changes once, however often they are asked for."""

    def __init__(self, repository: Repository, progress: Progress) -> None:
        self.unreadable: set[str] = set()
        self._repository = repository
        self._progress = progress
        self._known: dict[str, list[Change]] = {}

    def changes(self, commits: Iterable[str]) -> list[Change]:
        """Return the changes of commits, in the order asked for."""
        wanted = list(commits)
        new = [commit for commit in dict.fromkeys(wanted) if commit not in self._known]
        if new:
            self._read(new)
        return [change for commit in wanted for change in self._known[commit]]

    def _read(self, commits: list[str]) -> None:
        self.unreadable |= self._repository.unreadable(commits)
        self._known.update((commit, []) for commit in commits)
        position = {commit: number for number, commit in enumerate(commits, start=1)}
        with self._progress.task("read changes", len(commits), "commits") as task:
            for commit, changes in groupby(self._repository.changes(commits), lambda change: change.commit):
                self._known[commit] = list(changes)
                task.advance(position[commit] - task.done)
            task.advance(len(commits) - task.done)


@dataclass(frozen=True, slots=True)
class _Selection:
    """The commits whose changes are kept, in the order of the history, and what they are kept for."""

    commits: list[str]
    kept: dict[str, int]
    left_out: dict[str, int]


def _select(commits: Sequence[Commit], split: Split, most_trained: int) -> _Selection:
    before_cut = ancestors(commits, split.cut)
    before_validation = ancestors(commits, split.validation_cut)
    with_changes = [commit.id for commit in commits if len(commit.parents) < 2 and not commit.boundary]
    training = before_validation or before_cut
    candidates = {
        "heldout": [id_ for id_ in with_changes if id_ not in before_cut],
        "validation": [id_ for id_ in with_changes if id_ in before_cut and id_ not in training],
        "training": [id_ for id_ in with_changes if id_ in training],
    }
    kept = {
        "heldout": _even_sample(candidates["heldout"], MOST_EVALUATED),
        "validation": _even_sample(candidates["validation"], MOST_EVALUATED),
        "training": candidates["training"][:most_trained],
    }
    chosen = {id_ for ids in kept.values() for id_ in ids}
    return _Selection(
        commits=[id_ for id_ in with_changes if id_ in chosen],
        kept={use: len(ids) for use, ids in kept.items()},
        left_out={use: len(candidates[use]) - len(ids) for use, ids in kept.items()},
    )


def _even_sample(ids: list[str], most: int) -> list[str]:
    """Return at most `most` ids at equal distances."""
    if len(ids) <= most:
        return ids
    return [ids[number * len(ids) // most] for number in range(most)]


def _read_trees(repository: Repository, split: Split, progress: Progress) -> dict[str, list[TreeEntry]]:
    """Return the tree of each revision of the split, oldest first."""
    revisions = dict.fromkeys(filter(None, (split.validation_cut, split.cut, split.tip)))
    trees = {}
    with progress.task("read trees", unit="entries") as task:
        for revision in revisions:
            trees[revision] = repository.tree(revision)
            task.advance(len(trees[revision]))
    return trees


def _counts(
    repository: Repository,
    commits: Sequence[Commit],
    split: Split,
    selection: _Selection,
    changes: Sequence[Change],
    trees: Mapping[str, Sequence[TreeEntry]],
) -> dict[str, Any]:
    entries = [entry for tree in trees.values() for entry in tree]
    paths = {change.path for change in changes} | {entry.path for entry in entries}
    revisions = {"validation_cut": split.validation_cut, "cut": split.cut, "tip": split.tip}
    return {
        "commits": {
            "total": len(commits),
            "mainline": sum(commit.mainline for commit in commits),
            "merges": sum(len(commit.parents) > 1 for commit in commits),
            "boundary": sum(commit.boundary for commit in commits),
        },
        "commits_kept": selection.kept,
        "commits_left_out": selection.left_out,
        "changes": _count_changes(changes),
        "trees": {name: _count_entries(trees[revision]) for name, revision in revisions.items() if revision},
        "documents_missing": len({entry.document for entry in entries if entry.size == MISSING}),
        "escaped_paths": sum(map(is_escaped, paths)),
        "shallow": repository.shallow,
    }


def _count_changes(changes: Sequence[Change]) -> dict[str, int]:
    statuses = Counter(_STATUSES[change.status] for change in changes)
    contents = Counter(map(_content_of, changes))
    return {
        "total": len(changes),
        "hunks": sum(len(change.hunks) for change in changes),
        **{name: statuses[name] for name in _STATUSES.values()},
        **{name: contents[name] for name in ("lines", "no_lines", "binary", "not_files")},
    }


def _content_of(change: Change) -> str:
    """Say what changed in the files: lines, none (moved, other mode, empty), binary or huge, or no file."""
    sides = {change.document, change.old_document} - {""}
    if not sides:
        return "not_files"
    if change.hunks:
        return "lines"
    return "no_lines" if change.document == change.old_document or sides <= _EMPTY_FILES else "binary"


def _count_entries(tree: Sequence[TreeEntry]) -> dict[str, int]:
    found = Counter(_ENTRY_KINDS.get(entry.mode, "files") for entry in tree)
    return {name: found[name] for name in ("files", "symlinks", "submodules")}


def _limits(repository: Repository, unreadable: int, missing: int) -> list[str]:
    """Say in sentences what of the history could not be read."""
    limits = []
    if repository.shallow:
        limits.append(
            f"the clone is shallow: what came before {len(repository.boundary)} of its commits is missing;"
            " `git fetch --unshallow` brings it"
        )
    if unreadable or missing:
        limits.append(
            f"the clone is partial: it lacks contents of {unreadable} commits and {missing} files;"
            " `git fetch --refetch --no-filter` brings them"
        )
    return limits
