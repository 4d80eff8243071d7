"""A history in short sees nothing after its revision, follows moves, and leaves great sweeps out."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.records import Change, Commit
from inhouse.retrieval.ranking.history import Table, keep, kept, summarise
from inhouse.retrieval.sqlite import SqliteStore
from inhouse.sources.git import Repository
from inhouse.sources.history import ancestors
from tests.gitrepo import DAY, FIRST_DATE, GitRepo

YEAR = 365 * DAY


def _commit(name: str, date: int) -> Commit:
    return Commit(name, (), date, True)


def _change(commit: str, path: str, status: str = "M", old_path: str = "") -> Change:
    return Change(commit, status, path, old_path or path, "1", "2", ())


def test_a_change_counts_half_after_a_year() -> None:
    commits = [_commit("new", 2 * YEAR), _commit("old", YEAR), _commit("oldest", 0)]
    changes = [
        _change("new", "a.py"),
        _change("old", "a.py"),
        _change("old", "b.py"),
        _change("oldest", "b.py"),
    ]
    table = summarise(commits, changes, "new", ["a.py", "b.py"])
    assert table.changes == {"a.py": 1.5, "b.py": 0.75}
    assert table.together == {
        "a.py": {"b.py": pytest.approx(0.3333)},
        "b.py": {"a.py": pytest.approx(0.6667)},
    }


def test_a_file_that_moved_keeps_its_past_and_one_that_went_is_gone() -> None:
    commits = [_commit("3", 3), _commit("2", 2), _commit("1", 1)]
    changes = [
        _change("1", "old.py"),
        _change("1", "gone.py"),
        _change("2", "new.py", "R", "old.py"),
        _change("3", "gone.py", "D"),
    ]
    assert summarise(commits, changes, "3", ["new.py"]).changes == {"new.py": 2.0}


def test_a_commit_of_many_files_says_nothing_but_where_they_went() -> None:
    commits = [_commit("2", 2), _commit("1", 1)]
    changes = [_change("1", "a.py")] + [_change("2", f"n{i}.py", "R", f"{i}.py") for i in range(40)]
    changes += [_change("2", "src/a.py", "R", "a.py"), _change("1", "7.py")]
    assert summarise(commits, changes, "2", ["src/a.py", "n7.py"]).changes == {"src/a.py": 1.0, "n7.py": 1.0}


def test_what_comes_after_the_revision_is_not_seen(tmp_path: Path) -> None:
    made = GitRepo(tmp_path / "project")
    for number in range(3):
        made.write("a.py", f"x = {number}\n")
        made.write("b.py", "y = 1\n")
        made.commit("Before")
    cut = made.tip
    made.write("b.py", "y = 2\n")
    made.commit("After", date=FIRST_DATE + YEAR)
    repository = Repository.open(made.path)
    commits = repository.commits()
    reached = ancestors(commits, cut)
    before = [commit for commit in commits if commit.id in reached]
    changes = list(repository.changes([commit.id for commit in commits]))
    table = summarise(before, changes, cut, ["a.py", "b.py"])
    assert list(table.changes) == ["a.py", "b.py"]
    assert table.changes["b.py"] < 1.0 < 2.9 < table.changes["a.py"]


def test_a_table_comes_back_from_an_index_and_a_new_one_replaces_it() -> None:
    store = SqliteStore(Path(":memory:"))
    assert kept(store) is None
    for table in (Table({"a.py": 1.0}, {}), Table({"a.py": 2.0}, {"a.py": {"b.py": 0.5}})):
        keep(store, table)
        assert kept(store) == table
