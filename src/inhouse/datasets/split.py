"""Where time is cut: training sees the ancestors of a main-line commit, evaluation what came after it.

    root ... validation_cut ... cut ... tip        the main line: first parents of the tip
    |------ training -----|-validation-|-heldout-|

Membership is by ancestry, never by date: what a merge brings counts from the merge on, however old its
commits say they are, and a wrong clock moves no commit across a cut.

What is held out is chosen by one rule: months before the tip, releases, a share of the main line, or a date.
Only months are a default, so only they move back where too little is left; the other rules are kept or
refused.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from math import ceil, floor
from typing import TYPE_CHECKING

from inhouse.datasets.releases import place_releases
from inhouse.digests import short
from inhouse.errors import UserMistake
from inhouse.hygiene.generated import classify
from inhouse.languages import detect, is_code
from inhouse.records import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inhouse.config import SplitSettings
    from inhouse.datasets.releases import Release
    from inhouse.records import Change, Commit, Hunk, Tag

    ChangesOf = Callable[[Iterable[str]], Iterable[Change]]

__all__ = [
    "MOST_OF_A_FILE",
    "VALIDATION_ITEMS",
    "choose_split",
    "hold_out_more",
    "is_candidate",
    "months_before",
    "periods",
    "require_past",
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


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place on the main line, and words that go on after "The cut is COMMIT of DAY"."""

    position: int
    why: str
    items: str = ""  # of what came after it
    moved_back: bool = False


def choose_split(
    commits: Sequence[Commit],
    changes_of: ChangesOf,
    settings: SplitSettings,
    tags: Iterable[Tag] = (),
    unmerged: Sequence[Commit] = (),
) -> Split:
    """Choose the cuts. `commits` are tip first, children before parents; `changes_of` reads their changes.

    The cut is the newest main-line commit that `settings.rule` leaves to training. With months, it moves back
    to leave the newest fifth of the main line (one commit at least) if what came after holds fewer than
    `settings.min_items` candidates, or no commit is that old. For releases there are the `tags`, and in
    `unmerged` the commits that these have besides `commits`, in the same order. One commit is its own cut
    (`require_past`). Raises UserMistake for none, and for a rule that the history cannot meet.
    """
    mainline = [commit for commit in commits if commit.mainline]
    if not mainline:
        raise _too_short(commits)
    if len(mainline) == 1:
        [only] = mainline
        reason = "The main line has one commit: it can be searched, but nothing is held out to measure on."
        return Split(only.id, "", only.id, only.date, only.date, moved_back=False, reason=reason)
    brought = periods(commits)

    def count(position: int) -> int:
        return _count(commits, brought[:position], changes_of, settings.min_items)

    match settings.rule:
        case "months", int(months):
            chosen = _by_months(mainline, months, settings.min_items, count)
        case wish:
            releases = place_releases(tags, commits, unmerged)
            position, why = _by_wish(mainline, wish, releases, shallow=_is_shallow(commits))
            chosen = _Cut(position, f", {why}", _items_after(count(position), settings.min_items))
    cut = mainline[chosen.position]
    validation = _validation_position(commits, brought, changes_of, chosen.position)
    after = sum(map(len, brought[: chosen.position]))
    sentence = f"The cut is {short(cut.id)} of {_day(cut.date)}{chosen.why}"
    held_out = f"{after} of {len(commits)} commits came after it{chosen.items}"
    return Split(
        cut=cut.id,
        validation_cut=mainline[validation].id if validation is not None else "",
        tip=mainline[0].id,
        cut_date=cut.date,
        tip_date=mainline[0].date,
        moved_back=chosen.moved_back,
        reason=f"{sentence}; {held_out}. {_validation_sentence(chosen.position, validation)}",
    )


def require_past(split: Split, commits: Callable[[], Sequence[Commit]]) -> None:
    """Raise UserMistake for a history that has nothing to learn from before what it is measured on."""
    if split.cut == split.tip:
        raise _too_short(commits())


def hold_out_more(settings: SplitSettings, repository: str) -> str:
    """Return what to set in order to hold out more than by the rule that applies to a repository."""
    section = f"split.repositories.{repository}" if repository in settings.repositories else "split"
    match settings.of(repository).rule:
        case "months", int(months):
            return f"{section}.months: {2 * months}"
        case "releases", int(number):
            return f"{section}.releases: {number + 1}"
        case _, float(share):
            return f"{section}.share: {min(2 * share, (1 + share) / 2):.3g}"
        case _:
            return f"an earlier {section}.date"


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


# ------------------------------------------------------------------ the rules


def _by_months(mainline: Sequence[Commit], months: int, enough: int, count: Callable[[int], int]) -> _Cut:
    by_date = _newest_until(mainline, months_before(mainline[0].date, months))
    found = 0 if by_date is None else count(by_date)
    if by_date is not None and found >= enough:
        why = f"the newest main-line commit at least {months} calendar months older than the tip"
        return _Cut(by_date, f", {why}", _items_after(found, enough))
    if by_date is None:
        why = f"no main-line commit is {months} calendar months older than the tip"
    else:
        held = f"hold {found} item(s) of new code, fewer than the {enough} asked for"
        why = f"the last {months} calendar months {held}"
    fifth = max(len(mainline) // _SHARE, 1)
    if by_date is not None and by_date >= fifth:
        return _Cut(by_date, f": {why}, but more than the newest fifth of the main line already")
    moved = "so it moved back to leave the newest fifth of the main line"
    return _Cut(fifth, f": {why}, {moved} ({fifth} of {len(mainline)} commits)", moved_back=True)


def _by_wish(
    mainline: Sequence[Commit], wish: tuple[str, object], releases: Sequence[Release], *, shallow: bool
) -> tuple[int, str]:
    """Return where a rule cuts that is no default, and why; refuse what the history cannot meet."""
    match wish:
        case "releases", int(number):
            return _by_releases(releases, number, shallow=shallow)
        case "share", float(share):
            return _by_share(len(mainline), share)
        case "date", date() as day:
            return _by_day(mainline, day)
    raise AssertionError(wish)


def _by_releases(releases: Sequence[Release], number: int, *, shallow: bool) -> tuple[int, str]:
    if number <= len(releases):
        release = releases[number - 1]
        which = "the newest release before the tip"
        if number > 1:
            which = f"number {number} of the releases before the tip, newest first"
        return release.position, f"the newest main-line commit in {release}, {which}"
    fetch = "git fetch --tags" + (" --unshallow" if shallow else "")
    fewer = f"give split.releases: {len(releases)}, or " if releases else ""
    raise UserMistake(
        "split.releases counts back from the tip, over tags that are versions and no pre-releases",
        f"it is {number}, and the history has {len(releases)} such release(s) before its tip",
        f"{fewer}fetch the tags with `{fetch}`, or cut by split.months or split.share",
    )


def _by_share(commits: int, share: float) -> tuple[int, str]:
    position = floor(round(share * commits, 6))  # without the rounding, .29 of 100 would be 28
    if position < 1:
        raise UserMistake(
            "split.share must hold out one commit of the main line at least",
            f"it is {share:g}, and the main line has {commits} commits",
            f"give {ceil(1000 / commits) / 1000:g} or more",
        )
    held_out = f"the newest {share:g} of the main line ({position} of {commits} commits)"
    return position, f"which holds out {held_out}"


def _by_day(mainline: Sequence[Commit], day: date) -> tuple[int, str]:
    limit = int(datetime.combine(day, time(23, 59, 59), UTC).timestamp())
    position = _newest_until(mainline, limit)
    first, tip = _day(mainline[-1].date), _day(mainline[0].date)
    if position is None or all(commit.date <= limit for commit in mainline):
        raise UserMistake(
            "split.date must leave commits of the main line on both sides",
            f"it is {day}, and the main line goes from {first} to {tip}",
            "give a day between" if first < tip else "cut by split.share",
        )
    return position, f"the newest main-line commit that is not newer than {day}"


def _newest_until(mainline: Sequence[Commit], limit: int) -> int | None:
    """Return where the newest date up to a limit stands, the tip apart; None when all are newer.

    Not the first commit that is old enough: one with a wrong clock would be taken for an old one.
    """
    old = [position for position in range(1, len(mainline)) if mainline[position].date <= limit]
    return max(old, key=lambda position: (mainline[position].date, -position), default=None)


# ------------------------------------------------------------------ validation, and what is counted


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


# ------------------------------------------------------------------ sentences


def _is_shallow(commits: Sequence[Commit]) -> bool:
    return any(commit.boundary for commit in commits)


def _too_short(commits: Sequence[Commit]) -> UserMistake:
    shallow = _is_shallow(commits)
    return UserMistake(
        "a history needs two commits or more, to learn from the older and be measured on the newer",
        f"it has {len(commits)}" + (", because the clone is shallow" if shallow else ""),
        "fetch the rest with `git fetch --unshallow`"
        if shallow
        else "give a repository with a longer history",
    )


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(min(max(seconds, _EARLIEST), _LATEST), UTC).date().isoformat()


def _items_after(found: int, enough: int) -> str:
    if found >= enough:
        return f", with at least {enough} items of new code"
    return f", with {found} item(s) of new code only, fewer than the {enough} of split.min_items"


def _validation_sentence(cut: int, validation: int | None) -> str:
    if validation is None:
        return "The history before it is too short for a validation period."
    return f"The {validation - cut} main-line commit(s) up to it are for validation."
