"""`python -m inhouse`, where the script is not on the path."""

from __future__ import annotations

import subprocess
import sys

import inhouse


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "inhouse", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"inhouse {inhouse.__version__}\n")
