"""Where time is cut: training sees the ancestors of a main-line commit, evaluation what came after it.

    root ... validation_cut ... cut ... tip        the main line: first parents of the tip
    |------ training -----|-validation-|-heldout-|

Membership is by ancestry, never by date: what a merge brings counts from the merge on, however old its
commits say they are, and a wrong clock moves no commit across a cut.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from inhouse.digests import short
from inhouse.errors import UserMistake
from inhouse.hygiene.generated import classify
from inhouse.languages import detect, is_code
from inhouse.records import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inhouse.config import SplitSettings
    from inhouse.records import Change, Commit, Hunk

    ChangesOf = Callable[[Iterable[str]], Iterable[Change]]

__all__ = [
    "MOST_OF_A_FILE",
    "VALIDATION_ITEMS",
    "choose_split",
    "is_candidate",
    "months_before",
    "periods",
]

MOST_OF_A_FILE = 4
"""Items of one file in one commit: more of them would be more of the same."""

VALIDATION_ITEMS = 24
"""The validation period reaches back until it holds so many items."""

_OF_A_COMMIT = VALIDATION_ITEMS // 4  # in validation, so that it never hangs on a single commit
_SHARE = 5  # a fifth of the main line, for both periods
_BATCH = 64  # main-line commits whose changes are read at once
_MIN_LINES = 2
_STATUSES = frozenset("AMR")
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799  # the years 1 and 9999


def choose_split(commits: Sequence[Commit], changes_of: ChangesOf, settings: SplitSettings) -> Split:
    """Choose the cuts. `commits` are tip first, children before parents; `changes_of` reads their changes.

    The cut is the newest main-line commit at least `settings.months` calendar months older than the tip. If
    what came after holds fewer than `settings.min_items` candidates, or no commit is that old, it moves
    back to leave the newest fifth of the main line (one commit at least). Raises UserMistake for one commit.
    """
    mainline = [commit for commit in commits if commit.mainline]
    if len(mainline) < 2:
        raise _too_short(commits)
    brought = periods(commits)
    by_date = _cut_by_date(mainline, settings.months)
    found = 0 if by_date is None else _count(commits, brought[:by_date], changes_of, settings.min_items)
    position = by_date
    if position is None or found < settings.min_items:
        position = max(position or 0, len(mainline) // _SHARE, 1)
    validation = _validation_position(commits, brought, changes_of, position)
    reason = _reason(mainline, brought, settings, by_date, position, found)
    return Split(
        cut=mainline[position].id,
        validation_cut=mainline[validation].id if validation is not None else "",
        tip=mainline[0].id,
        cut_date=mainline[position].date,
        tip_date=mainline[0].date,
        moved_back=position != by_date,
        reason=f"{reason} {_validation_sentence(position, validation)}",
    )


def is_candidate(change: Change, hunk: Hunk) -> bool:
    """Tell whether a run of new lines may become an item: two lines or more of code that someone wrote."""
    if hunk.new_count < _MIN_LINES or change.status not in _STATUSES:
        return False
    return is_code(detect(change.path)) and classify(change.path, "") is None


def months_before(date: int, months: int) -> int:
    """Return the same time of day `months` calendar months earlier, UTC; the 31st may become the 28th.

    >>> months_before(int(datetime(2024, 5, 31, tzinfo=UTC).timestamp()), 3)  # 2024-02-29
    1709164800
    """
    then = datetime.fromtimestamp(min(max(date, _EARLIEST), _LATEST), UTC)
    year, month = divmod(then.year * 12 + then.month - 1 - months, 12)
    if year < 1:
        return _EARLIEST
    day = min(then.day, monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())


def periods(commits: Sequence[Commit]) -> list[list[str]]:
    """Return what each main-line commit brought, tip first: its ancestors that its first parent has not.

    The commit itself is among them. The lists are disjoint and hold all commits; the first `n` together are
    what is not reachable from main-line commit number `n`.
    """
    parents = {commit.id: commit.parents for commit in commits}
    mainline = [commit.id for commit in commits if commit.mainline]
    brought_by: dict[str, int] = {}
    for position in range(len(mainline) - 1, -1, -1):
        pending = [mainline[position]]
        while pending:
            commit = pending.pop()
            if commit in parents and commit not in brought_by:
                brought_by[commit] = position
                pending.extend(parents[commit])
    brought: list[list[str]] = [[] for _ in mainline]
    for commit in parents:  # in the order of `commits`
        brought[brought_by[commit]].append(commit)
    return brought


def _cut_by_date(mainline: Sequence[Commit], months: int) -> int | None:
    limit = months_before(mainline[0].date, months)
    old = [position for position in range(1, len(mainline)) if mainline[position].date <= limit]
    return max(old, key=lambda position: (mainline[position].date, -position), default=None)


def _validation_position(
    commits: Sequence[Commit], brought: Sequence[Sequence[str]], changes_of: ChangesOf, cut: int
) -> int | None:
    """Return the main-line position of the validation cut, None when nothing can be validated on."""
    remaining = len(brought) - cut
    limit = min(max(remaining // _SHARE, 1), remaining - 1)
    found = steps = 0
    for items in _items(commits, brought[cut : cut + limit], changes_of, _OF_A_COMMIT):
        found += items
        steps += 1
        if found >= VALIDATION_ITEMS:
            break
    return cut + steps if found else None


def _count(
    commits: Sequence[Commit], brought: Sequence[Sequence[str]], changes_of: ChangesOf, enough: int
) -> int:
    """Return the number of items to expect; counting ends when it is `enough`."""
    found = 0
    for items in _items(commits, brought, changes_of, enough):
        found += items
        if found >= enough:
            break
    return found


def _items(
    commits: Sequence[Commit], brought: Sequence[Sequence[str]], changes_of: ChangesOf, of_a_commit: int
) -> Iterator[int]:
    """Yield how many items to expect from what each of some main-line commits brought.

    A commit counts for `of_a_commit` at most, and a file in it for MOST_OF_A_FILE.
    """
    readable = {commit.id for commit in commits if len(commit.parents) < 2 and not commit.boundary}
    remaining = iter(brought)
    while batch := list(islice(remaining, _BATCH)):
        wanted = [commit for period in batch for commit in period if commit in readable]
        items: Counter[str] = Counter()
        for change in changes_of(wanted):
            runs = sum(is_candidate(change, hunk) for hunk in change.hunks)
            items[change.commit] += min(runs, MOST_OF_A_FILE)
        for period in batch:
            yield sum(min(items[commit], of_a_commit) for commit in period)


def _too_short(commits: Sequence[Commit]) -> UserMistake:
    shallow = any(commit.boundary for commit in commits)
    return UserMistake(
        "a history needs two commits or more, to learn from the older and be measured on the newer",
        f"it has {len(commits)}" + (", because the clone is shallow" if shallow else ""),
        "fetch the rest with `git fetch --unshallow`"
        if shallow
        else "give a repository with a longer history",
    )


def _reason(
    mainline: Sequence[Commit],
    brought: Sequence[Sequence[str]],
    settings: SplitSettings,
    by_date: int | None,
    position: int,
    found: int,
) -> str:
    cut = mainline[position]
    day = datetime.fromtimestamp(min(max(cut.date, _EARLIEST), _LATEST), UTC).date()
    after = sum(map(len, brought[:position]))
    name = f"The cut is {short(cut.id)} of {day.isoformat()}"
    held_out = f"{after} of {sum(map(len, brought))} commits came after it"
    if by_date is None:
        why = f"no main-line commit is {settings.months} calendar months older than the tip"
    elif found >= settings.min_items:
        return (
            f"{name}, the newest main-line commit at least {settings.months} calendar months older than the "
            f"tip; {held_out}, with at least {settings.min_items} items of new code."
        )
    else:
        why = (
            f"the last {settings.months} calendar months hold {found} item(s) of new code, fewer than the "
            f"{settings.min_items} asked for"
        )
    if position == by_date:
        return f"{name}: {why}, but more than the newest fifth of the main line already; {held_out}."
    return (
        f"{name}: {why}, so it moved back to leave the newest fifth of the main line "
        f"({position} of {len(mainline)} commits); {held_out}."
    )


def _validation_sentence(cut: int, validation: int | None) -> str:
    if validation is None:
        return "The history before it is too short for a validation period."
    return f"The {validation - cut} main-line commit(s) up to it are for validation."
