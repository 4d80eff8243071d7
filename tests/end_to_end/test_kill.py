"""Killed at any moment, the same command ends with the same artefacts."""

from __future__ import annotations

import os
import random
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


def _kill_in(stage: str, seconds: float, commands: Commands, words: list[object], home: Path) -> bool:
    """Kill the whole process group so long after the stage began; return whether it was still at work."""
    process = _begin(commands, words, home, stage)
    time.sleep(seconds)
    if _is_alive(process):
        os.killpg(process, signal.SIGKILL)
    return commands.wait() == -signal.SIGKILL


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
    kills = 0
    with Commands() as commands:
        seconds = _stage_seconds(commands, unrun.words(undisturbed), undisturbed)
        for stage, longest in seconds.items():
            for _ in range(KILLS_IN_A_STAGE):
                kills += _kill_in(stage, dice.uniform(0, 0.7 * longest), commands, words, home)
    assert kills >= 20
    ended, expected = inhouse(*words), inhouse(*unrun.words(undisturbed))
    assert (ended.code, expected.code) == (0, 0), ended.err
    assert set(seconds) == set(expected.json["seconds"]) & {stage.name for stage in STAGES}
    assert artefact_digests(home) == artefact_digests(undisturbed)
    assert registry_digests(home) == registry_digests(undisturbed)
    assert ended.json["arms"] == expected.json["arms"]
    assert ended.json["differences"] == expected.json["differences"]
