from __future__ import annotations

import random
import tempfile
from typing import TYPE_CHECKING

import psutil
import pytest

from inhouse.config import Sources
from inhouse.errors import UserMistake
from inhouse.progress import Progress
from inhouse.records import Change, Commit, Hunk, Split
from inhouse.sources.git import Repository
from inhouse.sources.history import write_history
from tests.gitrepo import GitRepo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

HOOKS = (
    "post-checkout",
    "post-commit",
    "post-index-change",
    "pre-auto-gc",
    "pre-commit",
    "reference-transaction",
)


def newest(commits: Sequence[Commit], changes_of: Callable[[Iterable[str]], Iterable[Change]]) -> Split:
    """Cut after the first commit."""
    list(changes_of(commit.id for commit in commits))
    tip, first = commits[0], commits[-1]
    return Split(first.id, "", tip.id, first.date, tip.date, moved_back=False, reason="a test")


def read_everything(repository: Repository, folder: Path) -> None:
    commits = [commit.id for commit in repository.commits()]
    list(repository.changes(commits))
    documents = [entry.document for commit in commits for entry in repository.tree(commit)]
    list(repository.sizes(documents))
    list(repository.read(documents))
    list(repository.messages(commits))
    assert repository.unmerged(tag.commit for tag in repository.tags()) == []
    folder.mkdir(parents=True)
    write_history(repository, Sources(), newest, folder, Progress.silent())


class Trapped:
    """A repository in which every setting that names a program names one that leaves a mark."""

    def __init__(self, folder: Path) -> None:
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.repo = GitRepo(folder / "repo")
        self.repo.write("a.py", "x = 1\n")
        self.repo.write(".gitattributes", "* diff=trap filter=trap\n")
        self.repo.commit()
        self.repo.git("tag", "v1.0", "HEAD:a.py")
        self.repo.git("tag", "-a", "-m", "x", "v1.1")
        self.repo.write("a.py", "x = 2\n")
        self.repo.commit()
        self._set_traps()

    def program(self, name: str) -> str:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\ntouch {self.marks}/{name.split('/')[0]}\n")
        path.chmod(0o755)
        return str(path)

    def sprung(self) -> set[str]:
        return {mark.name for mark in self.marks.iterdir()}

    def _set_traps(self) -> None:
        (self.programs / "hook").mkdir()
        for hook in HOOKS:
            self.program(f"hook/{hook}")
        settings = {
            "core.hooksPath": str(self.programs / "hook"),
            "core.fsmonitor": self.program("fsmonitor"),
            "core.sshCommand": self.program("ssh"),
            "core.pager": self.program("pager"),
            "core.alternateRefsCommand": self.program("refs"),
            "core.askPass": self.program("askpass"),
            "pager.rev-list": "true",
            "diff.trap.textconv": self.program("textconv"),
            "diff.external": self.program("external"),
            "filter.trap.clean": self.program("clean"),
            "filter.trap.smudge": self.program("smudge"),
            "alias.rev-parse": "!" + self.program("alias"),
            "alias.cat-file": "!" + self.program("alias"),
            "protocol.allow": "always",
            "protocol.ext.allow": "always",
            "remote.origin.url": f"ext::{self.program('remote')}",
            "remote.origin.promisor": "true",
            "extensions.partialClone": "origin",
        }
        for key, value in settings.items():
            self.repo.git("config", key, value)
        (self.repo.path / ".git/info/attributes").write_text("* diff=trap filter=trap\n")
        (self.repo.path / ".git/objects/pack/pack-0.promisor").touch()


def test_nothing_that_a_repository_configures_is_run(tmp_path: Path) -> None:
    trapped = Trapped(tmp_path)
    lost = trapped.repo.resolve("HEAD~1:a.py")
    (trapped.repo.path / ".git/objects" / lost[:2] / lost[2:]).unlink()
    repository = Repository.open(trapped.repo.path)
    read_everything(repository, tmp_path / "history")
    assert trapped.sprung() == set()
    assert repository.unreadable([trapped.repo.tip]) == {trapped.repo.tip}

    plain = trapped.repo.git  # the traps are armed: ordinary git springs them
    trapped.repo.write("a.py", "x = 3\n")
    plain("diff", "HEAD", "--", "a.py")
    plain("log", "-p", "HEAD~1", "--", ".gitattributes")
    plain("add", "a.py")
    plain("commit", "-q", "-m", "x")
    with pytest.raises(AssertionError):
        plain("cat-file", "-p", lost)
    assert trapped.sprung() >= {"fsmonitor", "textconv", "external", "clean", "hook", "remote"}


def test_attributes_of_a_repository_hide_no_lines(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write(".gitattributes", "*.py -diff\n")
    (tmp_path / ".git/info/attributes").write_text("*.py binary\n")
    repo.write("a.py", "1\n")
    repo.commit()
    changes = {change.path: change for change in Repository.open(tmp_path).changes([repo.tip])}
    assert changes["a.py"].hunks == (Hunk(0, 0, 1, 1),)


def test_settings_of_a_repository_do_not_change_what_is_read(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a.c", "1\n2\n3\n4\n5\n")
    repo.commit()
    repo.rename("a.c", "b.c")
    repo.write("b.c", "1\n2\nthree\n4\n5\n")
    repo.commit()
    commits = [commit.id for commit in Repository.open(tmp_path).commits()]
    before = list(Repository.open(tmp_path).changes(commits))
    for key, value in {
        "diff.renames": "false",
        "diff.context": "9",
        "diff.noprefix": "true",
        "diff.algorithm": "patience",
        "diff.wsErrorHighlight": "all",
        "color.ui": "always",
        "core.quotePath": "false",
        "core.abbrev": "5",
        "log.showSignature": "true",
    }.items():
        repo.git("config", key, value)
    assert list(Repository.open(tmp_path).changes(commits)) == before
    assert before[0].status == "R"


def test_replacements_grafts_and_caches_of_a_repository_are_not_believed(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    first, second, third = (repo.commit(name) for name in ("one", "two", "three"))
    repo.git("replace", second, first)
    repo.git("commit-graph", "write", "--reachable")
    (tmp_path / ".git/info/grafts").write_text(f"{third} {first}\n")
    graph = tmp_path / ".git/objects/info/commit-graph"
    graph.chmod(0o644)
    graph.write_bytes(b"CGPH" + bytes(200))
    (tmp_path / ".git/index").write_bytes(b"garbage")
    repository = Repository.open(tmp_path)
    assert [commit.id for commit in repository.commits()] == [third, second, first]
    assert dict(repository.messages([second])) == {second: "two"}


def test_git_variables_of_the_caller_have_no_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = GitRepo(tmp_path / "other")
    other.commit()
    repo = GitRepo(tmp_path / "repo")
    repo.write("a.py", "1\n")
    repo.commit()
    for name, value in {
        "GIT_DIR": str(other.path / ".git"),
        "GIT_WORK_TREE": str(other.path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(other.path / ".git/objects"),
        "GIT_EXTERNAL_DIFF": "/bin/false",
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_DIFF_OPTS": "--unified=9",
        "LC_ALL": "de_DE.UTF-8",
    }.items():
        monkeypatch.setenv(name, value)
    repository = Repository.open(repo.path)
    assert repository.path == repo.path
    assert [change.path for change in repository.changes([repository.tip])] == ["a.py"]
    assert not (tmp_path / "trace").exists()


def test_an_abandoned_reader_leaves_no_process_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.write("big", "0123456789abcde\n" * 50_000)
    repo.commit()
    repository = Repository.open(repo.path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = set(psutil.Process().children())
    reader = repository.read([repo.resolve("HEAD:big")] * 20)
    next(reader)
    assert set(psutil.Process().children()) > before
    reader.close()
    assert set(psutil.Process().children()) == before
    assert list(scratch.iterdir()) == []


def test_a_damaged_repository_is_a_sentence_with_gits_own_words(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a.py", "1\n")
    repo.commit()
    document = repo.resolve("HEAD:a.py")
    (tmp_path / ".git/objects" / document[:2] / document[2:]).unlink()
    repository = Repository.open(tmp_path)
    with pytest.raises(UserMistake) as caught:
        list(repository.changes([repo.tip]))
    assert str(caught.value) == (
        f"git must be able to read the repository: {tmp_path} (unable to read {document});"
        " look for damage with `git fsck`."
    )


def test_contents_that_cannot_be_unpacked_are_never_handed_out(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write("a.py", random.Random(0).randbytes(100_000))
    repo.commit()
    document = repo.resolve("HEAD:a.py")
    stored = tmp_path / ".git/objects" / document[:2] / document[2:]
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes()[:50_000])
    with pytest.raises(UserMistake, match="git must be able to read the repository"):
        list(Repository.open(tmp_path).read([document]))


def test_a_missing_git_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = GitRepo(tmp_path)
    repo.commit()
    repository = Repository.open(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for use in (lambda: Repository.open(tmp_path), repository.commits):
        with pytest.raises(UserMistake, match="git must be installed"):
            use()
