from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inhouse.config import Settings, Sources
from inhouse.errors import UserMistake
from inhouse.retrieval.history import LineHistory, Lines, Version, read_place
from inhouse.sources.git import Repository
from tests.gitrepo import DAY, FIRST_DATE, GitRepo
from tests.hygiene.samples import fill, private_key

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = fill("ghp_{A36}")


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "project")


def versions(repo: GitRepo, path: str, first: int, last: int = 0, **more: object) -> list[Version]:
    history = LineHistory(Repository.open(repo.path), Settings(**more))
    return history.versions(path, first, last or first, 10)


def test_commits_come_newest_first_with_their_lines_before_and_after(repo: GitRepo) -> None:
    repo.write("a.py", "one\ntwo\n")
    first = repo.commit("Begin\n\nBecause.")
    repo.rename("a.py", "b.py")
    repo.commit("Move")
    repo.write("b.py", "zero\none\nTWO\n")
    third = repo.commit("Shout")

    assert versions(repo, "b.py", 3) == [
        Version(
            third,
            FIRST_DATE + 2 * DAY,
            "Shout",
            (Lines("b.py", 2, 2, ("two",), ""),),
            (Lines("b.py", 3, 3, ("TWO",), ""),),
        ),
        Version(first, FIRST_DATE, "Begin\n\nBecause.", (), (Lines("a.py", 2, 2, ("two",), ""),)),
    ]


def test_a_secret_is_redacted_in_the_versions_that_had_it_and_in_messages(repo: GitRepo) -> None:
    repo.write("a.py", f'import os\ntoken = "{TOKEN}"\nhost = "x"\nport = 1\nname = "y"\nuser = "z"\n')
    repo.commit(f"Add the token {TOKEN} for the nightly job of the build server")
    repo.write(
        "a.py", 'import os\ntoken = os.environ["TOKEN"]\nhost = "x"\nport = 1\nname = "y"\nuser = "z"\n'
    )
    repo.commit("Take it away")

    newer, older = versions(repo, "a.py", 2)

    assert newer.before[0].text == ('token = "<redacted:github-token>"',)
    assert newer.after[0].text == ('token = os.environ["TOKEN"]',)
    assert older.after[0].text == ('token = "<redacted:github-token>"',)
    assert older.message == "Add the token <redacted:github-token> for the nightly job of the build server"


def test_a_line_inside_a_key_is_redacted_though_nothing_on_it_says_so(repo: GitRepo) -> None:
    """The line alone looks harmless: it is recognised by the lines before it."""
    key = private_key(lines=6)
    text = "".join(f"this is the sentence with the number {number} of the notes\n" for number in range(40))
    repo.write("notes.txt", f"{text}{key}\nend\n")
    repo.commit()

    (only,) = versions(repo, "notes.txt", 44)

    assert only.after[0].text == ("<redacted:private-key>",)


def test_a_file_that_is_mostly_secret_shows_no_line_of_its_past(repo: GitRepo) -> None:
    repo.write("a.txt", private_key(lines=20) + "\n")
    repo.commit("Begin")
    repo.write("a.txt", "nothing\n")
    repo.commit("Remove")

    newer, older = versions(repo, "a.txt", 1)

    assert (newer.before[0].text, newer.before[0].hidden) == ((), "secret")
    assert (older.after[0].text, older.after[0].hidden) == ((), "secret")


def test_addresses_and_authors_are_not_told(repo: GitRepo) -> None:
    repo.write("a", "1\n")
    repo.commit("Fix it\n\nCo-authored-by: Eve Example <eve.e+x@mail.example.co.uk>")

    (only,) = versions(repo, "a", 1)

    assert only.message == "Fix it\n\nCo-authored-by: Eve Example <redacted:address>"
    assert "ada" not in repr(only).lower()


def test_lines_of_an_excluded_folder_stay_there(repo: GitRepo) -> None:
    repo.write("private/a.py", "internal = 1\n" + "x = 1\n" * 9)
    repo.commit()
    repo.rename("private/a.py", "a.py")
    repo.write("a.py", "public = 1\n" + "x = 1\n" * 9)
    repo.commit()

    newer, older = versions(repo, "a.py", 1, sources=Sources(exclude=("private/",)))

    assert [(side.text, side.hidden) for side in newer.after] == [(("public = 1",), "")]
    assert [(side.text, side.hidden) for side in newer.before] == [((), "excluded")]
    assert [(side.text, side.hidden) for side in older.after] == [((), "excluded")]


def test_of_a_merge_it_is_not_said_whose_lines_they_were(repo: GitRepo) -> None:
    repo.write("a", "1\n2\n3\n")
    base = repo.commit()
    repo.switch("other", base)
    repo.write("a", "1\nother\n3\n")
    repo.commit()
    repo.switch("main")
    repo.write("a", "1\nmain\n3\n")
    repo.commit()
    repo.git("merge", "-q", "--no-commit", "-s", "ours", "other")
    repo.write("a", "1\nboth\n3\n")
    merge = repo.commit("Merge")

    found = versions(repo, "a", 2)

    assert found[-1].commit == base
    assert all(side.hidden == "merge" for one in found if one.commit == merge for side in one.before)
    assert {line for one in found for side in one.after for line in side.text} >= {"main", "other", "2"}


@pytest.mark.parametrize(
    ("path", "first", "last", "rule"),
    [
        ("a", 3, 3, "lines are counted from 1 to the end of the file, 2 here"),
        ("a", 0, 1, "lines are counted from 1 to the end of the file, 2 here"),
        ("a", 2, 1, "lines are counted from 1 to the end of the file, 2 here"),
        ("none", 1, 1, "lines are followed in a text of the repository"),
        ("../a", 1, 1, "lines are followed in a text of the repository"),
        ("binary", 1, 1, "lines are followed in a text of the repository"),
        ("empty", 1, 1, "lines are followed in a text of the repository"),
        ("long", 1, 500, "at most 400 lines are followed at once"),
    ],
)
def test_what_cannot_be_followed_is_said_in_a_sentence(
    repo: GitRepo, path: str, first: int, last: int, rule: str
) -> None:
    repo.write("a", "1\n2\n")
    repo.write("binary", b"\0\1\2\n")
    repo.write("empty", "")
    repo.write("long", "x\n" * 600)
    repo.commit()

    with pytest.raises(UserMistake) as raised:
        versions(repo, path, first, last)

    assert raised.value.rule == rule


@pytest.mark.parametrize("revision", ["--output=x", "HEAD", "main", "1" * 40, "-1", "a;b"])
def test_a_revision_is_a_commit_of_the_history_and_nothing_else(repo: GitRepo, revision: str) -> None:
    repo.write("a", "1\n")
    repo.commit()
    history = LineHistory(Repository.open(repo.path), Settings())

    with pytest.raises(UserMistake, match="a revision is the id of a commit"):
        history.versions("a", 1, 1, 10, revision)


def test_lines_are_counted_at_the_revision(repo: GitRepo) -> None:
    repo.write("a", "1\n2\n")
    first = repo.commit()
    repo.write("a", "0\n1\n2!\n")
    repo.commit()
    history = LineHistory(Repository.open(repo.path), Settings())

    assert [one.commit for one in history.versions("a", 2, 2, 10, first[:10])] == [first]


def test_no_program_that_the_repository_names_is_run(repo: GitRepo, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    repo.write("a", "1\n")
    repo.write(".gitattributes", "* diff=evil\n")
    repo.commit()
    repo.write("a", "2\n")
    repo.commit()
    for name in ("diff.evil.textconv", "diff.evil.command", "diff.external", "core.pager", "core.fsmonitor"):
        repo.git("config", name, f"sh -c 'touch {witness}; cat'")

    assert len(versions(repo, "a", 1)) == 2
    assert not witness.exists()


@pytest.mark.parametrize(
    ("place", "read"),
    [
        ("src/a.py:10", ("src/a.py", 10, 10)),
        (" a b.py:3-7 ", ("a b.py", 3, 7)),
        ("a:3:4", ("a:3", 4, 4)),
    ],
)
def test_places_are_read(place: str, read: tuple[str, int, int]) -> None:
    assert read_place(place) == read


@pytest.mark.parametrize("place", ["", "a.py", "a.py:", ":3", "a.py:x", "a.py:1-"])
def test_other_places_are_refused(place: str) -> None:
    with pytest.raises(UserMistake, match="a place is a path and a line"):
        read_place(place)
