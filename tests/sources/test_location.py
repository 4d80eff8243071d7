from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from inhouse.errors import UserMistake
from inhouse.sources.git import Repository
from tests.gitrepo import GitRepo, run_git


def refusal(path: Path) -> str:
    with pytest.raises(UserMistake) as caught:
        Repository.open(path)
    return str(caught.value)


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    repo = GitRepo(tmp_path / "project")
    repo.write("src/a.py", "1\n")
    repo.commit()
    return repo


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    assert refusal(path) == f"the path must exist: {path}; check its spelling."


def test_a_file_instead_of_a_folder(repo: GitRepo) -> None:
    path = repo.path / "src/a.py"
    assert refusal(path) == f"the path must be a folder: {path}; give the checkout that holds it."


def test_a_folder_that_is_in_no_repository(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"the folder must be in a git repository: {tmp_path}; give a checkout or a bare repository,"
        " or make it one with `git init`, `git add` and `git commit`."
    )


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    GitRepo(tmp_path)
    assert refusal(tmp_path) == (
        f"the repository must have a commit: {tmp_path}; make the first with `git commit`."
    )


def test_a_mirror_whose_head_names_no_branch(repo: GitRepo, tmp_path: Path) -> None:
    mirror = repo.clone(tmp_path / "mirror.git", "--bare")
    run_git(mirror, "symbolic-ref", "HEAD", "refs/heads/master")
    assert refusal(mirror) == (
        f"the repository's HEAD must be a commit: {mirror}, where HEAD is refs/heads/master;"
        f" choose a branch that exists, as in `git -C {mirror} symbolic-ref HEAD refs/heads/main`."
    )


def test_a_checkout_on_a_branch_without_commits(repo: GitRepo) -> None:
    repo.git("checkout", "-q", "--orphan", "fresh")
    assert refusal(repo.path).endswith(f"as in `git -C {repo.path} checkout main`.")


def test_a_format_that_git_does_not_know(repo: GitRepo) -> None:
    repo.git("config", "core.repositoryFormatVersion", "1")
    repo.git("config", "extensions.futureFormat", "true")
    assert "git must be able to open the repository" in refusal(repo.path)


def test_a_checkout_is_named_by_its_folder(repo: GitRepo) -> None:
    repository = Repository.open(repo.path)
    assert (repository.path, repository.name, repository.tip) == (repo.path, "project", repo.tip)
    assert (repository.bare, repository.shallow, repository.partial, repository.enclosing) == (False,) * 4


def test_a_folder_of_a_checkout_opens_the_whole_and_says_so(repo: GitRepo) -> None:
    repository = Repository.open(repo.path / "src")
    assert (repository.path, repository.enclosing) == (repo.path, True)


def test_the_git_folder_opens_its_checkout(repo: GitRepo) -> None:
    repository = Repository.open(repo.path / ".git" / "objects")
    assert (repository.path, repository.enclosing) == (repo.path, False)


def test_a_relative_path_and_a_link_lead_to_the_real_folder(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(repo.path)
    monkeypatch.chdir(tmp_path)
    assert Repository.open(Path("link")) == Repository.open(repo.path)


def test_a_bare_repository_gives_the_same_history(repo: GitRepo, tmp_path: Path) -> None:
    bare = Repository.open(repo.clone(tmp_path / "project.git", "--bare"))
    checkout = Repository.open(repo.path)
    assert (bare.bare, bare.name, bare.path) == (True, "project", tmp_path / "project.git")
    assert bare.commits() == checkout.commits()
    assert list(bare.changes([bare.tip])) == list(checkout.changes([checkout.tip]))


def test_a_linked_worktree_has_its_own_tip_and_the_name_of_the_repository(
    repo: GitRepo, tmp_path: Path
) -> None:
    repo.git("worktree", "add", "-q", "-b", "side", tmp_path / "elsewhere")
    repo.write("b.py", "2\n")
    newer = repo.commit()
    repository = Repository.open(tmp_path / "elsewhere")
    assert (repository.path, repository.name) == (tmp_path / "elsewhere", "project")
    assert repository.tip == repo.resolve(f"{newer}~1")
    assert [change.path for change in repository.changes([repository.tip])] == ["src/a.py"]


def test_a_submodule_is_a_repository_of_its_own(repo: GitRepo, tmp_path: Path) -> None:
    outer = GitRepo(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.path), "inner")
    outer.commit()
    repository = Repository.open(outer.path / "inner" / "src")
    assert (repository.path, repository.tip) == (outer.path / "inner", repo.tip)


def test_a_clone_that_borrows_objects_is_read_with_them(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("clone", "-q", "--shared", ".", tmp_path / "borrower")
    repository = Repository.open(tmp_path / "borrower")
    assert [change.path for change in repository.changes([repository.tip])] == ["src/a.py"]


def test_a_detached_head_is_the_tip(repo: GitRepo) -> None:
    first = repo.tip
    repo.commit()
    repo.git("checkout", "-q", "--detach", first)
    assert Repository.open(repo.path).tip == first


def test_a_tip_stays_what_it_was_when_opened(repo: GitRepo) -> None:
    repository = Repository.open(repo.path)
    repo.commit()
    assert [commit.id for commit in repository.commits()] == [repository.tip] == [repo.resolve("HEAD~1")]
    assert Repository.open(repo.path).state != repository.state


def test_a_repository_cannot_claim_another_folder_as_its_checkout(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    repo.git("config", "core.worktree", str(tmp_path / "victim"))
    assert Repository.open(repo.path).path == repo.path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_owner_opens(repo: GitRepo) -> None:
    for folder, _, files in os.walk(repo.path):
        for name in (".", *files):
            os.chown(os.path.join(folder, name), 12345, 12345)  # noqa: PTH118
    assert len(Repository.open(repo.path).commits()) == 1


def test_a_folder_name_of_any_bytes(repo: GitRepo, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9\n")
    repo.path.rename(odd)
    repository = Repository.open(odd)
    assert (repository.path, repository.name) == (odd, "caf\\xe9\\x0a")
    assert len(repository.commits()) == 1


def test_another_process_can_be_sent_a_repository(repo: GitRepo) -> None:
    repository = Repository.open(repo.path)
    copy = pickle.loads(pickle.dumps(repository))
    assert copy.commits() == repository.commits()


def test_a_repository_with_sha256_ids(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path, object_format="sha256")
    repo.write("a.py", "1\n")
    commits = [repo.commit()]
    repo.write("a.py", "2\n")
    commits.append(repo.commit())
    repository = Repository.open(tmp_path)
    assert [commit.id for commit in repository.commits()] == commits[::-1]
    assert [len(change.document) for change in repository.changes(commits)] == [64, 64]
    assert [size for _, size in repository.sizes([repo.resolve("HEAD:a.py")])] == [2]
