from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.records import Change, Hunk
from inhouse.sources.git import Repository
from inhouse.sources.process import LARGEST_DIFF
from tests.gitrepo import GitRepo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
TRAPS = [
    b"--- a/file.c",
    b"+++ b/file.c",
    b"@@ -1,2 +1,2 @@ heading",
    b"diff --git a/file.c b/file.c",
    b"\\ No newline at end of file",
    b":100644 100644 " + b"0" * 40 + b" " + b"0" * 40 + b" M\tfile.c",
    b"0123456789" * 4,
    b"0123456789abcdef" * 4,
    b"Binary files a/file.c and b/file.c differ",
    b"rename from x",
    b"+",
    b"-",
    b"",
    b"    return 1;",
    b"caf\xe9",
    b"\x0c\x0b\x1c\xc2\x85\xe2\x80\xa8",  # what str.splitlines would take for line ends
    b"windows\r",
    b"\r",
]


def change_of(repo: GitRepo, commit: str = "") -> Change:
    """Return the only change of the tip or of a commit."""
    (change,) = Repository.open(repo.path).changes([commit or repo.tip])
    return change


def lines_of(content: bytes) -> list[bytes]:
    """Return the lines with their ends; the last may have none."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def apply(hunks: Sequence[Hunk], old: list[bytes], new: list[bytes]) -> list[bytes]:
    """Rebuild the new lines from the old ones and from the lines that the hunks claim to be new."""
    built: list[bytes] = []
    position = 0
    for hunk in hunks:
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        built += old[position:start]
        assert len(built) == (hunk.new_start - 1 if hunk.new_count else hunk.new_start)
        built += new[len(built) : len(built) + hunk.new_count]
        position = start + hunk.old_count
    return built + old[position:]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[GitRepo, Repository]:
    repo = GitRepo(tmp_path_factory.mktemp("edits"))
    repo.commit("Begin")
    return repo, Repository.open(repo.path)


LINES = st.lists(st.sampled_from(TRAPS), max_size=8)
CONTENTS = st.builds(lambda lines, end: b"\n".join(lines) + end, LINES, st.sampled_from([b"", b"\n"]))


@settings(max_examples=30)
@given(contents=st.lists(CONTENTS, min_size=2, max_size=6))
def test_hunks_rebuild_the_new_file_whatever_its_lines_look_like(
    shared: tuple[GitRepo, Repository], contents: list[bytes]
) -> None:
    repo, repository = shared
    commits = repo.versions("file.c", contents)
    changes = {change.commit: change for change in repository.changes(commits)}
    texts = dict(repository.read(change.document for change in changes.values()))
    previous = b""
    for commit, content in zip(commits, contents, strict=True):
        if commit in changes:
            change = changes[commit]
            assert texts[change.document] == content
            new = lines_of(content)
            assert apply(change.hunks, lines_of(previous), new) == new
        else:
            assert content == previous
        previous = content


@settings(max_examples=10)
@given(contents=st.lists(CONTENTS, min_size=2, max_size=6))
def test_hunk_sums_equal_those_of_numstat(shared: tuple[GitRepo, Repository], contents: list[bytes]) -> None:
    repo, repository = shared
    commits = repo.versions("file.c", contents)
    log = repo.git("-c", "diff.context=0", "log", "--format=%x00%H", "--numstat", "--root", commits[-1])
    expected = {}
    for block in log.decode().split("\0")[1:]:
        commit, *rows = block.split()
        expected[commit] = (int(rows[0]), int(rows[1])) if rows else (0, 0)
    ours = dict.fromkeys(commits, (0, 0))
    for change in repository.changes(commits):
        added = sum(hunk.new_count for hunk in change.hunks)
        ours[change.commit] = (added, sum(hunk.old_count for hunk in change.hunks))
    assert ours == expected


def test_ids_and_lines_of_an_edit(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("src/a.py", "a\nb\nc\nd\n")
    repo.commit()
    repo.write("src/a.py", "a\nB\nc\nd\ne\nf\n")
    commit = repo.commit()
    assert change_of(repo) == Change(
        commit=commit,
        status="M",
        path="src/a.py",
        old_path="src/a.py",
        document=repo.resolve("HEAD:src/a.py"),
        old_document=repo.resolve("HEAD~1:src/a.py"),
        hunks=(Hunk(2, 1, 2, 1), Hunk(4, 0, 5, 2)),
    )


def test_a_first_commit_is_compared_with_nothing(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("b.py", "1\n2\n")
    repo.write("a.py", "1")
    commit = repo.commit()
    one, two = Repository.open(tmp_path).changes([commit])
    assert (one.path, one.status, one.old_path, one.old_document) == ("a.py", "A", "", "")
    assert (one.hunks, two.hunks) == ((Hunk(0, 0, 1, 1),), (Hunk(0, 0, 1, 2),))


def test_a_deleted_file_keeps_its_path_and_old_document(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a.py", "1\n2\n")
    repo.commit()
    repo.remove("a.py")
    repo.commit()
    change = change_of(repo)
    assert (change.status, change.path, change.old_path) == ("D", "a.py", "a.py")
    assert (change.document, change.old_document) == ("", repo.resolve("HEAD~1:a.py"))
    assert change.hunks == (Hunk(1, 2, 0, 0),)


def test_a_mode_change_has_no_hunks_and_one_document(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("run", "1\n")
    repo.commit()
    repo.write("run", "1\n", executable=True)
    repo.commit()
    change = change_of(repo)
    assert (change.status, change.hunks) == ("M", ())
    assert change.document == change.old_document != ""


def test_a_mode_change_before_an_edited_file_does_not_take_its_hunks(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a", "1\n")
    repo.write("b", "1\n")
    repo.commit()
    repo.write("a", "1\n", executable=True)
    repo.write("b", "2\n", executable=True)
    repo.commit()
    first, second = Repository.open(tmp_path).changes([repo.tip])
    assert (first.hunks, second.hunks) == ((), (Hunk(1, 1, 1, 1),))


@pytest.mark.parametrize("edited", [False, True])
def test_a_rename_is_one_change_with_the_lines_that_differ(tmp_path: Path, edited: bool) -> None:
    lines = [f"line {number}\n" for number in range(20)]
    repo = GitRepo(tmp_path)
    repo.write("old name.c", "".join(lines))
    repo.commit()
    repo.rename("old name.c", "new/name.c")
    if edited:
        repo.write("new/name.c", "".join([*lines[:5], "new\n", *lines[5:]]))
    repo.commit()
    change = change_of(repo)
    assert (change.status, change.old_path, change.path) == ("R", "old name.c", "new/name.c")
    assert change.hunks == ((Hunk(5, 0, 6, 1),) if edited else ())
    assert (change.document == change.old_document) is not edited


def test_a_copy_is_an_addition(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a.c", "1\n2\n3\n")
    repo.commit()
    repo.write("b.c", "1\n2\n3\n")
    repo.commit()
    change = change_of(repo)
    assert (change.status, change.old_path, change.hunks) == ("A", "", (Hunk(0, 0, 1, 3),))


def test_empty_files_have_no_hunks_and_are_never_renamed(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a/__init__.py", "")
    repo.commit()
    repo.remove("a/__init__.py")
    repo.write("b/__init__.py", "")
    repo.commit()
    gone, come = Repository.open(tmp_path).changes([repo.tip])
    assert (gone.status, gone.path, gone.old_document, gone.hunks) == ("D", "a/__init__.py", EMPTY, ())
    assert (come.status, come.path, come.document, come.hunks) == ("A", "b/__init__.py", EMPTY, ())


def test_a_file_filled_and_emptied(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    commits = repo.versions("a", [b"", b"1\n2", b""])
    repo.commit()
    hunks = [change.hunks for change in Repository.open(tmp_path).changes(commits)]
    assert hunks == [(), (Hunk(0, 0, 1, 2),), (Hunk(1, 2, 0, 0),)]


def test_a_missing_line_end_is_a_change_of_its_line(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    commits = repo.versions("a", [b"1\n2\n3", b"1\n2\n3\n", b"1\n2\n3\n4"])
    repo.commit()
    hunks = [change.hunks for change in Repository.open(tmp_path).changes(commits[1:])]
    assert hunks == [(Hunk(3, 1, 3, 1),), (Hunk(3, 0, 4, 1),)]


def test_crlf_files_are_compared_byte_by_byte(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    commits = repo.versions("a", [b"1\r\n2\r\n3\r\n", b"1\r\n2\n3\r\n"])
    repo.commit()
    (change,) = Repository.open(tmp_path).changes(commits[1:])
    assert change.hunks == (Hunk(2, 1, 2, 1),)


def test_binary_and_huge_files_change_without_hunks(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("binary", b"\x00\x01\n\x02")
    repo.write("huge", b"0123456789abcde\n" * (LARGEST_DIFF // 16 + 1))
    repo.write("text", "1\n")
    repo.commit()
    changes = {change.path: change for change in Repository.open(tmp_path).changes([repo.tip])}
    assert {path: bool(change.hunks) for path, change in changes.items()} == {
        "binary": False,
        "huge": False,
        "text": True,
    }
    assert all(change.document for change in changes.values())


def test_a_file_that_becomes_a_link_and_back_is_deleted_and_added(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a", "1\n2\n")
    repo.write("z", "1\n")
    repo.commit()
    repo.symlink("a", "z")
    repo.write("z", "2\n")
    to_link = repo.commit()
    repo.write("a", "1\n2\n3\n")
    to_file = repo.commit()
    one, other, back = Repository.open(tmp_path).changes([to_link, to_file])
    assert (one.status, one.document, one.hunks) == ("T", "", (Hunk(1, 2, 0, 0),))
    assert (other.path, other.hunks) == ("z", (Hunk(1, 1, 1, 1),))
    assert (back.status, back.old_document, back.hunks) == ("T", "", (Hunk(0, 0, 1, 3),))


def test_links_and_submodules_have_neither_contents_nor_lines(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.symlink("link", "one")
    repo.submodule("sub", "1" * 40)
    repo.commit()
    repo.symlink("link", "two")
    repo.submodule("sub", "2" * 40)
    repo.commit()
    repository = Repository.open(tmp_path)
    changes = list(repository.changes([repo.resolve("HEAD~1"), repo.tip]))
    assert [(change.status, change.path) for change in changes] == [
        ("A", "link"),
        ("A", "sub"),
        ("M", "link"),
        ("M", "sub"),
    ]
    assert {(change.document, change.old_document, change.hunks) for change in changes} == {("", "", ())}


HOSTILE_NAMES = [
    b"two\nlines",
    b"a\ndiff --git b",
    b'quoted "name"',
    b"tab\there",
    b" leading and trailing ",
    b"caf\xe9",
    "caf\u00e9".encode(),
    b"back\\slash",
    b"b/a -> b/c",
    b"--option",
    b"\x1b[31m",
]


def test_names_of_any_bytes_come_through_changes_and_trees_alike(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    for name in HOSTILE_NAMES:
        repo.write(name, "1\n")
    first = repo.commit()
    for name in HOSTILE_NAMES:
        repo.write(name, "1\n2\n")
    second = repo.commit()
    repository = Repository.open(tmp_path)
    paths = [entry.path for entry in repository.tree(first)]
    assert len(set(paths)) == len(HOSTILE_NAMES)
    assert paths == sorted(paths)
    changes = list(repository.changes([second, first]))
    assert [change.path for change in changes] == paths * 2
    assert {change.hunks for change in changes} == {(Hunk(1, 0, 2, 1),), (Hunk(0, 0, 1, 1),)}
    assert all(path.encode().decode().isprintable() for path in paths)
