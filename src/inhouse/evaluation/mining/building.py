"""Jobs of commands in the sandbox: a tree is built once, and every candidate begins with what that left.

    tree, at one date  ->  build  ->  built.tar            once for a revision
    built.tar  +  newer files of a candidate  ->  tests    only what hangs on them is made again

The archive is made in the sandbox and unpacked in the sandbox; nothing here opens it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from inhouse.evaluation.mining.trees import Tree

__all__ = ["ARCHIVE", "PACKAGES", "REACHED", "build_job", "candidate_job", "fresh_job", "reach_job"]

ARCHIVE = ".inhouse/built.tar"
"""Where the build leaves all files."""

REACHED = ".inhouse/reach-found.json"
"""Where the program that counts executed functions writes."""

PACKAGES = "node_modules"
"""Folder of JavaScript's dependencies, in the checkout and in the tree that is run."""

_NAMES, _EXECUTABLE, _FOLDERS = ".inhouse/names", ".inhouse/executable", ".inhouse/folders"
_START, _NEW = ".inhouse/start.sh", ".inhouse/new"
_COMPILERS = (
    ".inhouse-compilers"  # without warnings: an answer is no worse for a parameter that it does not use
)
_LOG_BYTES, _MOST_BYTES = 4_000, 64_000_000  # of what a build says; one that says more is ended
# One date for all files: generated ones of a repository are then not older than their sources, and whatever
# is built is newer. Not `find .`: an environment that lies in a folder called /work is mounted below it.
_LAY_OUT = f"""\
mkdir -p {_COMPILERS}
for name in cc gcc c89 c99 clang; do
  if real=$(command -v $name); then
    printf '#!/bin/sh\\nexec %s "$@" -w\\n' "$real" > {_COMPILERS}/$name; chmod +x {_COMPILERS}/$name
  fi
done
PATH="$PWD/{_COMPILERS}:$PATH"; export PATH
xargs -0 touch -d 2001-09-09 -- < {_NAMES}
[ ! -s {_FOLDERS} ] || xargs -0 mkdir -p -- < {_FOLDERS}
[ ! -s {_EXECUTABLE} ] || xargs -0 chmod +x -- < {_EXECUTABLE}
[ -z "$INHOUSE_PACKAGES" ] || [ -e {PACKAGES} ] || ln -s "$INHOUSE_PACKAGES" {PACKAGES}
unset INHOUSE_PACKAGES
"""
_BUILD = f"""{_LAY_OUT}
sh -c "$1" 2>&1 | head -c {_MOST_BYTES} | tail -c {_LOG_BYTES} >&2
mounted=$(sed -n "s|^[^ ]* [^ ]* [^ ]* [^ ]* $PWD/\\([^ ]*\\) .*|--exclude=./\\1|p" /proc/self/mountinfo)
tar -cf {ARCHIVE}.part --exclude=./.inhouse $mounted . && mv {ARCHIVE}.part {ARCHIVE}
"""
_CANDIDATE = f"""\
tar -xf {ARCHIVE} && rm {ARCHIVE} || exit 1
[ ! -d {_NEW} ] || cp -R {_NEW}/. .
rm -rf .inhouse
PATH="$PWD/{_COMPILERS}:$PATH"; export PATH
exec "$@"
"""
_FRESH = f"""{_LAY_OUT}
rm -rf .inhouse
exec "$@"
"""

Files = dict[str, bytes]
Laid = tuple[list[str], Files]
"""Words of a job, and its files."""


def build_job(tree: Tree, build: str) -> Laid:
    """Return the job that builds a tree and leaves the archive. How the build ends does not matter to it."""
    return ["sh", _START, build], _laid(tree, {}, _BUILD)


def candidate_job(archive: bytes, files: Mapping[str, bytes], words: Sequence[str]) -> Laid:
    """Return the job that runs words on a built tree with some files laid over it."""
    new = {f"{_NEW}/{path}": data for path, data in files.items()}
    return ["sh", _START, *words], {ARCHIVE: archive, _START: _CANDIDATE.encode(), **new}


def fresh_job(tree: Tree, files: Mapping[str, bytes], words: Sequence[str]) -> Laid:
    """Return the job that runs words on a tree with some files laid over it."""
    return ["sh", _START, *words], _laid(tree, files, _FRESH)


def reach_job(tree: Tree, python: Path | str, program: bytes, given: bytes) -> Laid:
    """Return the job that counts executed functions; see `inside/inhouse_reach.py`."""
    beside = {".inhouse/inhouse_reach.py": program, ".inhouse/reach.json": given}
    script = f'{_LAY_OUT}\nexec "$@"\n'
    words = ["sh", _START, str(python), ".inhouse/inhouse_reach.py"]
    return words, _laid(tree, {}, script) | beside


def _laid(tree: Tree, files: Mapping[str, bytes], script: str) -> Files:
    lists = {_NAMES: {*tree.files, *files}, _EXECUTABLE: tree.executable, _FOLDERS: tree.folders}
    laid = {place: _list(paths) for place, paths in lists.items()}
    return {**tree.files, **files, **laid, _START: script.encode()}


def _list(paths: Iterable[str]) -> bytes:
    return b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in sorted(paths))
