"""The planted repository: the same in git as in memory, and nothing of its held-out period before the cut."""

from __future__ import annotations

import subprocess

from tests.evaluation.planted import plant, write_repository


def git(folder, *words):
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


def test_the_repository_in_git_is_the_one_in_memory(tmp_path):
    planted = plant(seed=3, commits=15)
    write_repository(planted, tmp_path / "kit")
    dates = [int(date) for date in git(tmp_path / "kit", "log", "--reverse", "--format=%ct").split()]
    assert dates == [revision.date for revision in planted.revisions]
    cut = git(tmp_path / "kit", "rev-list", "-1", f"--before={planted.cut_date}", "main").strip()
    paths = git(tmp_path / "kit", "ls-tree", "-r", "--name-only", cut).split()
    assert {path: git(tmp_path / "kit", "show", f"{cut}:{path}") for path in paths} == planted.tree()


def test_a_seed_plants_the_same_repository_every_time():
    assert plant(seed=3) == plant(seed=3)
    assert plant(seed=3) != plant(seed=4)


def test_no_item_stands_in_the_tree_at_the_cut():
    planted = plant()
    trained = "".join(planted.tree().values())
    items = planted.items()
    assert len(items) >= 15
    assert len({item.commit for item in items}) == len(items)
    assert not any(item.target in trained for item in items)
    assert all(item.date > planted.cut_date for item in items)
