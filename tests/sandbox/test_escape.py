"""Nothing gets out. Each attempt also succeeds where there is no sandbox, if that does no harm."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from inhouse.sandbox import Limits, Sandbox
from tests.sandbox.attempts import ATTEMPTS, DRIVER, Attempt

NAMES = [attempt.name for attempt in ATTEMPTS]
HARMLESS = [attempt for attempt in ATTEMPTS if attempt.control != "nobody"]


@pytest.fixture(scope="module")
def made(planted: dict[str, Any]) -> Any:
    """Make all attempts at a level, once: {level: (what each said, what the doors outside heard)}."""
    results: dict[str, tuple[dict[str, str], list[str]]] = {}

    def at(sandbox: Sandbox) -> tuple[dict[str, str], list[str]]:
        if sandbox.isolation not in results:
            before = len(planted["heard"])
            # without a sandbox the others would mount, unmount and set the clock for real
            attempts = HARMLESS if sandbox.isolation == "unsafe-local" else ATTEMPTS
            given = json.dumps([planted, [attempt.code for attempt in attempts]]).encode()
            outcome = sandbox.run(
                [sys.executable, "-I", "-c", DRIVER], limits=Limits(wall_s=60, cpu_s=30), stdin=given
            )
            assert outcome.ok, outcome
            said = dict(zip((one.name for one in attempts), json.loads(outcome.stdout), strict=True))
            results[sandbox.isolation] = said, planted["heard"][before:]
        return results[sandbox.isolation]

    return at


def test_there_are_enough_attempts_with_different_names() -> None:
    assert len(set(NAMES)) == len(ATTEMPTS) >= 40


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_nothing_gets_out(sandbox: Sandbox, attempt: Attempt, made: Any) -> None:
    said = made(sandbox)[0][attempt.name]
    assert "SyntaxError" not in said and "NameError" not in said, said
    if sandbox.isolation in attempt.weaker:
        assert "ESCAPED" in said, f"no longer weaker: {attempt.weaker[sandbox.isolation]}"
    else:
        assert "ESCAPED" not in said, said


def test_nobody_outside_was_reached(sandbox: Sandbox, made: Any) -> None:
    assert made(sandbox)[1] == []


@pytest.mark.parametrize("attempt", HARMLESS, ids=lambda attempt: attempt.name)
def test_it_would_get_out_without_a_sandbox(unsafe: Sandbox, attempt: Attempt, made: Any) -> None:
    """Otherwise the tests above would prove nothing."""
    said = made(unsafe)[0][attempt.name]
    if attempt.control == "root" and "ESCAPED" not in said:
        user = "root" if os.geteuid() == 0 else "an ordinary user"
        pytest.skip(f"this machine does not let {user} do it even without a sandbox: {said}")
    assert "ESCAPED" in said, said


def test_the_doors_outside_hear_those_without_a_sandbox(unsafe: Sandbox, made: Any) -> None:
    assert sorted(made(unsafe)[1]) == ["abstract", "path", "tcp", "udp"]
