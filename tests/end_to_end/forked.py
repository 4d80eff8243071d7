"""`inhouse` in forks of one process that has imported everything: a kill costs the work, not the imports.

For every line of words on standard input it forks, runs the command in a session of its own, and prints two
lines: the process at once, and how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from tests.end_to_end.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Commands"]

_HEAVY = (
    "inhouse.cli.run",
    "inhouse.datasets.build",
    "inhouse.engines.torch_engine",
    "inhouse.evaluation.compare",
    "inhouse.hygiene.corpus",
    "inhouse.pipeline",
    "inhouse.planning.plan",
    "inhouse.registry.adapters",
    "inhouse.reporting.report",
    "inhouse.retrieval.index",
    "inhouse.training.sft",
)


class Commands:
    """The forking process, as seen from a test."""

    def __enter__(self) -> Commands:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.forked"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def start(self, *words: object) -> int:
        """Start `inhouse WORDS` and return its process, which leads a group of its own."""
        assert self._process.stdin is not None
        print(json.dumps([str(word) for word in words]), file=self._process.stdin, flush=True)
        return self._read()

    def wait(self) -> int:
        """Return the exit code of the latest command, or minus the signal that ended it."""
        return self._read()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def main() -> None:
    """Fork for every line."""
    for name in _HEAVY:
        importlib.import_module(name)
    import torch

    from inhouse.cli.main import main as command

    torch.set_num_threads(1)  # a fork has no other threads
    gc.freeze()
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _become(json.loads(line), command)
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _become(words: list[str], command: Callable[[list[str]], int]) -> NoReturn:
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    code = 3
    try:
        code = command(words)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
