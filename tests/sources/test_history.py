from __future__ import annotations

import io
import json
import random
from typing import TYPE_CHECKING

import pytest

from inhouse.config import Sources
from inhouse.digests import digest_file
from inhouse.progress import Progress
from inhouse.records import Change, Commit, Split, TreeEntry
from inhouse.shards import read_records
from inhouse.sources import history
from inhouse.sources.git import Repository
from inhouse.sources.history import ancestors, write_history
from tests.gitrepo import GitRepo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path


def splitter(cut: str, validation_cut: str = "") -> Callable[..., Split]:
    """Return a `choose` that cuts where it is told."""

    def choose(commits: Sequence[Commit], changes_of: Callable[[Iterable[str]], Iterable[Change]]) -> Split:
        dates = {commit.id: commit.date for commit in commits}
        tip = commits[0].id
        list(changes_of([commits[-1].id, tip]))
        return Split(cut, validation_cut, tip, dates[cut], dates[tip], moved_back=False, reason="as told")

    return choose


def written(repo: GitRepo, folder: Path, choose: Callable[..., Split], **settings: int) -> dict:
    """Write the history into a new folder and return its counts."""
    folder.mkdir(parents=True)
    repository = Repository.open(repo.path)
    write_history(repository, Sources(**settings), choose, folder, Progress.silent())
    return json.loads((folder / "counts.json").read_text())


def changed_commits(folder: Path) -> list[str]:
    """Return the commits of changes.parquet in its order."""
    return list(dict.fromkeys(change.commit for change in read_records(folder, "changes", Change)))


def straight(repo: GitRepo, count: int) -> list[str]:
    """Make commits that each change one file; oldest first."""
    commits = []
    for _ in range(count):
        repo.write("a.py", f"{repo.date}\n")
        commits.append(repo.commit())
    return commits


# ------------------------------------------------------------------ ancestors


def test_ancestors_of_nothing_are_none() -> None:
    assert ancestors([], "") == set()


def test_ancestors_are_those_of_git_in_any_graph(tmp_path: Path) -> None:
    chance = random.Random(1)
    repo = GitRepo(tmp_path)
    heads = [repo.commit("base")]
    for number in range(12):
        repo.git("checkout", "-q", "--detach", chance.choice(heads))
        heads.append(repo.commit(str(number)))
        if chance.random() < 0.5:
            repo.git("merge", "-q", "--no-ff", "-m", "m", chance.choice(heads), chance.choice(heads))
            heads.append(repo.tip)
    tree = repo.resolve("HEAD^{tree}")
    parents = [part for head in dict.fromkeys(heads) for part in ("-p", head)]
    top = repo.git("commit-tree", tree, *parents, "-m", "all").decode().strip()
    repo.git("checkout", "-q", "--detach", top)
    commits = Repository.open(tmp_path).commits()
    chance.shuffle(commits)  # the order of the list does not matter
    for head in heads:
        assert ancestors(commits, head) == set(repo.git("rev-list", head).decode().split())


# ------------------------------------------------------------------ what is kept


def test_the_three_periods_are_kept_and_written_tip_first(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    commits = straight(repo, 12)
    folder = tmp_path / "history"
    counts = written(repo, folder, splitter(commits[8], commits[5]))
    assert [commit.id for commit in read_records(folder, "commits", Commit)] == commits[::-1]
    assert changed_commits(folder) == commits[::-1]
    assert counts["commits_kept"] == {"heldout": 3, "validation": 3, "training": 6}
    assert counts["commits_left_out"] == {"heldout": 0, "validation": 0, "training": 0}
    assert json.loads((folder / "split.json").read_text())["validation_cut"] == commits[5]
    assert [entry.revision for entry in read_records(folder, "trees", TreeEntry)] == [
        commits[5],
        commits[8],
        commits[11],
    ]


def test_older_training_commits_than_asked_for_are_left_out_and_counted(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    commits = straight(repo, 16)
    folder = tmp_path / "history"
    counts = written(repo, folder, splitter(commits[13]), max_commits=10)
    assert changed_commits(folder) == commits[:3:-1]
    assert counts["commits_kept"] == {"heldout": 2, "validation": 0, "training": 10}
    assert counts["commits_left_out"] == {"heldout": 0, "validation": 0, "training": 4}


def test_a_crowded_period_is_sampled_evenly_over_time_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_EVALUATED", 3)
    repo = GitRepo(tmp_path / "repo")
    commits = straight(repo, 13)
    folder = tmp_path / "history"
    counts = written(repo, folder, splitter(commits[6], commits[0]))
    newest_first = commits[::-1]
    assert changed_commits(folder) == [newest_first[number] for number in (0, 2, 4, 6, 8, 10, 12)]
    assert counts["commits_left_out"] == {"heldout": 3, "validation": 3, "training": 0}


def test_side_branches_belong_to_the_period_in_which_they_were_merged(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    base = straight(repo, 1)[0]
    repo.switch("side", base)
    repo.write("side.py", "1\n")
    side = repo.commit()
    repo.switch("main")
    cut = straight(repo, 2)[-1]
    merge = repo.merge("side")
    counts = written(repo, tmp_path / "history", splitter(cut))
    assert counts["commits"] == {"total": 5, "mainline": 4, "merges": 1, "boundary": 0}
    assert counts["commits_kept"] == {"heldout": 1, "validation": 0, "training": 3}
    kept = changed_commits(tmp_path / "history")
    assert (len(kept), side in kept, merge in kept) == (4, True, False)


# ------------------------------------------------------------------ what is counted


def test_every_kind_of_entry_and_change_is_counted(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.write("edited.py", "1\n")
    repo.write("moved.py", "1\n2\n3\n")
    repo.write("gone.py", "gone\n")
    repo.write("mode.sh", "x\n")
    repo.write("turned", "t\n")
    cut = repo.commit()
    repo.write("edited.py", "2\n")
    repo.rename("moved.py", "to/moved.py")
    repo.remove("gone.py")
    repo.write("mode.sh", "x\n", executable=True)
    repo.symlink("turned", "edited.py")
    repo.write("empty.py", "")
    repo.write("image", b"\x00\x01")
    repo.write(b"caf\xe9", "1\n")
    repo.symlink("link", "edited.py")
    repo.submodule("sub")
    repo.commit()
    counts = written(repo, tmp_path / "history", splitter(cut))
    assert counts["changes"] == {
        "total": 5 + 10,
        "added": 5 + 5,
        "deleted": 1,
        "modified": 2,
        "renamed": 1,
        "type_changed": 1,
        "hunks": 5 + 4,
        "lines": 5 + 4,  # edited.py, gone.py, turned, caf\xe9
        "no_lines": 3,  # moved.py, mode.sh, empty.py
        "binary": 1,
        "not_files": 2,
    }
    assert counts["trees"] == {
        "cut": {"files": 5, "symlinks": 0, "submodules": 0},
        "tip": {"files": 6, "symlinks": 2, "submodules": 1},
    }
    assert (counts["escaped_paths"], counts["documents_missing"], counts["limits"]) == (1, 0, [])


def test_a_shallow_clone_says_what_is_missing(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    commits = straight(repo, 6)
    repo.path = repo.clone(tmp_path / "clone", "--depth=3")
    counts = written(repo, tmp_path / "history", splitter(commits[4]))
    assert (counts["shallow"], counts["commits"]["boundary"]) == (True, 1)
    assert counts["limits"] == [
        "the clone is shallow: what came before 1 of its commits is missing;"
        " `git fetch --unshallow` brings it"
    ]
    assert changed_commits(tmp_path / "history") == commits[5:3:-1]


def test_a_partial_clone_counts_what_it_lacks(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    commits = straight(repo, 4)
    repo.path = repo.clone(tmp_path / "clone", "--filter=blob:none")
    counts = written(repo, tmp_path / "history", splitter(commits[2], commits[1]))
    assert (counts["changes_unreadable"], counts["documents_missing"]) == (4, 2)
    assert counts["limits"] == [
        "the clone is partial: it lacks contents of 4 commits and 2 files;"
        " `git fetch --refetch --no-filter` brings them"
    ]


# ------------------------------------------------------------------ how it is written


def test_two_runs_and_two_clones_give_the_same_bytes(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    commits = straight(repo, 8)
    repo.write(b"odd\n\xff", "1\n")
    repo.commit()
    folders = [tmp_path / "first", tmp_path / "second", tmp_path / "third"]
    for folder in folders[:2]:
        written(repo, folder, splitter(commits[5], commits[3]))
    repo.path = repo.clone(tmp_path / "elsewhere.git", "--bare")
    written(repo, folders[2], splitter(commits[5], commits[3]))
    digests = [{path.name: digest_file(path) for path in folder.iterdir()} for folder in folders]
    assert digests[0] == digests[1] == digests[2]
    assert sorted(digests[0]) == [
        "changes.parquet",
        "commits.parquet",
        "counts.json",
        "split.json",
        "trees.parquet",
    ]


def test_no_content_and_no_message_reaches_the_disk(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.write("a.py", "password = 'hunter2-in-content'\n")
    first = repo.commit("hunter2-in-message")
    written(repo, tmp_path / "history", splitter(first))
    for kind, name in ((Commit, "commits"), (Change, "changes"), (TreeEntry, "trees")):
        rows = list(read_records(tmp_path / "history", name, kind))
        assert len(rows) == 1
        assert "hunter2" not in repr(rows)


def test_an_enclosing_checkout_and_the_work_done_are_said(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.write("sub/a.py", "1\n")
    cut = repo.commit()
    straight(repo, 2)
    said = io.StringIO()
    folder = tmp_path / "history"
    folder.mkdir()
    repository = Repository.open(repo.path / "sub")
    write_history(repository, Sources(), splitter(cut), folder, Progress(stream=said))
    lines = said.getvalue().splitlines()
    assert lines[0] == f"note: the folder given lies in the checkout {repo.path}; all of it is read"
    assert [line.rpartition(",")[0] for line in lines[1:]] == [
        "read commits: 3 commits",
        "read changes: 2 commits",
        "read changes: 1 commits",
        "read trees: 3 entries",
    ]


def test_changes_that_were_read_for_the_split_are_not_read_again(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    commits = straight(repo, 4)
    said = io.StringIO()
    folder = tmp_path / "history"
    folder.mkdir()

    def choose(known: Sequence[Commit], changes_of: Callable[[Iterable[str]], Iterable[Change]]) -> Split:
        assert [change.commit for change in changes_of(iter(commits * 2))] == commits * 2
        return splitter(commits[2])(known, changes_of)

    write_history(Repository.open(repo.path), Sources(), choose, folder, Progress(stream=said))
    assert said.getvalue().count("read changes") == 1
