from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from inhouse.sources.git import Repository
from inhouse.sources.lines import Span
from tests.gitrepo import DAY, FIRST_DATE, GitRepo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "project")


def changes(repo: GitRepo, path: str, start: int, end: int) -> list[tuple[str, list[Span], list[Span]]]:
    opened = Repository.open(repo.path)
    found = opened.line_changes(repo.tip, path, start, end)
    return [(change.commit, list(change.before), list(change.after)) for change in found]


def test_a_line_is_followed_to_its_beginning_over_a_rename(repo: GitRepo) -> None:
    repo.write("old name.py", "a\nb\nc\nd\ne\n")
    first = repo.commit()
    repo.write("old name.py", "a\nB\nc\nd\ne\n")
    second = repo.commit()
    repo.rename("old name.py", "src/neu ünï.py")
    repo.commit("Move")
    repo.write("src/neu ünï.py", "zero\na\nB!\nc\nd\ne\n")
    fourth = repo.commit()

    assert changes(repo, "src/neu ünï.py", 3, 3) == [
        (fourth, [Span("src/neu ünï.py", 2, 1)], [Span("src/neu ünï.py", 3, 1)]),
        (second, [Span("old name.py", 2, 1)], [Span("old name.py", 2, 1)]),
        (first, [Span("", 0, 0)], [Span("old name.py", 2, 1)]),
    ]


def test_dates_and_parents_are_those_of_the_commits(repo: GitRepo) -> None:
    repo.write("a", "1\n")
    first = repo.commit()
    repo.write("a", "2\n")
    repo.commit()

    found = list(Repository.open(repo.path).line_changes(repo.tip, "a", 1, 1))

    assert [change.date for change in found] == [FIRST_DATE + DAY, FIRST_DATE]
    assert [change.parents for change in found] == [(first,), ()]


def test_a_file_that_holds_the_output_of_git_changes_nothing(repo: GitRepo) -> None:
    """Lines of a hunk are counted, never read: these look like commits, hunks and names."""
    repo.write("a.diff", "x\n" * 5)
    first = repo.commit()
    text = f">{'0' * 40} 5 \n--- a/evil\n+++ b/evil\n@@ -1,1 +1,1 @@\ndiff --git a/x b/x\n"
    repo.write("a.diff", text)
    second = repo.commit()
    repo.write("a.diff", text.replace("evil", "EVIL"))
    third = repo.commit()

    span = [Span("a.diff", 1, 5)]
    assert changes(repo, "a.diff", 1, 5) == [
        (third, span, span),
        (second, span, span),
        (first, [Span("", 0, 0)], span),
    ]


@pytest.mark.parametrize("name", ["[a].py", ":x.py", "-x.py", "a:3.py", "*.py", "dir/:(top)x"])
def test_names_that_git_might_take_for_patterns_or_options(repo: GitRepo, name: str) -> None:
    repo.write(name, "one\ntwo\n")
    repo.write("a.py", "other\n")
    first = repo.commit()

    opened = Repository.open(repo.path)
    entry = opened.entry(repo.tip, name)

    assert entry is not None
    assert entry.document == repo.resolve(f"HEAD:{name}") if ":" not in name else entry.path == name
    assert changes(repo, name, 2, 2) == [(first, [Span("", 0, 0)], [Span(name, 2, 1)])]


def test_only_files_are_entries(repo: GitRepo) -> None:
    repo.write("folder/a", "1\n")
    repo.symlink("link", "folder/a")
    repo.submodule("module")
    repo.commit()
    opened = Repository.open(repo.path)

    assert [opened.entry(repo.tip, name) for name in ("folder", "link", "module", "none", "")] == [None] * 5


def test_only_commits_of_the_history_are_past(repo: GitRepo) -> None:
    """A commit that was rewritten, perhaps for the secret in it, is still among the objects."""
    repo.write("a", "1\n")
    first = repo.commit()
    repo.write("a", "secret\n")
    gone = repo.commit()
    repo.git("reset", "-q", "--hard", first)
    repo.write("a", "2\n")
    tip = repo.commit()
    opened = Repository.open(repo.path)

    assert opened.past(tip) == tip
    assert opened.past(first[:8]) == first
    refused = [gone, "HEAD", "main", "--all", "", "-n1", f"{tip}^", f"^{tip}", "0" * 40, tip.upper()]
    assert [opened.past(word) for word in refused] == [""] * len(refused)
    assert opened.past(repo.resolve("HEAD:a")) == ""


def test_what_git_says_of_a_line_is_what_a_walk_over_all_versions_says(repo: GitRepo) -> None:
    """Lines are unique, so the commit that changed one can be read off the versions themselves."""
    choose = random.Random(7)
    lines = [f"line {number}" for number in range(30)]
    last_change = dict.fromkeys(lines, "")
    for version in range(12):
        for _ in range(3):
            place = choose.randrange(len(lines))
            lines[place] = f"{lines[place].partition(' #')[0]} #{version}"
        lines.insert(choose.randrange(len(lines)), f"new {version}")
        repo.write("a.txt", "\n".join(lines) + "\n")
        commit = repo.commit()
        for line in lines:
            last_change.setdefault(line, commit)
            last_change[line] = last_change[line] or commit

    for number in choose.sample(range(len(lines)), 10):
        newest = changes(repo, "a.txt", number + 1, number + 1)[0]
        assert newest[0] == last_change[lines[number]]
        assert newest[2][-1].count >= 1
