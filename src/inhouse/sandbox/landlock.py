"""Landlock and seccomp by the package sandlock: for machines, such as containers, that allow no namespaces.

    the launch:   [nsenter] [setpriv]  python: sandlock_launcher  ->  prlimit, command

The command sees the machine's tree, but may open the whitelist only; sandlock's supervisor shows it the
private folders as /work and /tmp. It is weaker than bubblewrap; docs/sandbox.md says where.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.sandbox.folder import NOBODY
from inhouse.sandbox.levels import SetupFailed, as_nobody, limited
from inhouse.sandbox.seccomp import DENIED_CALLS
from inhouse.sandbox.supervise import Ended, kill_descendants, supervise
from inhouse.sandbox.view import view_for
from inhouse.sandbox.whitelist import SYSTEM_LINKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.sandbox.folder import JobFolder
    from inhouse.sandbox.limits import Limits

__all__ = ["Sandlock"]

_SHOWN = ("/work", "/tmp", "/dev/shm")  # noqa: S108 - the private folders, as the command sees them
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_HANDLES_OF_PROCESSES = ("pidfd_open", "pidfd_send_signal")  # there is no namespace that hides the others
_SET_UP_FAILED = 254


class Sandlock:
    """Run commands under sandlock. Raises SetupFailed where it is missing."""

    name = "sandlock"

    def __init__(self) -> None:
        found = find_spec("sandlock")
        if found is None or found.origin is None:
            raise SetupFailed("sandlock is not installed")
        self._packages = str(Path(found.origin).parent.parent)
        self._launcher = Path(__file__).with_name("sandlock_launcher.py").read_text(encoding="utf-8")
        self.owner = NOBODY if os.geteuid() == 0 else None

    def run(
        self,
        job: JobFolder,
        command: Sequence[str],
        readable: Sequence[Path],
        limits: Limits,
        environment: Mapping[str, str],
        stdin: bytes,
    ) -> Ended:
        """Run a command in a filled folder. Raises SetupFailed."""
        view = view_for(self.owner, readable)
        lifeline, held = os.pipe()
        report, told = os.pipe()
        _copy_loader_cache(job)
        given = {
            "policy": _policy(job, readable, limits, environment),
            "command": limited(limits, _startable(command, readable), processes=None),
            "packages": self._packages,
            "lifeline": lifeline,
            "report": told,
        }
        start = [sys.executable, "-I", "-S", "-c", self._launcher, json.dumps(given)]
        words = [*as_nobody(self.owner, view), *start]
        try:
            ended = supervise(
                words,
                limits,
                environment={},
                folder=job.place,
                stdin=stdin,
                grown=job.grown,
                kill=kill_descendants,
                keep=(lifeline, told),
            )
            os.set_blocking(report, False)
            complaint = b""
            with contextlib.suppress(BlockingIOError):
                complaint = os.read(report, 4096)
        finally:
            for end in (lifeline, held, report, told):
                os.close(end)
        if ended.status == _SET_UP_FAILED and complaint:
            raise SetupFailed(complaint.decode("utf-8", "replace"))
        return ended


def _policy(
    job: JobFolder, readable: Sequence[Path], limits: Limits, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the arguments of `sandlock.Sandbox`."""
    links = [name for name in SYSTEM_LINKS if Path(name).exists()]
    places = [str(place) for path in readable for place in dict.fromkeys([path, path.resolve()])]
    shown = dict(zip(_SHOWN, map(str, (job.work, job.tmp, job.shm)), strict=True))
    below = {place: place for place in places if _covered(Path(place))}
    return {
        "chroot": "/",
        "clean_env": True,
        "cwd": "/work",
        "env": dict(environment),
        "extra_deny_syscalls": [*DENIED_CALLS, *_HANDLES_OF_PROCESSES],
        "fs_mount": shown,
        "fs_mount_ro": {"/etc": str(job.etc), **below},
        "fs_readable": [*places, *links, *_DEVICES, "/etc"],
        "fs_writable": [*shown, "/dev/null"],
        "max_processes": limits.processes,
        "no_coredump": False,
    }


def _copy_loader_cache(job: JobFolder) -> None:
    """Give the private /etc the list of shared libraries, without which those in /usr/local are not found."""
    cache = Path("/etc/ld.so.cache")
    if cache.exists():
        shutil.copyfile(cache, job.etc / cache.name)


def _covered(place: Path) -> bool:
    """Tell whether a readable place lies where the command sees a private folder."""
    return any(place.is_relative_to(root) for root in _SHOWN)


def _startable(command: Sequence[str], readable: Sequence[Path]) -> list[str]:
    """Return the command so that sandlock can start it.

    It cannot execute through a link that leaves a folder shown under another path, as a virtual environment's
    `python` does. The bare name is then found further down the PATH, and Python still finds its environment.
    """
    first = Path(command[0])
    linked = first.is_absolute() and first.is_symlink() and _covered(first)
    listed = any(first.is_relative_to(place) for place in readable)
    return [first.name if linked and listed else command[0], *command[1:]]
