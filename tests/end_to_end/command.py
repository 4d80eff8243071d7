"""Drive the command line in a process of its own, as a user does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["Ended", "git", "inhouse", "start"]

ROOT = Path(__file__).parent.parent.parent


class Ended:
    """A finished command."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """The lines that are an error, progress apart."""
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


def inhouse(*words: object, cwd: Path | None = None, stdin: str = "", timeout: float = 280) -> Ended:
    """Run `inhouse WORDS` to its end."""
    done = subprocess.run(
        _command(words),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=_environment(),
    )
    return Ended(done)


def start(*words: object, cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start `inhouse WORDS` and return the running process."""
    return subprocess.Popen(
        _command(words),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        start_new_session=True,
        # a test run in the background of a shell ignores Ctrl-C, and its children would inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def git(folder: Path, *words: str, date: str = "2025-01-01T00:00:00Z") -> str:
    """Run git in a folder with a fixed author and date."""
    environment = {
        **os.environ,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.invalid",
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.invalid",
        "GIT_COMMITTER_DATE": date,
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout


def _command(words: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", "inhouse.cli.main", *(str(word) for word in words)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}
