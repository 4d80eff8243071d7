"""Which items are measured when the budget does not reach for all of them."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from inhouse.digests import digest_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inhouse.records import Item

__all__ = ["even_order"]


def even_order(items: Iterable[Item], seed: int) -> list[Item]:
    """Return the items so that any first part of them is an even sample over commits.

    First comes one item of every commit, then the second of every commit that has one, and so on. Commits
    follow each other, and items within a commit, by a digest that only the seed changes.
    """
    commits: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: digest_text(f"{seed} {item.id}")):
        commits[item.commit].append(item)
    columns = (commits[name] for name in sorted(commits, key=lambda name: digest_text(f"{seed} {name}")))
    return [item for item in chain.from_iterable(zip_longest(*columns)) if item is not None]
