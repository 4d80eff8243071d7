"""Killed at any moment, the same command ends with the same artefacts."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from inhouse.pipeline import STAGES
from tests.end_to_end.command import inhouse, start
from tests.end_to_end.conftest import Run
from tests.end_to_end.state import artefact_digests, registry_digests

KILLS_IN_A_STAGE = 3
PATIENCE = 120.0


def _wait_until_begun(process: subprocess.Popen[str], home: Path, stage: str) -> None:
    """Return when the stage is being made, was made, or the process ended."""
    folder = home / ".inhouse" / "artefacts" / stage
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if folder.exists() and any(folder.iterdir()):
            return
        time.sleep(0.01)


def _kill_in(stage: str, seconds: float, words: list[object], home: Path) -> bool:
    """Kill the whole process group so long after the stage began; return whether it was still at work."""
    process = start(*words)
    _wait_until_begun(process, home, stage)
    time.sleep(seconds)
    at_work = process.poll() is None
    if at_work:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return at_work


@pytest.mark.timeout(600)
def test_killed_three_times_in_each_stage_it_ends_as_if_undisturbed(undisturbed: Run, tmp_path: Path) -> None:
    dice = random.Random(20261122)
    words = undisturbed.words(tmp_path)
    kills = 0
    of_a_run = [stage for stage in STAGES if stage.name in undisturbed.result["seconds"]]
    for stage in of_a_run:
        longest = undisturbed.result["seconds"][stage.name]
        for _ in range(KILLS_IN_A_STAGE):
            kills += _kill_in(stage.name, dice.uniform(0, 0.7 * longest), words, tmp_path)
    assert kills >= 20
    ended = inhouse(*words)
    assert ended.code == 0, ended.err
    assert artefact_digests(tmp_path) == artefact_digests(undisturbed.home)
    assert registry_digests(tmp_path) == registry_digests(undisturbed.home)
    assert ended.json["arms"] == undisturbed.result["arms"]
    assert ended.json["differences"] == undisturbed.result["differences"]
