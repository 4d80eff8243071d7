"""A git repository, read through the `git` command line.

Contents are addressed by object id and streamed; names are printable text (see `paths`); nothing that the
repository configures is run (see `process`).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.records import Change, Commit, Tag, TreeEntry
from inhouse.sources.diff import parse_changes, parse_entries
from inhouse.sources.lines import FORMAT, parse_line_changes
from inhouse.sources.location import locate, tag_refs
from inhouse.sources.paths import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from inhouse.sources.lines import LineChange
    from inhouse.sources.process import ObjectStore

__all__ = ["MISSING", "SUBMODULE", "SYMLINK", "Repository"]

SYMLINK = "120000"
"""Mode of a tree entry that is a symbolic link."""

SUBMODULE = "160000"
"""Mode of a tree entry that is a commit of another repository."""

MISSING = -1
"""Size of a document that the repository does not hold."""

_ABSENT = "000000"
_LATEST = 253_402_300_799  # the end of the year 9999: calendars refuse later dates
_ID = re.compile(r"[0-9a-f]{4,64}")
_ENCODING = re.compile(rb"^encoding (.+)$", re.MULTILINE)
# Never idna, punycode and the like: their decoders take quadratic time.
_TEXT_ENCODINGS = ("big5", "cp125", "euc", "gb", "iso8859", "koi8", "shift_jis")
_DIFF = (
    "diff-tree",
    "--stdin",
    "--root",
    "-r",
    "--raw",
    "--patch",
    "--unified=0",
    "--full-index",
    "--find-renames=50%",
    "-l1000",  # beyond so many files, only unchanged ones are found when they move
    "--no-rename-empty",  # an empty file that goes and another that comes are not one that moved
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--submodule=short",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
)
_LOG = ("--find-renames=50%", "-l1000", "--no-color", "--no-ext-diff", "--no-textconv")
_DIFF_OF_TREES = ("diff-tree", "--stdin", "--root", "-r", "--raw", "--no-abbrev", "--no-renames")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with its tip as it was when opened. Another process may be sent it, or open it anew."""

    path: Path  # the checkout's root, or the repository itself when it is bare
    name: str
    tip: str
    bare: bool
    partial: bool  # cloned with a filter: contents may be missing
    boundary: tuple[str, ...]  # where the history of a shallow clone ends: commits without their parents
    enclosing: bool  # the path opened was a folder inside the checkout
    state: str  # digest of what decides the answers: the tip, the boundary, what a partial clone holds
    _store: ObjectStore

    @classmethod
    def open(cls, path: Path) -> Repository:
        """Open the repository at `path`: a checkout or a folder in one, a linked worktree, a bare repository.

        Raises UserMistake when there is none, or none with a commit.
        """
        found = locate(path)
        boundary = _boundary(found.store, found.tip)
        state = {"tip": found.tip, "boundary": boundary, "object_files": found.object_files}
        return cls(
            path=found.root,
            name=found.name,
            tip=found.tip,
            bare=found.bare,
            partial=found.partial,
            boundary=boundary,
            enclosing=found.enclosing,
            state=digest_json(state),
            _store=found.store,
        )

    @property
    def shallow(self) -> bool:
        """Does the history end before its beginning?"""
        return bool(self.boundary)

    def commits(self) -> list[Commit]:
        """Return the commits reachable from the tip: children before parents, otherwise newest first.

        A boundary commit has no parents here.
        """
        rows = self._listed(self.tip)
        mainline = _first_parents({commit: parents for commit, parents, _ in rows}, self.tip)
        boundary = set(self.boundary)
        return [
            Commit(commit, parents, date, commit in mainline, commit in boundary)
            for commit, parents, date in rows
        ]

    def tags(self) -> list[Tag]:
        """Return the tags of commits that the repository holds, whether the tip builds on them or not.

        They are those of now, by name. Tags of tags count as of the commit; others are left out.
        """
        refs = tag_refs(self.path)
        peeled = [f"{id_}^{{commit}}" for _, id_ in refs]
        with self._store.stream("cat-file", "--batch-check=%(objectname)", lines=peeled) as output:
            answers = [line.decode("ascii").split() for line in output]
        pairs = zip(refs, answers, strict=True)  # one word is the commit, two say that there is none
        return [Tag(name, answer[0]) for (name, _), answer in pairs if len(answer) == 1]

    def unmerged(self, commits: Iterable[str]) -> list[Commit]:
        """Return what of the history of `commits` is not reachable from the tip: children before parents."""
        starts = list(commits)
        rows = self._listed("--stdin", lines=[f"^{self.tip}", *starts]) if starts else []
        return [Commit(commit, parents, date, mainline=False) for commit, parents, date in rows]

    def _listed(self, *what: str, lines: Iterable[str] = ()) -> list[tuple[str, tuple[str, ...], int]]:
        """Return (commit, parents, date) of a part of the history."""
        listing = ("rev-list", "--date-order", "--parents", "--timestamp", *what)
        with self._store.stream(*listing, lines=lines) as output:
            rows = [line.decode("ascii").split() for line in output]
        return [(commit, tuple(parents), min(int(date), _LATEST)) for date, commit, *parents in rows]

    def changes(self, commits: Sequence[str]) -> Iterator[Change]:
        """Yield what commits did to their parent's tree, in the order of `commits`, then by path.

        Merges, boundary commits and those of `unreadable` yield nothing; a first commit adds all its files.
        Hunks are those of `git diff --unified=0`. Renames are found; copies are additions. `old_path` is ""
        for an addition. See `diff.parse_changes` for binary files, symbolic links and submodules.
        """
        left_out = {*self.boundary, *self.unreadable(commits)}
        wanted = (commit for commit in commits if commit not in left_out)
        with self._store.stream(*_DIFF, lines=wanted) as output:
            yield from parse_changes(output)

    def unreadable(self, commits: Iterable[str]) -> set[str]:
        """Return the commits of a partial clone whose changes cannot be read: contents are missing."""
        if not self.partial:
            return set()
        needed: dict[str, set[str]] = {}
        wanted = (commit for commit in commits if commit not in self.boundary)
        with self._store.stream(*_DIFF_OF_TREES, lines=wanted) as output:
            for commit, entries in parse_entries(output):
                sides = [(entry.old_mode, entry.old_id) for entry in entries]
                sides += [(entry.new_mode, entry.new_id) for entry in entries]
                needed[commit] = {id_ for mode, id_ in sides if mode not in (SUBMODULE, _ABSENT)}
        sizes = self.sizes(sorted(set().union(*needed.values())))
        missing = {document for document, size in sizes if size == MISSING}
        return {commit for commit, documents in needed.items() if documents & missing}

    def tree(self, revision: str) -> list[TreeEntry]:
        """Return what is in the tree of a revision, in all its folders, by path.

        A size is in bytes: `MISSING` where the repository does not hold the content, 0 for a submodule.
        """
        with self._store.stream("ls-tree", "-r", "-z", "--full-tree", revision) as output:
            rows = sorted(_parse_tree_row(row) for row in output.read().split(b"\0")[:-1])
        documents = {document for _, mode, document in rows if mode != SUBMODULE}
        sizes = dict(self.sizes(sorted(documents)))
        return [
            TreeEntry(revision, path, document, sizes.get(document, 0), mode) for path, mode, document in rows
        ]

    def line_changes(self, revision: str, path: str, start: int, end: int) -> Iterator[LineChange]:
        """Yield which commits made lines of a path what they are at a revision, newest first, over renames.

        `path` is as in `tree`, and must hold these lines there; one whose name `printable` had to change is
        not found. A merge is yielded where it differs from all of its parents.
        """
        log = ("--literal-pathspecs", "log", f"--format={FORMAT}", *_LOG)
        with self._store.stream(*log, f"-L{start},{end}:{path}", revision) as output:
            yield from parse_line_changes(output)

    def entry(self, revision: str, path: str) -> TreeEntry | None:
        """Return the file of a path in the tree of a revision, None when there is none.

        One whose name `printable` had to change is not found.
        """
        if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
            return None
        listing = ("--literal-pathspecs", "ls-tree", "-z", "--full-tree", revision, "--", path)
        with self._store.stream(*listing) as output:
            rows = [_parse_tree_row(row) for row in output.read().split(b"\0")[:-1]]
        for name, mode, document in rows:
            if name == path and mode.startswith("100"):
                return TreeEntry(revision, name, document, dict(self.sizes([document]))[document], mode)
        return None

    def past(self, commit: str) -> str:
        """Return the whole id of a commit of the tip's history, given by its id or the beginning of it.

        "" for anything else: for names and options too, and for objects that no history holds any more.
        """
        if not _ID.fullmatch(commit):
            return ""
        try:
            with self._store.stream("rev-list", "--max-count=1", commit, "--not", self.tip) as output:
                if output.read():  # the tip does not build on it
                    return ""
            with self._store.stream("rev-list", "--max-count=1", commit) as output:
                return output.read().decode("ascii").strip()
        except UserMistake:  # there is none, or more than one, or it is no commit
            return ""

    def sizes(self, documents: Iterable[str]) -> Iterator[tuple[str, int]]:
        """Yield each document with its size in bytes, or with `MISSING`, in order, without reading it."""
        form = "--batch-check=%(objectname) %(objectsize)"
        with self._store.stream("cat-file", form, "--buffer", lines=documents) as output:
            for line in output:
                document, size = line.decode("ascii").split()
                yield document, MISSING if size == "missing" else int(size)

    def read(self, documents: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield each document with its content, in order, one in memory at a time.

        Documents that the repository does not hold are left out: compare with what was asked for, or ask
        `sizes` first, which also tells the large ones.
        """
        for document, kind, content in self._store.objects_of(documents):
            if kind == "blob":
                yield document, content

    def messages(self, commits: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield each commit with its message, in order; what its encoding forbids becomes U+FFFD."""
        for commit, kind, content in self._store.objects_of(commits):
            if kind == "commit":
                header, _, message = content.partition(b"\n\n")
                yield commit, message.decode(_encoding(header), "replace")


def _boundary(store: ObjectStore, tip: str) -> tuple[str, ...]:
    """Return the reachable commits of the shallow file that have parents: git also lists roots there."""
    listed = store.shallow.decode("ascii", "ignore").split()
    if not listed:
        return ()
    cut_off = {
        commit
        for commit, _, content in store.objects_of(listed)
        if b"\nparent " in content.partition(b"\n\n")[0]
    }
    if not cut_off:
        return ()
    with store.stream("rev-list", tip) as output:
        return tuple(sorted(cut_off.intersection(line.decode("ascii").strip() for line in output)))


def _first_parents(parents: Mapping[str, Sequence[str]], tip: str) -> set[str]:
    chain = {tip}
    while others := parents[tip]:
        tip = others[0]
        chain.add(tip)
    return chain


def _parse_tree_row(row: bytes) -> tuple[str, str, str]:
    """Return (path, mode, document) of one row of `git ls-tree -z`."""
    fields, _, path = row.partition(b"\t")
    mode, _, document = fields.decode("ascii").split(" ")
    return printable(path), mode, document


def _encoding(header: bytes) -> str:
    """Return the codec that a commit's header names, UTF-8 when it names none that we trust."""
    match = _ENCODING.search(header)
    try:
        name = codecs.lookup(match.group(1).decode("ascii")).name if match else "utf-8"
    except (LookupError, ValueError):
        return "utf-8"
    return name if name.startswith(_TEXT_ENCODINGS) else "utf-8"
