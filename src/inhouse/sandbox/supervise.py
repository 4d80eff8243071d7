"""Start one command, feed and drain it, watch its limits, and leave nothing of it alive.

Hard limits are the kernel's (`prlimit`, in the levels' modules). What the kernel only knows of one process,
or not at all, is watched from here: the sums of memory and processor time over all descendants, the growth of
the folder, the output, and the wall clock.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inhouse.sandbox.limits import Limits

__all__ = ["Ended", "children_of", "kill_descendants", "supervise"]

_WATCH_SECONDS = 0.05
_DISK_SHARE = 0.1  # of the time may go into measuring the folder
_KILLED_SECONDS = 0.02
_CHUNK = 1 << 16
_OWN_PROCESSES = 2  # of a level: the first process of a namespace
_MIB = 1 << 20
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Ended:
    """What is known when all is over."""

    status: int | None  # of the started process, as waitstatus_to_exitcode gives it; None if it was killed
    stdout: bytes = b""
    stderr: bytes = b""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    hit: list[str] = field(default_factory=list)


def supervise(
    command: Sequence[str],
    limits: Limits,
    *,
    environment: Mapping[str, str],
    folder: Path,
    stdin: bytes,
    grown: Callable[[int], int],
    kill: Callable[[subprocess.Popen[bytes]], None],
    keep: Sequence[int] = (),
) -> Ended:
    """Run a command to its end or to a limit.

    folder: where it starts. grown: bytes that the private folder has grown by, counted up to its argument.
    kill: ends the process and all it started. keep: file descriptors that it inherits. Raises OSError when it
    cannot be started.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        cwd=folder,
        pass_fds=tuple(keep),
        start_new_session=True,
    )
    run = _Run(process, limits, stdin, grown, kill, start)
    try:
        return run.to_the_end()
    finally:
        run.close()


class _Run:
    """One started process with its pipes."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        limits: Limits,
        stdin: bytes,
        grown: Callable[[int], int],
        kill: Callable[[subprocess.Popen[bytes]], None],
        start: float,
    ) -> None:
        self._process = process
        self._limits = limits
        self._left = memoryview(stdin)
        self._grown = grown
        self._kill = kill
        self._start = start
        self._ended = Ended(None)
        self._output = {"stdout": bytearray(), "stderr": bytearray()}
        self._selector = selectors.DefaultSelector()
        self._reaped = False
        self._killed = False
        self._next_watch = start + _WATCH_SECONDS
        self._next_disk = start + _WATCH_SECONDS
        self._exit = os.pidfd_open(process.pid)
        self._selector.register(self._exit, selectors.EVENT_READ, "exit")
        for name in self._output:
            stream = getattr(process, name)
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, name)
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        os.set_blocking(process.stdin.fileno(), False)
        self._selector.register(process.stdin, selectors.EVENT_WRITE, "stdin")

    def to_the_end(self) -> Ended:
        """Serve the pipes until the process has ended and all its output is read."""
        while not self._reaped:
            now = time.monotonic()
            self._check(now)
            wait = max(0.0, min(self._next_watch, self._start + self._limits.wall_s) - time.monotonic())
            if self._killed:
                self._kill(self._process)  # again: what it does may take two steps
            self._serve(_KILLED_SECONDS if self._killed else wait)
        self._drain()
        ended = self._ended
        ended.seconds = time.monotonic() - self._start
        ended.stdout, ended.stderr = bytes(self._output["stdout"]), bytes(self._output["stderr"])
        if not self._killed:
            self._last_look()
        return ended

    def close(self) -> None:
        """Leave nothing behind, also when we are interrupted."""
        if not self._reaped:
            self._kill(self._process)
            self._reap()
        self._selector.close()
        os.close(self._exit)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with _quietly():
                    stream.close()

    def _serve(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.data == "exit":
                self._reap()
            elif key.data == "stdin":
                self._feed()
            else:
                self._take(key.data)

    def _feed(self) -> None:
        stream = self._process.stdin
        assert stream is not None  # noqa: S101 - registered only while it is open
        try:
            written = os.write(stream.fileno(), self._left[:_CHUNK]) if self._left else 0
            self._left = self._left[written:]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._left = self._left[:0]
        if not self._left:
            self._selector.unregister(stream)
            with _quietly():
                stream.close()

    def _take(self, name: str) -> bool:
        """Read what is there; tell whether the stream has ended or is empty for now."""
        stream = getattr(self._process, name)
        try:
            data = os.read(stream.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        if not data:
            self._selector.unregister(stream)
            return True
        room = self._limits.output_bytes - sum(len(output) for output in self._output.values())
        self._output[name] += data[: max(0, room)]
        if len(data) > room:
            self._stop("output")
            return True
        return False

    def _drain(self) -> None:
        """Read what was written before the end. A process that outlived it may hold a pipe open: do not
        wait."""
        for name in self._output:
            if getattr(self._process, name) in [key.fileobj for key in self._selector.get_map().values()]:
                while not self._take(name):
                    pass

    def _check(self, now: float) -> None:
        if self._killed:
            return
        if now - self._start >= self._limits.wall_s:
            self._stop("wall")
        elif now >= self._next_watch:
            self._next_watch = now + _WATCH_SECONDS
            self._watch(now)

    def _watch(self, now: float) -> None:
        count, memory, cpu = _used(self._process.pid)
        self._ended.cpu_seconds = max(self._ended.cpu_seconds, cpu)
        if cpu > self._limits.cpu_s:
            self._stop("cpu")
        elif count > self._limits.processes + _OWN_PROCESSES:
            self._stop("processes")
        elif memory > self._limits.memory_mb * _MIB and _proportional(self._process.pid) > (
            self._limits.memory_mb * _MIB
        ):
            self._stop("memory")
        elif now >= self._next_disk:
            self._watch_disk()

    def _watch_disk(self) -> None:
        before = time.monotonic()
        if self._too_much_written():
            self._stop("disk")
        after = time.monotonic()
        self._next_disk = after + (after - before) / _DISK_SHARE

    def _last_look(self) -> None:
        """Name limits that were passed between the last watch and the end."""
        if self._ended.cpu_seconds > self._limits.cpu_s:
            self._ended.hit.append("cpu")
        if self._too_much_written():
            self._ended.hit.append("disk")

    def _too_much_written(self) -> bool:
        most = self._limits.disk_mb * _MIB
        return self._grown(most) > most

    def _stop(self, limit: str) -> None:
        if limit not in self._ended.hit:
            self._ended.hit.append(limit)
        if not self._killed:
            self._killed = True
            if not self._reaped:
                self._kill(self._process)

    def _reap(self) -> None:
        if self._reaped:
            return
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._ended.cpu_seconds = max(self._ended.cpu_seconds, usage.ru_utime + usage.ru_stime)
        if not self._killed:
            self._ended.status = self._process.returncode
        self._reaped = True
        self._selector.unregister(self._exit)


class _quietly:  # noqa: N801 - reads as a statement
    """Ignore that a pipe is broken."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        return isinstance(error, OSError)


def kill_descendants(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, its group, and every descendant that can be found."""
    for pid in _descendants(process.pid):
        with _quietly():
            os.kill(pid, signal.SIGKILL)
    with _quietly():
        os.killpg(process.pid, signal.SIGKILL)
    with _quietly():
        os.kill(process.pid, signal.SIGKILL)  # not process.kill(), which may collect the status


def _descendants(root: int) -> list[int]:
    """Return all descendants of a process, children before grandchildren."""
    found, seen = [root], 0
    while seen < len(found):
        for child in children_of(found[seen]):
            if child not in found:
                found.append(child)
        seen += 1
    return found[1:]


def children_of(pid: int) -> list[int]:
    """Return the children of all threads of a process (needs CONFIG_PROC_CHILDREN; psutil does without)."""
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - a hot path
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as stream:  # noqa: PTH123
                children += [int(word) for word in stream.read().split()]
    except FileNotFoundError:
        if os.path.exists(f"/proc/{pid}") and not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):  # noqa: PTH110
            import psutil

            with _quietly():
                return [child.pid for child in psutil.Process(pid).children()]
    except OSError:
        pass
    return children


def _used(root: int) -> tuple[int, int, float]:
    """Return (number, bytes of private and shared memory, processor seconds) of all descendants.

    Pages that a fork shares count for each process: an upper bound, which `_proportional` makes exact.
    """
    memory, ticks = 0, 0
    found = _descendants(root)
    for pid in found:
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            ticks += sum(
                int(word) for word in fields[11:15]
            )  # utime, stime, and those of waited-for children
        except (OSError, IndexError):  # it ended in the meantime
            continue
        memory += _resident(pid)
    return len(found), memory, ticks / _TICKS


def _proportional(root: int) -> int:
    """Return the bytes of all descendants, shared pages divided among their users."""
    total = 0
    for pid in _descendants(root):
        total += _summed(pid, "smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:")) or _resident(pid)
    return total


def _resident(pid: int) -> int:
    """Return the private and shared memory of one process in bytes, files apart."""
    return _summed(pid, "status", (b"RssAnon:", b"RssShmem:"))


def _summed(pid: int, name: str, starts: tuple[bytes, ...]) -> int:
    """Return the sum of lines in kB of a file in /proc, in bytes; 0 when it may not be read or is gone."""
    try:
        lines = Path(f"/proc/{pid}/{name}").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(starts))
