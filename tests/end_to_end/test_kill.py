"""Killed at any moment, the same command ends with the same artefacts."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from inhouse.pipeline import STAGES
from tests.end_to_end.command import inhouse
from tests.end_to_end.conftest import Run
from tests.end_to_end.forked import Commands
from tests.end_to_end.state import artefact_digests, registry_digests

KILLS_IN_A_STAGE = 3
PATIENCE = 120.0
_NAMES = [stage.name for stage in STAGES]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _begin(commands: Commands, words: list[object], home: Path, stage: str) -> int:
    """Start a command and return its process when the stage is being made, was made, or the process ended."""
    process = commands.start(*words)
    folder = home / ".inhouse" / "artefacts" / stage
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and _is_alive(process):
        if folder.exists() and any(folder.iterdir()):
            break
        time.sleep(0.005)
    return process


def _kill_in(
    stage: str, longest: float, dice: random.Random, commands: Commands, words: list[object], home: Path
) -> None:
    """Kill the whole process group at most so many seconds after the stage began.

    A command that ended before was undisturbed: the stage and those after it are forgotten, and the next kill
    comes earlier.
    """
    while True:
        process = _begin(commands, words, home, stage)
        time.sleep(dice.uniform(0, longest))
        if _is_alive(process):
            os.killpg(process, signal.SIGKILL)
        if commands.wait() == -signal.SIGKILL:
            return
        for made in _NAMES[_NAMES.index(stage) :]:
            shutil.rmtree(home / ".inhouse" / "artefacts" / made, ignore_errors=True)
        longest /= 2


def _stage_seconds(commands: Commands, words: list[object], home: Path) -> dict[str, float]:
    """Return how long each stage takes where everything is imported already."""
    begun: dict[str, float] = {}
    process = commands.start(*words)
    while _is_alive(process):
        for stage in STAGES:
            if stage.name not in begun and (home / ".inhouse" / "artefacts" / stage.name).exists():
                begun[stage.name] = time.monotonic()
        time.sleep(0.005)
    assert commands.wait() == 0
    ends = [*list(begun.values())[1:], time.monotonic()]
    return {name: end - start for (name, start), end in zip(begun.items(), ends, strict=True)}


@pytest.mark.timeout(600)
def test_killed_three_times_in_each_stage_it_ends_as_if_undisturbed(unrun: Run, tmp_path: Path) -> None:
    """The killed commands are forks; the one that goes on to the end is a process of its own."""
    dice = random.Random(20261122)
    home, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    words = unrun.words(home)
    with Commands() as commands:
        seconds = _stage_seconds(commands, unrun.words(undisturbed), undisturbed)
        assert len(seconds) * KILLS_IN_A_STAGE >= 20
        for stage, longest in seconds.items():
            for _ in range(KILLS_IN_A_STAGE):
                _kill_in(stage, 0.7 * longest, dice, commands, words, home)
    ended, expected = inhouse(*words), inhouse(*unrun.words(undisturbed))
    assert (ended.code, expected.code) == (0, 0), ended.err
    assert set(seconds) == set(expected.json["seconds"]) & {stage.name for stage in STAGES}
    assert artefact_digests(home) == artefact_digests(undisturbed)
    assert registry_digests(home) == registry_digests(undisturbed)
    assert ended.json["arms"] == expected.json["arms"]
    assert ended.json["differences"] == expected.json["differences"]
