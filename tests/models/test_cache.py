from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from inhouse.digests import digest_text
from inhouse.errors import UserMistake
from inhouse.models.cache import cache_folder, cached_models, check_space, convert_once, read_manifest

SOURCE = digest_text("source")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def write(folder: Path) -> str:
    (folder / "model.safetensors").write_text("weights")
    return "mit"


def write_slowly(folder: Path) -> str:
    (folder / "model.safetensors").write_text("wei")
    (folder.parent / "began").touch()
    with (folder.parent / "count").open("a") as stream:
        stream.write("x")
    time.sleep(1.0)
    return write(folder)


def convert_slowly() -> None:
    convert_once(SOURCE, "slow", write_slowly)


def refuse(folder: Path) -> str:
    raise AssertionError("converted a second time")


def start_and_wait_until_it_writes() -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=convert_slowly)
    process.start()
    while not (cache_folder() / "began").exists():
        time.sleep(0.01)
    return process


def test_a_conversion_is_made_once_and_described() -> None:
    folder, manifest = convert_once(SOURCE, "tiny", write)
    assert folder == cache_folder() / f"{SOURCE}-1"
    assert (manifest.name, manifest.source, manifest.licence) == ("tiny", SOURCE, "mit")
    assert manifest.files == {"model.safetensors": digest_text("weights")}
    assert manifest.sizes == {"model.safetensors": 7}
    assert convert_once(SOURCE, "tiny", refuse) == (folder, manifest)
    assert cached_models() == [(folder, manifest)]


def test_two_processes_convert_once() -> None:
    process = start_and_wait_until_it_writes()
    folder, _ = convert_once(SOURCE, "tiny", refuse)
    process.join()
    assert (folder / "model.safetensors").read_text() == "weights"
    assert (cache_folder() / "count").read_text() == "x"


def test_killed_half_way_leaves_nothing_that_counts() -> None:
    process = start_and_wait_until_it_writes()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert cached_models() == []
    folder, _ = convert_once(SOURCE, "tiny", write)
    assert (folder / "model.safetensors").read_text() == "weights"
    assert sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) == [folder.name]


def test_a_conversion_that_fails_leaves_nothing_behind() -> None:
    with pytest.raises(AssertionError):
        convert_once(SOURCE, "tiny", refuse)
    assert [path.suffix for path in cache_folder().iterdir()] == [".lock"]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("wei")])
def test_a_damaged_conversion_is_made_anew(damage: object) -> None:
    folder, manifest = convert_once(SOURCE, "tiny", write)
    damage(folder / "model.safetensors")  # type: ignore[operator]
    assert read_manifest(folder) is None
    assert convert_once(SOURCE, "tiny", write) == (folder, manifest)
    assert (folder / "model.safetensors").read_text() == "weights"


def test_a_cache_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "inhouse").write_text("in the way")
    with pytest.raises(UserMistake, match="set XDG_CACHE_HOME to another folder"):
        convert_once(SOURCE, "tiny", write)


def test_a_full_disk_names_the_variable() -> None:
    def fill(folder: Path) -> str:
        check_space(folder, 10**18)
        return "mit"

    with pytest.raises(UserMistake, match=r"1000000000\.0 GB needed\); set XDG_CACHE_HOME"):
        convert_once(SOURCE, "tiny", fill)


def test_a_relative_cache_home_is_ignored_as_the_standard_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert cache_folder() == Path.home() / ".cache" / "inhouse" / "models"
