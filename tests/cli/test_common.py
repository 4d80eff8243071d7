"""Faults of the machine end in one sentence."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from inhouse.cli.common import execute
from inhouse.shards import Processes


def _killed(_number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _work(_arguments: Any) -> int:
    with Processes(1) as processes:
        list(processes.map(_killed, [1, 2]))
    return 0


def test_a_worker_that_the_system_kills_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    verb = SimpleNamespace(parser=lambda _parser: None, run=_work)
    assert execute(verb, "verb", []) == 2
    err = capsys.readouterr().err
    assert "memory" in err
    assert "finished work is kept" in err
    assert "Traceback" not in err
