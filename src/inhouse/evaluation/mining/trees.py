"""Trees as they are laid out to be run: the files of a revision, without `.git`.

A symbolic link that stays inside of the tree becomes a copy of what it points to; one that leaves it is
refused. Submodules, files above a limit and what would make a tree too large are skipped. All is counted.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.sources.git import MISSING, SUBMODULE, SYMLINK
from inhouse.sources.paths import is_escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inhouse.records import TreeEntry
    from inhouse.sources.git import Repository

__all__ = ["LARGEST_FILE", "LARGEST_TREE", "Tree", "TreeReader", "export"]

LARGEST_FILE = 4_000_000
"""Bytes. Larger files of a repository are data that tests seldom need."""

LARGEST_TREE = 256_000_000
"""Bytes of one tree: it is held in memory, and copied for every run."""

_EXECUTABLE = "100755"
_MOST_HOPS = 8  # from link to link
_LINK_BYTES = 4_096
_KEPT = 4  # trees in memory


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of one revision. `skipped` counts what was left out by its reason.

    Files are laid out without their permissions; `executable` are those that may be run by their own path.
    `folders` are those of submodules, which a clone leaves empty.
    """

    revision: str
    files: Mapping[str, bytes]
    skipped: Mapping[str, int]
    executable: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()

    def with_files(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the tree's files with others laid over them."""
        return {**self.files, **files}


class TreeReader:
    """Reads the trees of a repository and keeps the last few."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._trees: dict[str, Tree] = {}

    def tree(self, revision: str) -> Tree:
        """Return the tree of a revision; "" stands for an empty one."""
        if revision not in self._trees:
            while len(self._trees) >= _KEPT:
                del self._trees[next(iter(self._trees))]
            self._trees[revision] = export(self._repository, revision) if revision else Tree("", {}, {})
        return self._trees[revision]


def export(repository: Repository, revision: str) -> Tree:
    """Read the tree of a revision."""
    skipped: Counter[str] = Counter()
    entries = repository.tree(revision)
    wanted, links = _choose(entries, skipped)
    contents = dict(repository.read(sorted({*wanted.values(), *links.values()})))
    files = {path: contents[document] for path, document in wanted.items()}
    targets = {path: contents[document] for path, document in links.items()}
    for path in sorted(targets):
        found = _follow(path, targets, files)
        if found is None:
            skipped["link out of the tree"] += 1
        else:
            files.update(found)
    executable = {entry.path for entry in entries if entry.mode == _EXECUTABLE and entry.path in wanted}
    folders = {entry.path for entry in entries if entry.mode == SUBMODULE and not is_escaped(entry.path)}
    return Tree(
        revision, dict(sorted(files.items())), dict(skipped), frozenset(executable), frozenset(folders)
    )


def _choose(entries: Iterable[TreeEntry], skipped: Counter[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the documents of files and of symbolic links, by path."""
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    total = 0
    for entry in entries:
        reason = _reason(entry, total)
        if reason:
            skipped[reason] += 1
        elif entry.mode == SYMLINK:
            links[entry.path] = entry.document
        else:
            files[entry.path] = entry.document
            total += entry.size
    return files, links


def _reason(entry: TreeEntry, total: int) -> str:
    """Say why an entry is not laid out, or ""."""
    if entry.mode == SUBMODULE:
        return "submodule"
    if entry.size == MISSING:
        return "missing in a partial clone"
    if is_escaped(entry.path) or ".git" in entry.path.lower().split("/"):
        return "unusual name"
    if entry.size > (_LINK_BYTES if entry.mode == SYMLINK else LARGEST_FILE):
        return "large file"
    return "beyond the largest tree" if total + entry.size > LARGEST_TREE else ""


def _follow(path: str, targets: Mapping[str, bytes], files: Mapping[str, bytes]) -> dict[str, bytes] | None:
    """Return what stands at the end of a link, under the link's path: a file, or the files of a folder."""
    place = path
    for _ in range(_MOST_HOPS):
        target = targets[place].decode("utf-8", "surrogateescape")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        if target.startswith("/") or place.startswith("..") or place == ".":
            return None
        if place not in targets:
            break
    if place in files:
        return {path: files[place]}
    inside = {name: data for name, data in files.items() if name.startswith(place + "/")}
    if not inside or path.startswith(place + "/"):  # a link to its own folder would hold itself
        return None
    return {path + name.removeprefix(place): data for name, data in inside.items()}
