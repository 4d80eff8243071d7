"""A user's mistake gets one clear sentence, exit code 2, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.command import Ended, git, inhouse


def _one_sentence(ended: Ended, *words: str) -> None:
    assert ended.code == 2, ended.err
    assert len(ended.errors) == 1, ended.err
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.errors[0]


def _repository(folder: Path, commits: int, name: str = "a.py") -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number in range(commits):
        body = "\n".join(f"    value_{number}_{line} = compute({line})" for line in range(4))
        with (folder / name).open("a") as stream:
            stream.write(f"def function_{number}():\n{body}\n    return value_{number}_0\n\n\n")
        git(folder, "add", ".")
        git(
            folder, "commit", "-q", "-m", f"Add function {number}", date=f"2025-01-{number + 1:02d}T00:00:00Z"
        )
    return folder


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    _one_sentence(inhouse("run", tmp_path / "absent"), "absent", "must exist")


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    _one_sentence(inhouse("run", tmp_path), "must be in a git repository")
    assert list(tmp_path.iterdir()) == []  # nothing was made there


def test_an_empty_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    _one_sentence(inhouse("run", tmp_path), "commit")


def test_a_history_of_one_commit_can_be_searched_but_not_learned_from(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "one", 1)
    indexed = inhouse("index", folder, "--json")
    assert (indexed.code, list(indexed.json["indexes"])) == (0, ["tip"])
    _one_sentence(inhouse("run", folder), "two commits or more", "it has 1")


def test_no_code_in_a_known_language(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "prose", 6, name="notes.xyz")
    _one_sentence(inhouse("run", folder, "--model", "builtin:smollm2-135m"), "language")


def test_a_mistyped_key_and_a_wrong_value_are_told_together(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 2)
    (folder / "inhouse.yaml").write_text("bugdet: smoke\nseed: minus one\n")
    ended = inhouse("ingest", folder)
    _one_sentence(ended, "did you mean budget?", "seed")


def test_a_training_method_that_does_not_exist_is_told_before_any_work(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 2)
    _one_sentence(inhouse("run", folder, "--method", "lorra"), "lorra", "did you mean lora")
    assert not (folder / ".inhouse" / "artefacts" / "history").exists()


def test_a_base_model_that_is_not_there(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 12)
    _one_sentence(inhouse("dataset", folder, "--model", tmp_path / "no-model"), "no-model")
    _one_sentence(inhouse("dataset", folder, "--model", "builtin:smollm3"), "builtin:smollm2-135m")


def test_a_gguf_file_cut_short(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 12)
    broken = tmp_path / "model.gguf"
    broken.write_bytes(b"GGUF\x03\x00\x00\x00" + bytes(40))
    _one_sentence(inhouse("dataset", folder, "--model", broken), "model.gguf")


def test_a_workspace_of_a_newer_version(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 2)
    (folder / ".inhouse").mkdir()
    (folder / ".inhouse" / "workspace.json").write_text(json.dumps({"format": 99}))
    _one_sentence(inhouse("ingest", folder), "format 99", "--workspace")


def test_a_workspace_that_was_never_made(tmp_path: Path) -> None:
    for verb in (["status"], ["adapters"], ["search", "x"], ["serve"]):
        _one_sentence(inhouse(*verb, cwd=tmp_path), "inhouse run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_full_disk_is_one_sentence_and_a_rerun_goes_on(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 12)
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine does not allow mounts")
    try:
        with (small / "ballast").open("wb") as stream:
            stream.write(bytes(200_000))
        _one_sentence(inhouse("ingest", folder, "--workspace", small), "disk is full")
        (small / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=50m", small], check=True)
        assert inhouse("ingest", folder, "--workspace", small).code == 0
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_read_only_disk_is_one_sentence(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 3)
    mounted = subprocess.run(["mount", "--bind", folder, folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine does not allow mounts")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        _one_sentence(inhouse("ingest", folder), "--workspace")
        assert inhouse("ingest", folder, "--workspace", tmp_path / "elsewhere").code == 0
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_second_command_in_the_same_workspace(tmp_path: Path) -> None:
    import fcntl

    folder = _repository(tmp_path / "repo", 3)
    assert inhouse("ingest", folder).code == 0
    with (folder / ".inhouse" / "lock").open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        _one_sentence(inhouse("run", folder), "only one command")


def test_a_hub_model_named_by_a_stranger_s_settings_is_not_fetched(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "repo", 12)
    (folder / "inhouse.yaml").write_text("model: some-company/some-model\n")
    _one_sentence(inhouse("dataset", folder), "must be trusted", "inhouse config --trust")


def test_a_shallow_clone_goes_on_and_says_what_is_missing(tmp_path: Path) -> None:
    full = _repository(tmp_path / "full", 8)
    git(tmp_path, "clone", "-q", "--depth", "6", full.as_uri(), "shallow")
    ended = inhouse("ingest", tmp_path / "shallow", "--json")
    assert ended.code == 0, ended.err
    assert "shallow" in ended.err


def test_a_bare_repository_goes_on(tmp_path: Path) -> None:
    full = _repository(tmp_path / "full", 8)
    git(tmp_path, "clone", "-q", "--bare", str(full), "bare.git")
    ended = inhouse("ingest", tmp_path / "bare.git", "--json")
    assert ended.code == 0, ended.err
    counts = ended.json["corpus"]
    assert counts["in"] == counts["kept"] + sum(counts["removed"].values())


@pytest.mark.parametrize("words", [["rnu"], ["run", "--bugdet", "smoke"], ["run", "--budget", "huge"]])
def test_a_mistyped_verb_option_or_choice(words: list[str]) -> None:
    ended = inhouse(*words)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith("error: ")


def test_init_never_overwrites_and_config_explains(tmp_path: Path) -> None:
    assert inhouse("init", tmp_path).code == 0
    _one_sentence(inhouse("init", tmp_path), "never overwrites")
    settings = inhouse("config", "--explain", "--json", cwd=tmp_path).json["settings"]
    assert {"setting": "budget", "value": "demo", "from": "default"}.items() <= settings[1].items()
    shutil.rmtree(tmp_path)


def test_a_dataset_of_which_most_does_not_fit_into_its_rows(tmp_path: Path) -> None:
    repository = _repository(tmp_path / "repo", 1)
    body = "\n".join(f"    total += weight_{line} * value_{line}" for line in range(60))
    for number in range(12):
        signature = f'def long_{number}(total):\n    """Add up the weighted values of row {number}."""\n'
        lines = body if number < 3 else f"    total += {number}\n    total *= {number}"
        (repository / f"long_{number}.py").write_text(f"{signature}{lines}\n    return total\n")
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", f"Add sum {number}", date=f"2025-02-{number + 1:02d}T00:00:00Z")
    (repository / "inhouse.yaml").write_text(
        "budget: smoke\ndataset: {kinds: {implementation: 1}}\nsplit: {share: 0.2}\n"
        "training: {sequence_length: 96, allow: [small_validation]}\n"
    )
    _one_sentence(inhouse("train", repository), "at most 50%", "kind implementation", "--allow truncation")
