from __future__ import annotations

import random
import shutil
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from inhouse.errors import UserMistake
from inhouse.records import Commit, TreeEntry
from inhouse.sources.git import MISSING, Repository
from tests.gitrepo import DAY, FIRST_DATE, GitRepo, run_git

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOWHERE = "0123456789" * 4


def raw_commit(repo: GitRepo, message: bytes, *, date: int = FIRST_DATE, encoding: str = "") -> str:
    """Store a commit that `git commit` would not make, and return its id."""
    lines = [f"tree {repo.resolve('HEAD^{tree}')}", f"parent {repo.tip}", f"author A <a@e> {date} +0000"]
    lines += [f"committer A <a@e> {date} +0000", *([f"encoding {encoding}"] if encoding else [])]
    content = "\n".join(lines).encode() + b"\n\n" + message
    stored = repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=content)
    return stored.decode().strip()


def history_of(repo: GitRepo) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Return (parents, mainline) of each commit, tip first."""
    return {commit.id: (commit.parents, commit.mainline) for commit in Repository.open(repo.path).commits()}


# ------------------------------------------------------------------ commits


def test_a_straight_history_is_all_mainline_and_dated_by_the_committer(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    first = repo.commit()
    repo.git(
        "commit", "-q", "--allow-empty", "-m", "x", GIT_AUTHOR_DATE="@1 +0000", GIT_COMMITTER_DATE="@2 +0530"
    )
    assert Repository.open(tmp_path).commits() == [
        Commit(repo.tip, (first,), 2, mainline=True),
        Commit(first, (), FIRST_DATE, mainline=True),
    ]


def test_a_merge_keeps_the_order_of_its_parents_and_the_side_is_not_mainline(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    base = repo.commit("base")
    repo.switch("side", base)
    side = repo.commit("side")
    repo.switch("main")
    straight = repo.commit("straight")
    merge = repo.merge("side")
    assert history_of(repo) == {
        merge: ((straight, side), True),
        straight: ((base,), True),
        side: ((base,), False),
        base: ((), True),
    }
    assert list(history_of(repo)) == [merge, straight, side, base]
    assert list(Repository.open(tmp_path).changes([merge])) == []


def test_an_octopus_merge(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    base = repo.commit()
    arms = []
    for name in ("one", "two", "three"):
        repo.switch(name, base)
        repo.write(name, "1\n")
        arms.append(repo.commit())
    repo.switch("main")
    straight = repo.commit()
    merge = repo.merge("one", "two", "three")
    assert history_of(repo) == {
        merge: ((straight, *arms), True),
        straight: ((base,), True),
        **dict.fromkeys(arms, ((base,), False)),
        base: ((), True),
    }


def test_a_criss_cross_merge(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    base = repo.commit()
    repo.switch("other", base)
    right = repo.commit()
    repo.switch("main")
    left = repo.commit()
    down = repo.merge(right)
    repo.switch("other")
    across = repo.merge(left)
    repo.switch("main")
    end = repo.merge(across)
    history = history_of(repo)
    assert history[end] == ((down, across), True)
    assert history[across] == ((right, left), False)
    assert [commit for commit in history if history[commit][1]] == [end, down, left, base]


def test_a_wrong_clock_does_not_put_parents_before_children(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    dates = [FIRST_DATE, FIRST_DATE + 900 * DAY, FIRST_DATE - 900 * DAY, 0]
    commits = [repo.commit(date=date) for date in dates]
    read = Repository.open(tmp_path).commits()
    assert [(commit.id, commit.date) for commit in read] == list(zip(commits, dates, strict=True))[::-1]


def graph_commit(number: int, date: int, parents: Sequence[int]) -> str:
    """Return a commit for `git fast-import`."""
    lines = [f"{'merge' if place else 'from'} :{parent}\n" for place, parent in enumerate(parents)]
    head = f"commit refs/heads/graph{number}\nmark :{number}\ncommitter C <c@e> {date} +0000\ndata 0\n"
    return head + "".join(lines) + "\n"


def test_children_come_before_parents_in_any_graph(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    chance = random.Random(0)
    stream = ""
    for number in range(1, 61):
        parents = chance.sample(range(1, number), min(number - 1, chance.choice([1, 1, 2, 3])))
        stream += graph_commit(number, FIRST_DATE + chance.randrange(10 * DAY), parents)
    stream += graph_commit(61, FIRST_DATE, range(60, 0, -1))
    repo.git("fast-import", "--quiet", data=stream.encode())
    repo.git("update-ref", "refs/heads/main", "refs/heads/graph61")
    commits = Repository.open(tmp_path).commits()
    place = {commit.id: number for number, commit in enumerate(commits)}
    assert len(commits) == 61
    assert all(place[parent] > place[commit.id] for commit in commits for parent in commit.parents)
    plain = repo.git("rev-list", "--first-parent", "main").decode().split()
    assert [commit.id for commit in commits if commit.mainline] == sorted(plain, key=place.__getitem__)


def test_a_date_beyond_every_calendar_is_brought_back(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit()
    repo.git("reset", "-q", "--hard", raw_commit(repo, b"x", date=99_999_999_999_999))
    assert Repository.open(tmp_path).commits()[0].date == 253_402_300_799


def test_an_empty_commit_is_listed_and_changes_nothing(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a.py", "1\n")
    first = repo.commit()
    empty = repo.commit()
    repository = Repository.open(tmp_path)
    assert len(repository.commits()) == 2
    assert [change.commit for change in repository.changes([empty, first])] == [first]


def test_changes_come_in_the_order_asked_for(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    commits = []
    for number in range(4):
        repo.write("b", str(number))
        repo.write("a", str(number))
        commits.append(repo.commit())
    asked = [commits[2], commits[0], commits[3]]
    read = [(change.commit, change.path) for change in Repository.open(tmp_path).changes(asked)]
    assert read == [(commit, path) for commit in asked for path in ("a", "b")]


def test_no_commits_asked_for(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit()
    repository = Repository.open(tmp_path)
    assert (list(repository.changes([])), list(repository.read([])), list(repository.messages([]))) == (
        [],
        [],
        [],
    )
    assert repository.tree(repo.tip) == []


# ------------------------------------------------------------------ tags


def tags_of(folder: Path) -> dict[str, str]:
    return {tag.name: tag.commit for tag in Repository.open(folder).tags()}


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_tag_is_that_of_its_commit_however_it_was_made(tmp_path: Path, object_format: str) -> None:
    repo = GitRepo(tmp_path, object_format=object_format)
    first, second = repo.commit(), repo.commit()
    repo.git("tag", "light", first)
    repo.git("tag", "-a", "-m", "x", "annotated", second)
    repo.git("tag", "-a", "-m", "x", "nested", "annotated")
    repo.git("pack-refs", "--all")
    repo.git("tag", "loose", first)
    assert tags_of(tmp_path) == {"annotated": second, "light": first, "loose": first, "nested": second}


def test_tags_of_what_is_no_commit_and_of_what_is_not_there_are_left_out(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a.py", "x\n")
    tip = repo.commit()
    repo.git("tag", "blob", "HEAD:a.py")
    repo.git("tag", "tree", "HEAD^{tree}")
    repo.git("tag", "-a", "-m", "x", "key", "HEAD:a.py")
    repo.git("tag", "good")
    gone = raw_commit(repo, b"gone")
    repo.git("tag", "-a", "-m", "x", "of-gone", gone)
    (tmp_path / ".git/objects" / gone[:2] / gone[2:]).unlink()
    tags = tmp_path / ".git/refs/tags"
    (tags / "gone").write_text(f"{gone}\n")
    (tags / "torn").write_text("no id at all\n")
    (tags / "empty").write_text("")
    assert tags_of(tmp_path) == {"good": tip}


def test_a_tag_may_have_any_name_that_git_allows(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    tip = repo.commit()
    names = ["a/b/v1.0", "';touch-x;#", "naïve-1.0", "%00", "$(x)", "\u202e1.0", '"<b>&']
    for name in names:
        repo.git("tag", "--", name)
    repo.git("update-ref", b"refs/tags/caf\xe9".decode("utf-8", "surrogateescape"), "HEAD")
    expected = {name.replace("\u202e", "\\u202e") for name in names} | {"caf\\xe9"}
    assert tags_of(tmp_path) == dict.fromkeys(sorted(expected), tip)


def test_a_repository_without_tags_has_none(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit()
    repository = Repository.open(tmp_path)
    assert (repository.tags(), repository.unmerged([])) == ([], [])


def test_a_shallow_clone_has_the_tags_whose_commits_it_has(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "whole")
    commits = [repo.commit() for _ in range(5)]
    repo.git("tag", "old", commits[0])
    repo.git("tag", "at-end", commits[3])
    repo.git("tag", "new", commits[4])
    clone = repo.clone(tmp_path / "clone", "--depth=2")
    assert tags_of(clone) == {"at-end": commits[3], "new": commits[4]}
    run_git(clone, "fetch", "-q", "--depth=1", "origin", "refs/tags/old:refs/tags/old")
    repository = Repository.open(clone)
    assert {tag.name for tag in repository.tags()} == {"old", "at-end", "new"}
    assert [commit.id for commit in repository.unmerged([commits[0], commits[3]])] == [commits[0]]


def test_what_the_tip_does_not_build_on_is_what_git_says_children_first(tmp_path: Path) -> None:
    chance = random.Random(5)
    repo = GitRepo(tmp_path)
    heads = [repo.commit("base")]
    for number in range(25):
        repo.git("checkout", "-q", "--detach", chance.choice(heads))
        heads.append(repo.commit(str(number), date=chance.randrange(10**9)))
    repository = Repository.open(tmp_path)
    for starts in (heads[5:8], heads, [repository.tip]):
        found = repository.unmerged(starts)
        ids = [commit.id for commit in found]
        expected = repo.git("rev-list", *starts, f"^{repository.tip}").decode().split()
        assert sorted(ids) == sorted(expected)
        position = {id_: number for number, id_ in enumerate(ids)}
        assert all(
            position.get(parent, len(ids)) > position[commit.id]
            for commit in found
            for parent in commit.parents
        )


# ------------------------------------------------------------------ clones that lack something


def test_a_shallow_clone_marks_its_boundary_and_reads_no_change_there(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "whole")
    commits = []
    for number in range(5):
        repo.write("a.py", f"{number}\n")
        commits.append(repo.commit())
    clone = repo.clone(tmp_path / "clone", "--depth=2")
    repository = Repository.open(clone)
    newest, oldest = repository.commits()
    assert (repository.shallow, repository.boundary) == (True, (commits[3],))
    assert (newest.id, newest.parents, newest.boundary) == (commits[4], (commits[3],), False)
    assert (oldest.id, oldest.parents, oldest.boundary) == (commits[3], (), True)
    changes = list(repository.changes([newest.id, oldest.id]))
    assert [(change.commit, change.status) for change in changes] == [(newest.id, "M")]
    assert [entry.path for entry in repository.tree(oldest.id)] == ["a.py"]


def test_a_deepened_clone_has_another_state(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "whole")
    commits = [repo.commit() for _ in range(5)]
    clone = repo.clone(tmp_path / "clone", "--depth=2")
    before = Repository.open(clone)
    run_git(clone, "fetch", "-q", "--depth=3")
    after = Repository.open(clone)
    assert (before.tip, before.boundary, after.boundary) == (after.tip, (commits[3],), (commits[2],))
    assert before.state != after.state


def test_a_shallow_clone_that_holds_all_is_not_called_shallow(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "whole")
    repo.write("a.py", "1\n")
    repo.commit()
    clone = repo.clone(tmp_path / "clone", "--depth=1")
    assert (clone / ".git/shallow").exists()  # git lists the first commit although nothing lies before it
    repository = Repository.open(clone)
    (commit,) = repository.commits()
    assert (repository.shallow, commit.boundary) == (False, False)
    assert [change.status for change in repository.changes([commit.id])] == ["A"]


def test_a_partial_clone_reports_what_is_missing_and_fetches_nothing(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "whole")
    repo.write("a.py", "1\n")
    first = repo.commit()
    repo.write("b.py", "2\n")
    second = repo.commit()
    document = repo.resolve("HEAD:a.py")
    clone = repo.clone(tmp_path / "clone", "--filter=blob:none", "--no-checkout")
    repository = Repository.open(clone)
    assert repository.partial
    assert len(repository.commits()) == 2
    assert list(repository.read([document, NOWHERE])) == []
    assert list(repository.sizes([document, NOWHERE])) == [(document, MISSING), (NOWHERE, MISSING)]
    assert [entry.size for entry in repository.tree(second)] == [MISSING, MISSING]
    assert repository.unreadable([first, second]) == {first, second}
    assert list(repository.changes([first, second])) == []

    run_git(clone, "fetch", "-q", "--refetch", "--no-filter")  # what the advice says
    complete = Repository.open(clone)
    assert complete.unreadable([first, second]) == set()
    assert [change.path for change in complete.changes([first, second])] == ["a.py", "b.py"]
    assert complete.state != repository.state


def test_a_partial_clone_reads_the_commits_that_it_holds(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "whole")
    repo.write("a.py", "1\n")
    repo.commit()
    repo.write("a.py", "2\n")
    old = repo.commit()
    repo.write("b.py", "3\n")
    new = repo.commit()
    clone = repo.clone(tmp_path / "clone", "--filter=blob:none")  # the checkout fetches the tip's files
    shutil.rmtree(repo.path)
    repository = Repository.open(clone)
    assert repository.unreadable([new, old]) == {old}
    assert [change.path for change in repository.changes([new, old])] == ["b.py"]


def test_a_clone_without_folders_is_refused_with_the_way_out(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "whole")
    repo.write("a.py", "1\n")
    repo.commit()
    clone = repo.clone(tmp_path / "clone", "--filter=tree:0", "--no-checkout")
    with pytest.raises(UserMistake, match="`git fetch --refetch --no-filter`"):
        Repository.open(clone).tree(repo.tip)


# ------------------------------------------------------------------ trees, contents, messages


def test_a_tree_lists_files_links_and_submodules_of_all_folders(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("b/deep/er.py", "12345")
    repo.write("b.py", "")
    repo.write("run.sh", "#!/bin/sh\n", executable=True)
    repo.symlink("link", "b.py")
    repo.submodule("sub", "1" * 40)
    commit = repo.commit()
    (blob, empty, script, link) = (
        repo.resolve(f"HEAD:{name}") for name in ("b/deep/er.py", "b.py", "run.sh", "link")
    )
    assert Repository.open(tmp_path).tree(commit) == [
        TreeEntry(commit, "b.py", empty, 0, "100644"),
        TreeEntry(commit, "b/deep/er.py", blob, 5, "100644"),
        TreeEntry(commit, "link", link, 4, "120000"),
        TreeEntry(commit, "run.sh", script, 10, "100755"),
        TreeEntry(commit, "sub", "1" * 40, 0, "160000"),
    ]


def test_contents_come_back_byte_for_byte_in_the_order_asked_for(tmp_path: Path) -> None:
    contents = [b"", b"\n", b"no end", b"two\n\n", bytes(range(256)), b"\xff\xfe utf-16?", b"x" * 300_000]
    repo = GitRepo(tmp_path)
    for number, content in enumerate(contents):
        repo.write(str(number), content)
    commit = repo.commit()
    repository = Repository.open(tmp_path)
    ids = {number: repo.resolve(f"HEAD:{number}") for number in range(len(contents))}
    asked = [*ids.values(), *reversed(ids.values()), commit, NOWHERE, ids[0]]  # a commit is no document
    expected = [*contents, *reversed(contents), contents[0]]
    assert [content for _, content in repository.read(asked)] == expected
    assert [size for _, size in repository.sizes(ids.values())] == [len(content) for content in contents]


def test_many_large_contents_neither_block_nor_pile_up(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("big", b"0123456789abcde\n" * 65_536)
    repo.commit()
    repository = Repository.open(tmp_path)
    document = repo.resolve("HEAD:big")
    tracemalloc.start()
    try:
        total = sum(len(content) for _, content in repository.read(document for _ in range(100)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 100 * 2**20
    assert peak < 6 * 2**20


def test_many_small_contents_do_not_block(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("small", "x")
    repo.commit()
    document = repo.resolve("HEAD:small")
    assert sum(1 for _ in Repository.open(tmp_path).read([document] * 5_000)) == 5_000


@pytest.mark.parametrize(
    ("stored", "encoding", "message"),
    [
        ("Subject\n\nencoding latin1\nBody: café\n".encode(), "", "Subject\n\nencoding latin1\nBody: café\n"),
        (b"caf\xe9", "ISO-8859-1", "café"),
        (b"caf\xe9 of no encoding", "", "caf\N{REPLACEMENT CHARACTER} of no encoding"),
        (b"caf\xc3\xa9", "no-such-encoding", "café"),
        (b"xn--a", "punycode", "xn--a"),
        (b"", "", ""),
    ],
)
def test_a_message_is_whole_and_in_its_own_encoding(
    tmp_path: Path, stored: bytes, encoding: str, message: str
) -> None:
    repo = GitRepo(tmp_path)
    repo.commit()
    commit = raw_commit(repo, stored, encoding=encoding)
    assert list(Repository.open(tmp_path).messages([commit, NOWHERE, commit])) == [(commit, message)] * 2
