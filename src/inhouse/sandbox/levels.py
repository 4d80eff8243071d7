"""The ways to run a command, strongest first. Each is a `Level`; `Sandbox` picks one and proves it."""

from __future__ import annotations

import math
import os
import shutil
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inhouse.sandbox.folder import JobFolder
    from inhouse.sandbox.limits import Limits
    from inhouse.sandbox.supervise import Ended

__all__ = ["Level", "SetupFailed", "as_nobody", "limited"]

_OPEN_FILES = 512
_MIB = 1 << 20


class SetupFailed(Exception):
    """The level could not start anything; the message is its own complaint, in one line."""


class Level(Protocol):
    """One way to isolate."""

    name: str
    owner: int | None
    """The user that the command runs as, when it is another one than ours."""

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


def limited(limits: Limits, command: Sequence[str], *, processes: int | None) -> list[str]:
    """Return the command behind the kernel's limits on each process, which it cannot raise again.

    processes: how many the user may have, counted within its user namespace; None where it has none, because
    there all processes of the user would count.
    """
    cpu = math.ceil(limits.cpu_s)
    bounds = [
        f"--cpu={cpu}:{cpu + 1}",
        f"--data={limits.memory_mb * _MIB}",
        f"--fsize={limits.file_mb * _MIB}",
        f"--nofile={_OPEN_FILES}",
        "--core=0",
        "--memlock=65536",
        "--msgqueue=0",
    ]
    if processes is not None:
        bounds.append(f"--nproc={processes}")
    return [_required("prlimit"), *bounds, "--", *command]


def as_nobody(owner: int | None, view: int | None) -> list[str]:
    """Return the words before a command that drop root for good, inside the namespace `view` if there is one.

    Dropping comes before the sandbox itself: a user namespace made by root still reads what root may read,
    and the kernel's limit on processes does not bind root.
    """
    if owner is None:
        return []
    # the handle stays ours: it is opened through /proc and never inherited by what runs inside
    enter = [] if view is None else [_required("nsenter"), f"--mount=/proc/{os.getpid()}/fd/{view}", "--"]
    drop = [
        f"--reuid={owner}",
        f"--regid={owner}",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ]
    return [*enter, _required("setpriv"), *drop, "--"]


def _required(program: str) -> str:
    found = shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin")
    if found is None:
        raise SetupFailed(f"{program} of util-linux is not installed")
    return found
