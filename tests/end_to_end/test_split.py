"""Time is cut by the rule of the settings file, and every wish that cannot be met is one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.command import inhouse
from tests.gitrepo import GitRepo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    """Ten commits, a day each: 1.0 is the third of them, 1.1 a fix of it on a branch, 2.0 the seventh."""
    repo = GitRepo(tmp_path_factory.mktemp("split") / "shop")
    body = ""
    for number in range(10):
        lines = "".join(f"    value_{number}_{line} = compute({line})\n" for line in range(4))
        body += f"def function_{number}():\n{lines}    return value_{number}_0\n\n\n"
        repo.write("a.py", body)
        commit = repo.commit(f"Add function {number}")
        if number in (2, 6):
            repo.git("tag", "-a", "-m", "x", f"{number // 5 + 1}.0", commit)
    repo.switch("fix", "1.0")
    repo.commit("Fix")
    repo.git("tag", "1.1")
    repo.switch("main")
    repo.git("tag", "3.0rc1")
    repo.git("tag", "key", "HEAD:a.py")
    return repo


def _ingest(repo: GitRepo, home: Path, split: str) -> Any:
    home.mkdir(exist_ok=True)
    (home / "inhouse.yaml").write_text(f"workers: 1\nsplit: {split}\n")
    return inhouse("ingest", repo.path, "--workspace", home, "--json")


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        ("{releases: 1}", "of 2024-01-07, the newest main-line commit in 2.0, the newest release before"),
        ("{releases: 2}", "of 2024-01-03, the newest main-line commit in 1.0 and 1.1, number 2 of the"),
        ("{share: 0.2}", "of 2024-01-08, which holds out the newest 0.2 of the main line (2 of 10 commits)"),
        (
            "{date: 2024-01-05}",
            "of 2024-01-05, the newest main-line commit that is not newer than 2024-01-05",
        ),
        (
            "{share: 0.9, repositories: {shop: {releases: 1}}}",
            "of 2024-01-07, the newest main-line commit in",
        ),
        (
            "{}",
            "of 2024-01-08: no main-line commit is 3 calendar months older than the tip, so it moved back",
        ),
    ],
)
def test_the_rule_is_kept_and_told(split: str, sentence: str, repo: GitRepo, tmp_path: Path) -> None:
    ended = _ingest(repo, tmp_path, split)
    assert ended.code == 0, ended.err
    assert sentence in ended.json["split"]


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (
            "{releases: 3}",
            "it is 3, and the history has 2 such release(s) before its tip; give split.releases: 2",
        ),
        ("{share: 0.01}", "it is 0.01, and the main line has 10 commits; give 0.1 or more."),
        ("{date: 2024-02-01}", "the main line goes from 2024-01-01 to 2024-01-10; give a day between."),
        ("{date: 2023-12-31}", "the main line goes from 2024-01-01 to 2024-01-10; give a day between."),
        ("{date: 2024-02-30}", "must hold days that exist"),
        ("{releases: 1, share: 0.5}", "split: time is cut by one rule, not by releases and share; leave one"),
        ("{repositories: {shop: {realeses: 1}}}", "split.repositories.shop.realeses, did you mean releases?"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_sentence(
    split: str, sentence: str, repo: GitRepo, tmp_path: Path
) -> None:
    ended = _ingest(repo, tmp_path, split)
    assert ended.code == 2
    assert len(ended.errors) == 1
    assert sentence in ended.errors[0]
    assert "Traceback" not in ended.err


def test_a_new_release_is_seen_at_the_next_command(repo: GitRepo, tmp_path: Path) -> None:
    assert "in 2.0," in _ingest(repo, tmp_path, "{releases: 1}").json["split"]
    repo.git("tag", "2.1", "HEAD~1")
    try:
        assert "in 2.1," in _ingest(repo, tmp_path, "{releases: 1}").json["split"]
    finally:
        repo.git("tag", "-d", "2.1")
