"""Releases: tags whose name is a version, in the order in which the main line came to them.

    tip ... A ... B ... C ... root        the main line
             \\         \\
              1.1        o -- 1.0 -- 1.0.1    release branches, merged back or not

A release stands at the newest main-line commit that it builds on: 1.1 at A, and 1.0 and 1.0.1 at B, as one.
Neither dates nor the numbers in the names have a say: a patch of an old version is no new release.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inhouse.records import Commit, Tag

__all__ = ["Release", "is_release", "place_releases"]

_VERSION = re.compile(
    r"(?:(?P<before>[\w.@/+-]*?)[-_/@])??"  # the name of a project, or "release"
    r"v?(?P<number>\d{4}-\d\d-\d\d|\d+(?:[._]\d+)*)"
    r"(?:[._-]?(?:final|release|ga|post|patch|sp|p)\.?\d*)?"
    r"(?:\+[\w.-]+)?",  # what semantic versioning calls build metadata
    re.IGNORECASE,
)
_PRE_RELEASES = {"alpha", "beta", "canary", "dev", "milestone", "next", "nightly", "pre", "preview"}
_PRE_RELEASES |= {"rc", "snapshot", "test"}
_PLAIN = {"r", "rel", "release", "releases", "ver", "version"}  # a number alone may follow these
_NUMBER = re.compile(r"v?\d+")
_SHOWN = 3  # names of one release in a sentence


@dataclass(frozen=True, slots=True)
class Release:
    """What was released from one place of the main line."""

    position: int  # of the main-line commit: 0 is the tip
    names: tuple[str, ...]  # of the tags, by their numbers

    def __str__(self) -> str:
        """Return the names, three at most."""
        hidden = len(self.names) - _SHOWN
        shown = [*self.names[:_SHOWN], *([f"{hidden} more"] if hidden > 0 else [])]
        return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def is_release(name: str) -> bool:
    """Tell whether a tag is named like a version that was released: no alpha, rc, dev and their like.

    Bare numbers count (7, v7, release-7), but not behind another word: build-7 is none.

    >>> [is_release(name) for name in ("8.1.7", "v2", "jq-1.7", "REL_17_2", "8.0.0rc1", "v1.0-0", "stable")]
    [True, True, True, True, False, False, False]
    """
    match = _VERSION.fullmatch(name)
    if match is None:
        return False
    before = match["before"]
    if not before:
        return True
    word = re.split(r"[-_/@.+]", before.lower())[-1]
    if word in _PRE_RELEASES or _NUMBER.fullmatch(word):  # 1.0-rc-2, 1.0-0
        return False
    return word in _PLAIN or not match["number"].isdigit()


def place_releases(
    tags: Iterable[Tag], commits: Sequence[Commit], unmerged: Sequence[Commit] = ()
) -> list[Release]:
    """Return the releases before the tip, newest first.

    `commits` are those reachable from the tip and `unmerged` what tags have besides them, both with children
    before parents. A tag that builds on no main-line commit, or on the tip itself, is no release before it.
    """
    positions = _positions(commits, unmerged)
    names: dict[int, set[str]] = defaultdict(set)
    for tag in tags:
        if is_release(tag.name) and positions.get(tag.commit):
            names[positions[tag.commit]].add(tag.name)
    return [Release(position, tuple(sorted(names[position], key=_by_number))) for position in sorted(names)]


def _positions(commits: Sequence[Commit], unmerged: Sequence[Commit]) -> dict[str, int]:
    """Return for each commit the position of the newest main-line commit that it builds on, or is."""
    mainline = (commit.id for commit in commits if commit.mainline)
    positions = {commit: position for position, commit in enumerate(mainline)}
    for commit in chain(reversed(commits), reversed(unmerged)):
        found = [positions[parent] for parent in commit.parents if parent in positions]
        if found and commit.id not in positions:
            positions[commit.id] = min(found)
    return positions


def _by_number(name: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", name)], name
