"""Namespaces by bubblewrap: the strongest level. Of the machine there is what is bound, and nothing else.

    the launch, one process until bwrap forks:
    [nsenter: the view of `view`]  [setpriv: user 65534]  bwrap  ->  sh (pid 1)  ->  prlimit, command

`sh` is the first process of the namespace. When it ends, the kernel kills whatever the command left running,
and bwrap, which waits for it, ends only after that. When inhouse dies, even of SIGKILL, bwrap and with it the
namespace die too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.sandbox.folder import NOBODY
from inhouse.sandbox.levels import SetupFailed, as_nobody, limited
from inhouse.sandbox.seccomp import filter_program
from inhouse.sandbox.supervise import Ended, children_of, supervise
from inhouse.sandbox.view import view_for
from inhouse.sandbox.whitelist import SYSTEM_LINKS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence

    from inhouse.sandbox.folder import JobFolder
    from inhouse.sandbox.limits import Limits

__all__ = ["Bubblewrap"]

_NAMESPACES = (
    "--unshare-user --disable-userns --unshare-pid --unshare-net --unshare-ipc --unshare-uts "
    f"--unshare-cgroup-try --uid {NOBODY} --gid {NOBODY} --hostname sandbox "
    "--die-with-parent --new-session --as-pid-1 --clearenv"
).split()
_FIRST_PROCESS = ["/bin/sh", "-c", '"$@"; exit $?', "sandbox"]  # `exit` keeps sh from becoming the command
_OWN_PROCESSES = 1  # sh


class Bubblewrap:
    """Run commands under bwrap. Raises SetupFailed where it is missing."""

    name = "bubblewrap"

    def __init__(self) -> None:
        program = shutil.which("bwrap")
        if program is None:
            raise SetupFailed("bubblewrap is not installed")
        filter_ = filter_program()
        if filter_ is None:
            raise SetupFailed(f"there is no system call filter for {os.uname().machine}")
        self._program = program
        self._filter = filter_
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
        with _handle_of(self._filter) as filter_, _pipe() as (status_out, status_in):
            words = [
                *as_nobody(self.owner, view),
                self._program,
                *_NAMESPACES,
                *_mounts(job, readable),
                *(word for name, value in environment.items() for word in ("--setenv", name, value)),
                *("--seccomp", str(filter_), "--json-status-fd", str(status_in), "--"),
                *_FIRST_PROCESS,
                *limited(limits, command, processes=limits.processes + _OWN_PROCESSES),
            ]
            ended = supervise(
                words,
                limits,
                environment={},  # what bwrap is started with can be read in /proc/1/environ
                folder=job.place,
                stdin=stdin,
                grown=job.grown,
                kill=_kill,
                keep=(filter_, status_in),
            )
            os.set_blocking(status_out, False)
            started = _was_started(status_out)
        if not started and ended.status is not None:
            raise SetupFailed(_last_line(ended.stderr))
        return ended


def _mounts(job: JobFolder, readable: Sequence[Path]) -> list[str]:
    """Return bwrap's words for the tree inside; the later ones may lie within the earlier ones."""
    words = ["--proc", "/proc", "--dev", "/dev"]
    for source, target in ((job.shm, "/dev/shm"), (job.work, "/work"), (job.tmp, "/tmp")):  # noqa: S108
        words += ["--bind", str(source), target]
    for name in ("passwd", "group", "hosts"):
        words += ["--ro-bind", str(job.etc / name), f"/etc/{name}"]
    for name in SYSTEM_LINKS:
        if Path(name).is_symlink():
            words += ["--symlink", str(Path(name).readlink()), name]
        elif Path(name).is_dir():
            words += ["--ro-bind", name, name]
    for path in readable:
        real = path.resolve()
        for place in dict.fromkeys([path, real]):
            words += ["--ro-bind", str(real), str(place)]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/work"]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the first process inside, with which all others die before bwrap ends; without one, bwrap."""
    for pid in children_of(process.pid) or [process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _was_started(status: int) -> bool:
    """Tell from bwrap's report whether the command was reached; it says so only after the set-up."""
    try:
        text = os.read(status, 1 << 16).decode("utf-8", "replace")
    except BlockingIOError:
        return False
    reports = [json.loads(line) for line in text.splitlines() if line.strip()]
    return any("exit-code" in report for report in reports)


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "bwrap ended without a word"


@contextlib.contextmanager
def _handle_of(content: bytes) -> Iterator[int]:
    """Give the content as an open file."""
    handle = os.memfd_create("filter")
    try:
        os.write(handle, content)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Give both ends of a pipe."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)
