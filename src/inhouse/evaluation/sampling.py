"""Which items are measured when the budget does not reach for all of them."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Protocol, TypeVar

from inhouse.digests import digest_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inhouse.evaluation.tasks import Task
    from inhouse.records import Item

__all__ = ["even_order", "even_tasks"]


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Thing = TypeVar("Thing", bound=_Named)


def even_order(items: Iterable[Item], seed: int) -> list[Item]:
    """Return the items so that any first part of them is an even sample over commits.

    First comes one item of every commit, then the second of every commit that has one, and so on. Commits
    follow each other, and items within a commit, by a digest that only the seed changes.
    """
    return _evenly(items, lambda item: item.commit, seed)


def even_tasks(tasks: Iterable[Task], seed: int) -> list[Task]:
    """Return the tasks so that any first part of them is an even sample over their groups."""
    return _evenly(tasks, lambda task: task.group, seed)


def _evenly(things: Iterable[Thing], group: Callable[[Thing], str], seed: int) -> list[Thing]:
    groups: dict[str, list[Thing]] = defaultdict(list)
    for thing in sorted(things, key=lambda thing: digest_text(f"{seed} {thing.id}")):
        groups[group(thing)].append(thing)
    columns = (groups[name] for name in sorted(groups, key=lambda name: digest_text(f"{seed} {name}")))
    return [thing for thing in chain.from_iterable(zip_longest(*columns)) if thing is not None]
