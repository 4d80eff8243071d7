"""Run one command under sandlock and outlive everything that it starts. Its own process, without privileges.

Argument: one JSON object (policy, command). Standard streams are the command's. Ends with the command's
status, 128 + n after signal n. What the command leaves behind becomes a child of this process, because it is
a subreaper, and is killed; the same happens when the lifeline, a pipe that inhouse holds, breaks.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any

__all__ = ["main"]

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_SET_UP_FAILED = 254


def main() -> None:
    """Do it."""
    given = json.loads(sys.argv[1])
    sys.path.append(given["packages"])
    for handle in (given["lifeline"], given["report"]):
        os.set_inheritable(handle, False)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    threading.Thread(target=_watch, args=(given["lifeline"],), daemon=True).start()
    status = _run(given["policy"], given["command"], given["report"])
    _kill_all()
    os._exit(status)


def _run(policy: dict[str, Any], command: list[str], report: int) -> int:
    from sandlock import ExitReason, Sandbox

    try:
        process = Sandbox(**policy).popen(command)
        result = process.wait()
    except Exception as error:  # whatever it is, the other side must hear it
        os.write(report, f"{type(error).__name__}: {error}".encode()[:2000])
        return _SET_UP_FAILED
    if result.signal > 0:
        return 128 + int(result.signal)
    if result.reason == ExitReason.KILLED:  # of SIGKILL, whose number it does not tell
        return 128 + signal.SIGKILL
    if result.exit_code < 0:
        os.write(report, f"{result.reason}: {result.error}".encode()[:2000])
        return _SET_UP_FAILED
    return int(result.exit_code)


def _watch(lifeline: int) -> None:
    os.read(lifeline, 1)  # nothing is ever written: it returns when the other end is closed
    _kill_all()
    os._exit(128 + signal.SIGKILL)


def _kill_all() -> None:
    """Kill and collect all descendants, until there are none: a new parent's child is ours the moment
    after."""
    while True:
        found = _descendants(os.getpid())
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if found:
            os.sched_yield()


def _descendants(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are what is needed
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:  # noqa: PTH123
                    parent = int(stream.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(name))
    found = list(parents.get(root, ()))
    for pid in found:
        found += parents.get(pid, ())
    return found


if __name__ == "__main__":
    main()
