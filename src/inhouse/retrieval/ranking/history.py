"""What the history says of files: how often each changed lately, and with which others.

A change counts half after a year, by the committer's dates, seen from the revision that is indexed; commits
after it, merges, and commits of many files (moves, formatting) say nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from inhouse.digests import digest_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inhouse.records import Change, Commit
    from inhouse.retrieval.store import Store

__all__ = ["Table", "keep", "kept", "summarise"]

_HALF_LIFE = 365 * 86_400
_MAX_FILES = 30  # of a commit
_MAX_OTHERS = 10  # of a file
_MAX_PATHS = 20_000
_DIGITS = 4


class Table(NamedTuple):
    """A history in short."""

    changes: dict[str, float]  # path: number of changes, older ones for less
    together: dict[str, dict[str, float]]  # path: other: share of the path's changes that touched it too


def summarise(
    commits: Iterable[Commit], changes: Iterable[Change], revision: str, paths: Iterable[str]
) -> Table:
    """Return the table of a revision, given the changes of its ancestors, for the paths that it has.

    A file that moved is its new path; `commits` has children before parents, as `Repository.commits` does.
    """
    order = {commit.id: place for place, commit in enumerate(commits)}
    dates = {commit.id: commit.date for commit in commits}
    return _table(_newest_first(changes, order), dates, dates[revision], set(paths))


def _newest_first(changes: Iterable[Change], order: Mapping[str, int]) -> list[tuple[str, list[Change]]]:
    grouped: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change.commit in order:
            grouped[change.commit].append(change)
    return sorted(grouped.items(), key=lambda pair: order[pair[0]])


def _table(
    history: Iterable[tuple[str, list[Change]]], dates: Mapping[str, int], now: int, paths: set[str]
) -> Table:
    counted: dict[str, float] = defaultdict(float)
    pairs: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    moved: dict[str, str] = {}
    for commit, changes in history:
        touched = {moved.get(change.path, change.path) for change in changes if change.status != "D"} & paths
        for change in changes:
            if change.old_path and change.old_path != change.path:
                moved[change.old_path] = moved.get(change.path, change.path)
        if len(changes) > _MAX_FILES:
            continue
        weight = 0.5 ** (max(0, now - dates[commit]) / _HALF_LIFE)
        for path in touched:
            counted[path] += weight
            for other in touched - {path}:
                pairs[path][other] += weight
    return _bounded(counted, pairs)


def _bounded(counted: Mapping[str, float], pairs: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the table with the paths that changed most, and of each those that it changed with most."""
    most = sorted(counted, key=lambda path: (-counted[path], path))[:_MAX_PATHS]
    together = {
        path: {
            other: round(pairs[path][other] / counted[path], _DIGITS)
            for other in sorted(pairs[path], key=lambda other: (-pairs[path][other], other))[:_MAX_OTHERS]
        }
        for path in most
        if path in pairs
    }
    return Table({path: round(counted[path], _DIGITS) for path in most}, together)


# ------------------------------------------------------------------ in an index


def keep(store: Store, table: Table) -> None:
    """Put the table of a history into an index, in place of an earlier one."""
    value = {"changes": table.changes, "together": table.together}
    store.set("history", value)
    store.set("history_digest", digest_json(value))


def kept(store: Store) -> Table | None:
    """Return the table of an index, None when it has none. What was read once stays in memory."""
    digest = store.get("history_digest")
    if digest is None:
        return None
    with _LOCK:
        if digest not in _TABLES:
            _TABLES[digest] = Table(**store.get("history"))
            for old in list(_TABLES)[:-_KEPT]:
                del _TABLES[old]
        return _TABLES[digest]


_TABLES: dict[str, Table] = {}  # of the process, by digest: a server opens an index once per thread
_KEPT = 4
_LOCK = threading.Lock()
