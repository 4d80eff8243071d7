"""Which tags are releases, and where on the main line they stand: ancestry alone decides."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from inhouse.datasets.releases import Release, is_release, place_releases
from inhouse.records import Tag
from inhouse.sources.git import Repository
from tests.gitrepo import GitRepo

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = """
    1.0 8.1.7 v2 V2.0 7 v255 2024.1 2024-01-31 1.0.0+build.5 1.0.post1 1.0-post1 3.2.1.Final 2.0.RELEASE
    1.9.3-p551 v1.2.3 release-1.2 release-3 release/2.0 rel_1_0 REL_17_2 REL9_6_2 version-4 jq-1.7 curl-8_5_0
    node-v0.6.21 gson-parent-2.13.2 @fastify/send@1.0.0 tools/gopls/v0.15.0 jdk-17.0.1+12 log4j-1.2-api-2.0
    rust-1.80.0 größe-1.2
"""
OTHERS = """
    stable latest nightly 8.0.x v1.x x1.0 1.0.0rc1 8.0.0a1 2.0b2 v1.0.0-rc.1 4.0.0-alpha.1 5.0-beta 1.0.dev3
    v1.0-0 1.0.0-0.3.7 1.0-rc-2 v2.0.0-preview.4 v1.0-SNAPSHOT jq-1.7rc1 gson-parent-2.13.2-rc1 REL_17_BETA1
    nightly-2024.01.31 dev/1.2 build-1234 jenkins-app-77 pr/17 1.0.0-canary.2 v1..2 .1 1. v release- 1.0~rc1
    \\xe9-1.0 ;1.0 <b>1.0 pg-1.0-
"""


@pytest.mark.parametrize("name", RELEASES.split())
def test_a_version_is_a_release(name: str) -> None:
    assert is_release(name)


@pytest.mark.parametrize("name", [*OTHERS.split(), "", "1 0", "1.0\n"])
def test_what_comes_before_a_release_and_what_is_no_version_is_none(name: str) -> None:
    assert not is_release(name)


def test_a_name_without_end_is_read_in_no_time() -> None:
    assert not is_release("a-" * 2_000 + "!")
    assert is_release("a-" * 2_000 + "1.0")


def test_a_release_names_three_of_its_tags() -> None:
    assert str(Release(1, ("1.0",))) == "1.0"
    assert str(Release(1, ("1.0", "v1.0"))) == "1.0 and v1.0"
    assert str(Release(1, ("1.0", "1.1", "1.2"))) == "1.0, 1.1 and 1.2"
    assert str(Release(1, tuple(f"1.{n}" for n in range(5)))) == "1.0, 1.1, 1.2 and 2 more"


# ------------------------------------------------------------------ places


def _placed(repo: GitRepo) -> list[tuple[int, str]]:
    repository = Repository.open(repo.path)
    tags = repository.tags()
    unmerged = repository.unmerged(tag.commit for tag in tags)
    return [(found.position, str(found)) for found in place_releases(tags, repository.commits(), unmerged)]


def test_neither_dates_nor_numbers_order_releases(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    for number, tag in enumerate(["3.0", "1.0", "2.0"]):
        repo.commit(date=10**9 - number * 10**8)
        repo.git("tag", "-a", "-m", "x", tag, GIT_COMMITTER_DATE=f"@{number} +0000")
    repo.commit()
    assert _placed(repo) == [(1, "2.0"), (2, "1.0"), (3, "3.0")]


def test_tags_of_one_commit_are_one_release_and_the_tip_is_none(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    first = repo.commit()
    for tag in ("v1.10", "1.9", "1.10rc1", "stable"):
        repo.git("tag", tag, first)
    repo.commit()
    repo.git("tag", "2.0")
    assert _placed(repo) == [(1, "1.9 and v1.10")]


def test_a_release_branch_counts_where_it_left_the_main_line_merged_or_not(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    base = repo.commit("base")
    repo.switch("fix-1", base)
    repo.commit("a fix")
    repo.git("tag", "1.0.1")
    repo.switch("main")
    middle = repo.commit("middle")
    repo.switch("fix-2", middle)
    repo.commit("a fix")
    repo.git("tag", "2.0.1")
    repo.commit("another")
    repo.git("tag", "2.0.2")
    repo.switch("main")
    repo.commit("later")
    repo.merge("fix-1")
    assert _placed(repo) == [(2, "2.0.1 and 2.0.2"), (3, "1.0.1")]
    assert repo.resolve("HEAD~2") == middle


def test_a_tag_of_another_history_and_one_that_builds_on_the_tip_are_left_out(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit()
    repo.commit()
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit("other")
    repo.git("tag", "1.0")
    repo.switch("ahead", "main")
    repo.commit("ahead")
    repo.git("tag", "2.0")
    repo.switch("main")
    assert _placed(repo) == []


def test_places_are_those_that_git_finds_in_any_graph(tmp_path: Path) -> None:
    chance = random.Random(11)
    repo = GitRepo(tmp_path)
    heads = [repo.commit("base")]
    for number in range(30):
        repo.git("checkout", "-q", "--detach", chance.choice(heads[-8:]))
        heads.append(repo.commit(str(number), date=chance.randrange(10**9)))
        if chance.random() < 0.4:
            repo.git("merge", "-q", "--no-ff", "-m", "m", chance.choice(heads))
            heads.append(repo.tip)
        repo.git("tag", f"1.{number}", chance.choice(heads))
    line = repo.git("rev-list", "--first-parent", "HEAD").decode().split()
    expected: dict[int, set[str]] = {}
    tags = [
        Tag(*row.split())
        for row in repo.git("tag", "--format=%(refname:strip=2) %(objectname)").decode().splitlines()
    ]
    for tag in tags:
        known = set(repo.git("rev-list", tag.commit).decode().split())
        place = next((number for number, commit in enumerate(line) if commit in known), 0)
        if place:
            expected.setdefault(place, set()).add(tag.name)
    repository = Repository.open(tmp_path)
    unmerged = repository.unmerged(tag.commit for tag in repository.tags())
    found = place_releases(repository.tags(), repository.commits(), unmerged)
    assert [release.position for release in found] == sorted(expected)
    assert {release.position: set(release.names) for release in found} == expected
    assert len(expected) > 3
