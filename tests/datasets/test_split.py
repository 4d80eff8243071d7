"""The cut: calendar months, ancestry instead of dates, and what happens when there is too little after it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.config import SplitSettings
from inhouse.datasets.split import (
    VALIDATION_ITEMS,
    choose_split,
    hold_out_more,
    is_candidate,
    months_before,
    periods,
    require_past,
)
from inhouse.errors import UserMistake
from inhouse.records import Change, Commit, Hunk, Split, Tag
from inhouse.sources.history import ancestors

DAY = 86_400


def _date(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


TIP_DATE = _date(2024, 5, 31, 12)


def _change(commit: str, path: str = "a.py", runs: int = 1, lines: int = 2, status: str = "M") -> Change:
    hunks = tuple(Hunk(1, 0, 1 + 10 * number, lines) for number in range(runs))
    return Change(commit, status, path, path, "1" * 40, "2" * 40, hunks)


class History:
    """Commits with their changes; remembers what was asked for."""

    def __init__(self, commits: list[Commit], runs: dict[str, int] | None = None) -> None:
        self.commits = commits
        self.runs = {commit.id: 1 for commit in commits} if runs is None else runs
        self.asked: list[str] = []

    def changes_of(self, commits: Iterable[str]) -> list[Change]:
        wanted = list(commits)
        self.asked += wanted
        return [
            _change(commit, f"a{number}.py")
            for commit in wanted
            for number in range(self.runs.get(commit, 0))
        ]

    def split(self, *tags: Tag, **values: object) -> Split:
        return choose_split(self.commits, self.changes_of, SplitSettings.model_validate(values), tags)

    def refusal(self, *tags: Tag, **values: object) -> str:
        with pytest.raises(UserMistake) as caught:
            self.split(*tags, **values)
        return str(caught.value)


def _line(days_before_tip: list[float], runs: dict[str, int] | None = None) -> History:
    """Return a history without branches, tip first; commit ids are "0" (the tip), "1", ..."""
    last = len(days_before_tip) - 1
    return History(
        [
            Commit(str(n), () if n == last else (str(n + 1),), TIP_DATE - int(days * DAY), mainline=True)
            for n, days in enumerate(days_before_tip)
        ],
        runs,
    )


def _dag(parents: dict[str, tuple[str, ...]], dates: dict[str, int]) -> list[Commit]:
    """Return commits in the order of `parents`, which must be children first; the first is the tip."""
    line = set()
    current: str | None = next(iter(parents))
    while current is not None:
        line.add(current)
        current = next(iter(parents[current]), None)
    return [Commit(name, own, dates[name], name in line) for name, own in parents.items()]


# ------------------------------------------------------------------ calendar


@pytest.mark.parametrize(
    ("tip", "months", "expected"),
    [
        (_date(2024, 5, 31, 7), 3, _date(2024, 2, 29, 7)),
        (_date(2023, 5, 31, 7), 3, _date(2023, 2, 28, 7)),
        (_date(2024, 3, 1), 3, _date(2023, 12, 1)),
        (_date(2024, 1, 15), 12, _date(2023, 1, 15)),
        (_date(2024, 1, 31), 2, _date(2023, 11, 30)),
        (_date(2024, 2, 29), 12, _date(2023, 2, 28)),
        (_date(2024, 2, 29), 48, _date(2020, 2, 29)),
    ],
)
def test_months_are_those_of_the_calendar(tip: int, months: int, expected: int) -> None:
    assert months_before(tip, months) == expected


@pytest.mark.parametrize("date", [0, 253_402_300_799, 2**60, -(2**60)])
def test_a_date_out_of_the_calendar_is_no_crash(date: int) -> None:
    assert months_before(date, 3) < max(date, -62_135_596_799)
    assert months_before(date, 1_000_000) == -62_135_596_800


# ------------------------------------------------------------------ the cut


def test_the_cut_is_the_newest_commit_that_is_old_enough_to_the_second() -> None:
    limit = _date(2024, 2, 29, 12)
    commits = [
        Commit("0", ("1",), TIP_DATE, mainline=True),
        Commit("1", ("2",), limit + 1, mainline=True),
        Commit("2", ("3",), limit, mainline=True),
        Commit("3", (), limit - 1, mainline=True),
    ]
    split = History(commits).split(min_items=2)
    assert (split.cut, split.cut_date, split.tip, split.tip_date) == ("2", limit, "0", TIP_DATE)
    assert split.validation_cut == "3"
    assert not split.moved_back


def test_too_few_items_move_the_cut_back_by_exactly_one_missing_item() -> None:
    history = _line([0, 10, 20, *range(100, 117)])  # three recent commits of twenty, one run each
    assert history.split(min_items=3).cut == "3"
    moved = history.split(min_items=4)
    assert moved.cut == "4"  # the newest fifth of twenty is left
    assert moved.moved_back
    assert "hold 3 item(s) of new code, fewer than the 4 asked for" in moved.reason
    assert "(4 of 20 commits)" in moved.reason


def test_the_cut_never_moves_forward_of_the_date() -> None:
    history = _line([*range(10), *range(100, 110)], runs={"12": 30})  # half of it is recent, and has no code
    split = history.split()
    assert split.cut == "10"
    assert not split.moved_back
    assert "more than the newest fifth of the main line already" in split.reason


def test_a_file_counts_for_four_items_however_often_it_changed() -> None:
    commits = _line([0, 10, *range(100, 130)]).commits

    def changes_of(wanted: Iterable[str]) -> list[Change]:
        return [_change(commit, runs=50) for commit in wanted]

    assert choose_split(commits, changes_of, SplitSettings(min_items=8)).cut == "2"
    assert choose_split(commits, changes_of, SplitSettings(min_items=9)).cut == "6"


def test_a_young_history_is_cut_at_its_newest_fifth() -> None:
    split = _line(list(range(12))).split()
    assert split.cut == "2"
    assert split.moved_back
    assert "no main-line commit is 3 calendar months older than the tip" in split.reason


def test_two_commits_are_one_to_learn_from_and_one_to_measure_on() -> None:
    split = _line([0, 1]).split()
    assert (split.cut, split.validation_cut) == ("1", "")
    assert "too short for a validation period" in split.reason


def test_one_commit_can_be_searched_but_not_learned_from_and_a_shallow_clone_is_told_what_to_do() -> None:
    split = _line([0]).split()
    assert (split.cut, split.validation_cut, split.tip) == ("0", "", "0")
    with pytest.raises(UserMistake, match=r"two commits or more.*it has 1; give a repository"):
        require_past(split, lambda: _line([0]).commits)
    shallow = [Commit("0", (), TIP_DATE, mainline=True, boundary=True)]
    with pytest.raises(UserMistake, match=r"shallow; fetch the rest with `git fetch --unshallow`\.$"):
        require_past(History(shallow).split(), lambda: shallow)
    require_past(_line([0, 1]).split(), lambda: pytest.fail("nobody asks"))


def test_a_commit_with_a_broken_clock_is_not_taken_for_an_old_one() -> None:
    history = _line([0, 1, 2, 3, 4, *range(100, 110)])
    broken = [
        Commit(commit.id, commit.parents, 0 if commit.id == "2" else commit.date, mainline=True)
        for commit in history.commits
    ]
    assert History(broken).split(min_items=1).cut == "5"


def test_an_old_branch_that_is_merged_late_is_held_out_and_a_late_date_before_the_cut_is_not() -> None:
    parents = {"tip": ("merge",), "merge": ("old", "side"), "side": ("root",), "old": ("root",), "root": ()}
    dates = {
        "tip": TIP_DATE,
        "merge": TIP_DATE - DAY,
        "side": 0,
        "old": _date(2024, 1, 1),
        "root": TIP_DATE - 1,
    }
    commits = _dag(parents, dates)
    split = History(commits).split(min_items=2)
    assert split.cut == "old"
    assert ancestors(commits, split.cut) == {"old", "root"}


def test_merges_and_the_ends_of_a_shallow_clone_are_not_read() -> None:
    parents = {"tip": ("merge",), "merge": ("old", "side"), "side": (), "old": ("root",), "root": ()}
    dates = {"tip": TIP_DATE, "merge": TIP_DATE, "side": TIP_DATE, "old": 0, "root": 0}
    commits = [
        Commit(commit.id, commit.parents, commit.date, commit.mainline, boundary=commit.id == "side")
        for commit in _dag(parents, dates)
    ]
    history = History(commits)
    history.split(min_items=2)
    assert "merge" not in history.asked
    assert "side" not in history.asked


# ------------------------------------------------------------------ releases


def test_the_cut_is_where_the_release_stands_on_the_main_line() -> None:
    history = _line(list(range(0, 300, 10)))
    tags = [Tag("3.0", "0"), Tag("2.1", "3"), Tag("2.1rc1", "4"), Tag("v2.0", "6"), Tag("2.0", "6")]
    first = history.split(*tags, releases=1, min_items=3)
    assert (first.cut, first.moved_back) == ("3", False)
    assert first.reason.startswith(
        "The cut is 3 of 2024-05-01, the newest main-line commit in 2.1, the newest release before the tip; "
        "3 of 30 commits came after it, with at least 3 items of new code. "
    )
    second = history.split(*tags, releases=2, min_items=3)
    assert second.cut == "6"
    assert "in 2.0 and v2.0, number 2 of the releases before the tip, newest first; 6 of 30" in second.reason


def test_a_release_is_never_moved_back_for_want_of_items_but_says_so() -> None:
    history = _line(list(range(0, 300, 10)), runs={"1": 2})
    split = history.split(Tag("1.0", "2"), releases=1)
    assert (split.cut, split.moved_back) == ("2", False)
    assert "2 of 30 commits came after it, with 2 item(s) of new code only, fewer than the 40" in split.reason


def test_a_release_without_new_code_after_it_is_kept_too() -> None:
    assert "with 0 item(s) of new code only" in _line([0, 1, 2], {}).split(Tag("1.0", "1"), releases=1).reason


def test_more_releases_than_there_are_is_refused_with_their_number() -> None:
    history = _line(list(range(30)))
    assert history.refusal(Tag("1.0", "4"), Tag("stable", "6"), releases=3) == (
        "split.releases counts back from the tip, over tags that are versions and no pre-releases: it is 3, "
        "and the history has 1 such release(s) before its tip; give split.releases: 1, or fetch the tags "
        "with `git fetch --tags`, or cut by split.months or split.share."
    )
    assert (
        "has 0 such release(s) before its tip; fetch the tags with `git fetch --tags`, or"
        in history.refusal(Tag("1.0", "0"), Tag("2.0", "nowhere"), releases=1)
    )


def test_a_shallow_clone_without_the_release_is_told_to_fetch_the_rest() -> None:
    history = _line(list(range(5)))
    end = Commit("4", (), 0, mainline=True, boundary=True)
    shallow = History([*history.commits[:-1], end])
    assert "fetch the tags with `git fetch --tags --unshallow`" in shallow.refusal(releases=1)


# ------------------------------------------------------------------ share


@pytest.mark.parametrize(
    ("commits", "share", "cut"),
    [(100, 0.29, "29"), (100, 0.295, "29"), (10, 0.2, "2"), (10, 0.1, "1"), (10, 0.999, "9"), (3, 0.34, "1")],
)
def test_a_share_is_of_the_commits_of_the_main_line(commits: int, share: float, cut: str) -> None:
    split = _line(list(range(commits))).split(share=share)
    assert (split.cut, split.moved_back) == (cut, False)
    assert f"holds out the newest {share:g} of the main line ({cut} of {commits} commits)" in split.reason


def test_a_share_that_holds_nothing_out_is_refused_with_the_least_that_does() -> None:
    history = _line(list(range(7)))
    assert history.refusal(share=0.1) == (
        "split.share must hold out one commit of the main line at least: it is 0.1, and the main line has 7 "
        "commits; give 0.143 or more."
    )
    assert history.split(share=0.143).cut == "1"


# ------------------------------------------------------------------ date


def test_the_cut_is_the_newest_commit_of_the_day_to_its_last_second() -> None:
    midnight = _date(2024, 2, 1)
    commits = [
        Commit("0", ("1",), TIP_DATE, mainline=True),
        Commit("1", ("2",), midnight, mainline=True),
        Commit("2", ("3",), midnight - 1, mainline=True),
        Commit("3", (), midnight - DAY, mainline=True),
    ]
    split = History(commits).split(date="2024-01-31", min_items=1)
    assert split.cut == "2"
    assert ", the newest main-line commit that is not newer than 2024-01-31; 2 of 4 commits" in split.reason
    assert History(commits).split(date="2024-02-01").cut == "1"


@pytest.mark.parametrize("wrong", [0, _date(2035, 1, 1)])
def test_a_wrong_clock_does_not_move_a_cut_by_date(wrong: int) -> None:
    history = _line([0, 1, 2, 3, 4, *range(100, 110)])
    for broken in ("0", "2", "7"):
        commits = [
            Commit(commit.id, commit.parents, wrong if commit.id == broken else commit.date, mainline=True)
            for commit in history.commits
        ]
        assert History(commits).split(date="2024-03-01").cut == "5"


@pytest.mark.parametrize(
    "day", ["2024-05-31", "2030-01-01", "2024-02-10", "1970-01-01", "0001-01-01", "9999-12-31"]
)
def test_a_date_with_nothing_before_or_after_it_is_refused(day: str) -> None:
    history = _line([0, 10, 100, 110])  # 2024-05-31 back to 2024-02-11
    assert history.refusal(date=day) == (
        f"split.date must leave commits of the main line on both sides: it is {day}, and the main line goes "
        "from 2024-02-11 to 2024-05-31; give a day between."
    )
    assert history.split(date="2024-02-11").cut == "3"
    assert history.split(date="2024-05-30").cut == "1"


def test_a_history_of_one_day_is_cut_otherwise() -> None:
    assert _line([0, 0.1]).refusal(date="2024-05-31").endswith("cut by split.share.")


# ------------------------------------------------------------------ any rule


@pytest.mark.parametrize("rule", [{"releases": 1}, {"share": 0.5}, {"date": "2024-05-30"}, {"months": 1}])
def test_a_single_commit_is_its_own_cut_by_every_rule(rule: dict[str, object]) -> None:
    split = _line([0]).split(Tag("1.0", "0"), **rule)
    assert split.cut == split.tip == "0"


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ({}, "split.months: 6"),
        ({"months": 2}, "split.months: 4"),
        ({"releases": 2}, "split.releases: 3"),
        ({"share": 0.2}, "split.share: 0.4"),
        ({"share": 0.8}, "split.share: 0.9"),
        ({"date": "2024-01-31"}, "an earlier split.date"),
        ({"months": 2, "repositories": {"shop": {"share": 0.1}}}, "split.repositories.shop.share: 0.2"),
        ({"repositories": {"other": {"share": 0.1}}}, "split.months: 6"),
    ],
)
def test_what_holds_out_more_is_said_in_the_words_of_the_rule(rule: dict[str, object], more: str) -> None:
    assert hold_out_more(SplitSettings.model_validate(rule), "shop") == more


# ------------------------------------------------------------------ validation


def test_validation_reaches_back_until_it_holds_enough_runs() -> None:
    days = [0, *range(100, 300)]
    split = _line(days, runs={str(n): 5 for n in range(201)}).split(min_items=5)
    assert split.cut == "1"
    assert split.validation_cut == str(1 + -(-VALIDATION_ITEMS // 5))
    assert "The 5 main-line commit(s) up to it are for validation." in split.reason


def test_validation_never_hangs_on_one_commit() -> None:
    split = _line([0, *range(100, 200)], runs={str(n): 40 for n in range(101)}).split()
    assert (split.cut, split.validation_cut) == ("1", "5")  # six items count of each


def test_validation_takes_a_fifth_of_what_remains_at_most() -> None:
    split = _line([0, *range(100, 130)], runs={"0": 40, "6": 1}).split()
    assert (split.cut, split.validation_cut) == ("1", "7")  # commits 1 to 6, of 30


def test_a_validation_period_without_code_is_none() -> None:
    split = _line([0, *range(100, 130)], runs={"0": 40, "20": 99}).split()
    assert (split.cut, split.validation_cut) == ("1", "")


# ------------------------------------------------------------------ properties


@st.composite
def _histories(draw: st.DrawFn) -> History:
    """Random graphs: any number of parents, any dates, runs of code anywhere."""
    size = draw(st.integers(2, 24))
    parents: dict[str, tuple[str, ...]] = {"c0": ()}
    for number in range(1, size):
        first = draw(st.integers(max(0, number - 3), number - 1))
        others = draw(st.lists(st.integers(0, number - 1), max_size=2))
        parents[f"c{number}"] = tuple(dict.fromkeys(f"c{parent}" for parent in (first, *others)))
    newest_first = dict(reversed(parents.items()))
    every = [Commit(name, own, 0, mainline=False) for name, own in newest_first.items()]
    reached = ancestors(every, f"c{size - 1}")
    days = st.integers(-5, 400) | st.just(10_000)
    dates = {name: TIP_DATE - draw(days) * DAY for name in newest_first}
    runs = {name: draw(st.integers(0, 3)) for name in newest_first}
    return History(_dag({name: own for name, own in newest_first.items() if name in reached}, dates), runs)


def _runs_in(history: History, commits: set[str]) -> int:
    parents = {commit.id: commit.parents for commit in history.commits}
    return sum(history.runs[commit] for commit in commits if len(parents[commit]) < 2)


@settings(max_examples=60)
@given(_histories(), st.integers(1, 12))
def test_ancestry_decides_who_is_trained_on(history: History, min_items: int) -> None:
    commits = history.commits
    by_id = {commit.id: commit for commit in commits}
    if sum(commit.mainline for commit in commits) < 2:
        return
    split = history.split(min_items=min_items)
    before = ancestors(commits, split.cut)
    held_out = set(by_id) - before
    assert by_id[split.cut].mainline
    assert split.tip == commits[0].id
    assert held_out
    assert all(split.cut not in ancestors(commits, commit) for commit in before - {split.cut})
    if split.validation_cut:
        training = ancestors(commits, split.validation_cut)
        assert by_id[split.validation_cut].mainline
        assert training < before
        assert _runs_in(history, before - training) > 0


@settings(max_examples=60)
@given(_histories(), st.integers(1, 12))
def test_the_rule_of_the_cut_is_exact(history: History, min_items: int) -> None:
    commits = history.commits
    line = [commit for commit in commits if commit.mainline]
    if len(line) < 2:
        return
    split = history.split(min_items=min_items)
    limit = months_before(TIP_DATE if line[0].date == TIP_DATE else line[0].date, 3)
    old = sorted((commit for commit in line if commit.date <= limit), key=lambda commit: commit.date)
    expected = None
    if old:
        expected = next(commit.id for commit in line if commit.date == old[-1].date)
        held_out = {commit.id for commit in commits} - ancestors(commits, expected)
        if _runs_in(history, held_out) >= min_items:
            assert (split.cut, split.moved_back) == (expected, False)
            return
    fifth = line[max(1, len(line) // 5)].id
    further = [name for name in (expected, fifth) if name is not None]
    position = {commit.id: number for number, commit in enumerate(line)}
    assert split.cut == max(further, key=lambda name: position[name])
    assert split.moved_back == (split.cut != expected)


@settings(max_examples=60)
@given(_histories(), st.data())
def test_whatever_the_rule_training_is_a_past_of_the_main_line(history: History, data: st.DataObject) -> None:
    commits = history.commits
    line = [commit for commit in commits if commit.mainline]
    names = st.sampled_from([commit.id for commit in commits])
    tags = [Tag(f"1.{number}", name) for number, name in enumerate(data.draw(st.lists(names, max_size=5)))]
    rule = data.draw(
        st.sampled_from([{"share": 0.3}, {"share": 0.7}, {"releases": 1}, {"releases": 2}])
        | st.dates(date(2023, 5, 1), date(2024, 6, 10)).map(lambda day: {"date": day.isoformat()})
    )
    if len(line) < 2:
        return
    try:
        split = history.split(*tags, **rule)
    except UserMistake:
        return
    before = ancestors(commits, split.cut)
    assert split.cut in {commit.id for commit in line[1:]}
    assert not split.moved_back
    assert commits[0].id not in before
    if split.validation_cut:
        training = ancestors(commits, split.validation_cut)
        assert training < before
        assert _runs_in(history, before - training) > 0
    if "releases" in rule:
        known = [ancestors(commits, tag.commit) for tag in tags]
        places = {next(n for n, commit in enumerate(line) if commit.id in past) for past in known}
        assert split.cut == line[sorted(places - {0})[rule["releases"] - 1]].id


@settings(max_examples=60)
@given(_histories())
def test_every_commit_came_with_exactly_one_commit_of_the_main_line(history: History) -> None:
    commits = history.commits
    line = [commit.id for commit in commits if commit.mainline]
    brought = periods(commits)
    assert sorted(name for period in brought for name in period) == sorted(commit.id for commit in commits)
    for position, name in enumerate(line):
        after = {commit for period in brought[:position] for commit in period}
        assert after == {commit.id for commit in commits} - ancestors(commits, name)


# ------------------------------------------------------------------ candidates


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_change("c", "src/a.py"), True),
        (_change("c", "src/a.c", status="A"), True),
        (_change("c", "src/a.ts", status="R"), True),
        (_change("c", "src/a.py", lines=1), False),
        (_change("c", "src/a.py", status="C"), False),
        (_change("c", "src/a.py", status="D"), False),
        (_change("c", "README.md"), False),
        (_change("c", "data.json"), False),
        (_change("c", "third_party/lib/a.c"), False),
        (_change("c", "node_modules/x/index.js"), False),
        (_change("c", "static/app.min.js"), False),
        (_change("c", "api/service_pb2.py"), False),
    ],
)
def test_only_code_that_someone_wrote_may_become_an_item(change: Change, expected: bool) -> None:
    assert is_candidate(change, change.hunks[0]) is expected
