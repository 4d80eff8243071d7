"""Where a repository is: from a path that a user gave to a folder, a tip and an object store.

The only questions put to git with the repository's own configuration in force are those of `rev-parse` and
its like, which start no program whatever the configuration says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from inhouse.errors import UserMistake
from inhouse.sources.paths import printable
from inhouse.sources.process import ObjectStore, discover

__all__ = ["Location", "locate", "tag_refs"]

_DAMAGED = "look for damage with `git fsck`"
_FILTERED = "fetch what the partial clone left out with `git fetch --refetch --no-filter`"


@dataclass(frozen=True, slots=True)
class Location:
    """A repository found."""

    root: Path  # the checkout's, or the repository itself when it is bare
    name: str
    bare: bool
    tip: str
    enclosing: bool  # the path given was a folder inside the checkout
    partial: bool  # cloned with a filter: contents may be missing
    object_files: tuple[str, ...]  # of a partial clone: what it holds changes without a new commit
    store: ObjectStore


def locate(path: Path) -> Location:
    """Find the repository at `path` or around it. Raises UserMistake when there is none with a commit."""
    given = _readable_folder(path)
    git_dir = _git_dir(given)
    root = _root(given, git_dir)
    shared = (given / _ask(given, "--git-common-dir")).resolve()  # by a checkout and its linked worktrees
    bare, object_format = _ask(given, "--is-bare-repository", "--show-object-format").split("\n")
    shallow = shared / "shallow"
    partial = any(shared.glob("objects/pack/*.promisor"))
    return Location(
        root=root,
        name=_name(shared),
        bare=bare == "true",
        tip=_tip(given, root, bare=bare == "true"),
        enclosing=root != given and not given.is_relative_to(git_dir),
        partial=partial,
        object_files=tuple(sorted(file.name for file in shared.glob("objects/*/*"))) if partial else (),
        store=ObjectStore(
            repository=root,
            objects=shared / "objects",
            object_format=object_format,
            shallow=shallow.read_bytes() if shallow.is_file() else b"",
            advice=_FILTERED if partial else _DAMAGED,
        ),
    )


def tag_refs(root: Path) -> list[tuple[str, str]]:
    """Return the name of each tag and the id of what it points at, be that there or not, by name."""
    answer, complaint = discover(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    if complaint:
        raise UserMistake("git must be able to list the tags", f"{root} ({complaint})", _DAMAGED)
    rows = (line.partition(" refs/tags/") for line in answer.split("\n") if line)
    return [(printable(os.fsencode(name)), id_) for id_, _, name in rows]


def _readable_folder(path: Path) -> Path:
    if not os.access(path, os.F_OK):
        raise UserMistake("the path must exist", str(path), "check its spelling")
    if not path.is_dir():
        raise UserMistake("the path must be a folder", str(path), "give the checkout that holds it")
    if not os.access(path, os.R_OK | os.X_OK):
        raise UserMistake("the folder must be readable", str(path), "ask its owner for access")
    return path.resolve()


def _git_dir(given: Path) -> Path:
    answer, complaint = discover(given, "rev-parse", "--absolute-git-dir")
    if answer:
        return Path(answer)
    if "not a git repository" not in complaint:
        raise UserMistake("git must be able to open the repository", f"{given} ({complaint})", _DAMAGED)
    raise UserMistake(
        "the folder must be in a git repository",
        str(given),
        "give a checkout or a bare repository, or make it one with `git init`, `git add` and `git commit`",
    )


def _root(given: Path, git_dir: Path) -> Path:
    """Return the root of the checkout that `given` is in.

    Not `git rev-parse --show-toplevel`: the repository can set its answer to any folder of this machine.
    """
    for folder in (given, *given.parents):
        if folder == git_dir:
            return folder.parent if folder.name == ".git" else folder
        mark = folder / ".git"
        if mark.is_file() or mark.resolve() == git_dir:
            return folder
    return git_dir


def _tip(given: Path, root: Path, *, bare: bool) -> str:
    tip, _ = discover(given, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if tip:
        return tip
    listing = ("for-each-ref", "--count=1", "--format=%(refname)", "refs/heads", "refs/remotes")
    branch, _ = discover(given, *listing)
    if not branch:
        raise UserMistake("the repository must have a commit", str(root), "make the first with `git commit`")
    head, _ = discover(given, "symbolic-ref", "--quiet", "HEAD")
    command = f"symbolic-ref HEAD {branch}" if bare else f"checkout {branch.split('/', 2)[2]}"
    raise UserMistake(
        "the repository's HEAD must be a commit",
        f"{root}, where HEAD is {head or 'a missing object'}",
        f"choose a branch that exists, as in `git -C {root} {command}`",
    )


def _name(shared: Path) -> str:
    """Name the repository by the folder that holds it: for a linked worktree, that of its main checkout."""
    name = shared.parent.name if shared.name == ".git" else shared.name.removesuffix(".git")
    return printable(os.fsencode(name)) or "repository"


def _ask(given: Path, *question: str) -> str:
    answer, complaint = discover(given, "rev-parse", *question)
    if complaint:
        raise UserMistake("git must be able to open the repository", f"{given} ({complaint})", _DAMAGED)
    return answer
