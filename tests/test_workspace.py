"""Present means done, absent means not: nothing in between survives as an artefact."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inhouse.errors import UserMistake
from inhouse.workspace import FORMAT, MEASURED, Stage, Workspace

STAGE = Stage("letters", 1, ("nothing",))


def _write(folder: Path) -> None:
    (folder / "a.txt").write_text("a")


def test_the_second_build_does_not_work_again(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / ".inhouse")
    calls: list[Path] = []
    first = workspace.build(STAGE, {"x": 1}, {}, lambda folder: (calls.append(folder), _write(folder))[-1])
    second = workspace.build(STAGE, {"x": 1}, {}, lambda folder: calls.append(folder))
    assert len(calls) == 1
    assert (first.digest, first.path, second.reused) == (second.digest, second.path, True)


@pytest.mark.parametrize(
    ("settings", "inputs", "version"),
    [({"x": 2}, {}, 1), ({"x": 1}, {"history": "other"}, 1), ({"x": 1}, {}, 2)],
)
def test_settings_inputs_and_version_each_change_the_fingerprint(
    tmp_path: Path, settings: dict[str, int], inputs: dict[str, str], version: int
) -> None:
    workspace = Workspace.open(tmp_path / ".inhouse")
    first = workspace.build(STAGE, {"x": 1}, {}, _write)
    other = workspace.build(Stage("letters", version, ("nothing",)), settings, inputs, _write)
    assert other.fingerprint != first.fingerprint
    assert other.digest == first.digest  # the same bytes came out


def test_timings_do_not_enter_the_digest(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / ".inhouse")

    def work(seconds: float) -> str:
        def fill(folder: Path) -> None:
            _write(folder)
            (folder / MEASURED).write_text(json.dumps({"seconds": seconds}))

        return workspace.build(STAGE, {"seconds": seconds}, {}, fill).digest

    assert work(1.0) == work(2.0)


def test_work_that_fails_leaves_no_artefact_and_keeps_its_finished_shards(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / ".inhouse")

    def fail(folder: Path) -> None:
        _write(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        workspace.build(STAGE, {}, {}, fail)
    assert workspace.current("letters") is None
    seen: list[list[str]] = []
    workspace.build(STAGE, {}, {}, lambda folder: seen.append([path.name for path in folder.iterdir()]))
    assert seen == [["a.txt"]]


def test_a_newer_workspace_is_refused_and_left_alone(tmp_path: Path) -> None:
    state = tmp_path / ".inhouse"
    Workspace.open(state).close()
    (state / "workspace.json").write_text(json.dumps({"format": FORMAT + 1}))
    with pytest.raises(UserMistake, match=f"has format {FORMAT + 1}"):
        Workspace.open(state)


def test_a_workspace_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="no workspace yet"):
        Workspace.find(tmp_path / ".inhouse")
    assert list(tmp_path.iterdir()) == []


def test_git_does_not_see_the_state_folder(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    Workspace.open(tmp_path / ".inhouse").close()
    status = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain"], check=True, capture_output=True, text=True
    )
    assert status.stdout == ""


def test_a_second_writer_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    state = tmp_path / ".inhouse"
    first, second = Workspace.open(state), Workspace.open(state)
    with first.locked():
        with pytest.raises(UserMistake, match=f"in use by process {os.getpid()}"), second.locked():
            pass
    with second.locked():
        pass


def test_a_killed_writer_does_not_hold_the_lock(tmp_path: Path) -> None:
    state = tmp_path / ".inhouse"
    code = (
        "import sys, time; from pathlib import Path; from inhouse.workspace import Workspace\n"
        "with Workspace.open(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with Workspace.open(state).locked():
        pass


def test_a_kill_between_rename_and_ledger_keeps_the_artefact(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / ".inhouse")
    made = workspace.build(STAGE, {}, {}, _write)
    workspace._ledger.execute("DELETE FROM artefact; DELETE FROM current")
    again = workspace.build(STAGE, {}, {}, lambda folder: pytest.fail("worked again"))
    assert again.digest == made.digest


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(UserMistake, match="must be writable"):
            Workspace.open(tmp_path / ".inhouse")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_file_in_the_place_of_the_state_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".inhouse").write_text("")
    with pytest.raises(UserMistake, match="must be writable"):
        Workspace.open(tmp_path / ".inhouse")


def test_the_cost_of_the_making_run_is_remembered(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / ".inhouse")
    workspace.build(STAGE, {}, {}, lambda folder: time.sleep(0.2))
    found = workspace.current("letters")
    assert found is not None
    assert 0.2 <= found.cost.seconds < 5
    assert found.cost.peak_memory_bytes > 1_000_000
