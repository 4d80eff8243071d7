"""Every limit is kept, whatever is tried against it, and named when it is hit."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from inhouse.sandbox import Limits, Outcome, Sandbox

SMALL = Limits(wall_s=15, cpu_s=8, memory_mb=128, processes=16, file_mb=8, disk_mb=32)
WEAKER = {
    ("sandlock", "threads"): "its count is of processes; threads are bounded by memory only",
}
_TOUCH = "for i in range(0, len(m), 4096): m[i] = 1"
MEMORY = {
    "one array": "b = bytearray(600 << 20)",
    "small pieces": "l = []\nwhile len(l) < 600: l.append(b'x' * (1 << 20))",
    "private mapping": "import mmap\nm = mmap.mmap(-1, 600 << 20, mmap.MAP_PRIVATE)\n" + _TOUCH,
    "shared mapping": "import mmap\nm = mmap.mmap(-1, 600 << 20)\n" + _TOUCH,
    "shared mappings of many processes": (
        "import mmap, os, time\nfor n in range(6):\n    if os.fork() == 0:\n"
        "        m = mmap.mmap(-1, 100 << 20)\n"
        "        for i in range(0, len(m), 4096): m[i] = 1\n        time.sleep(30)\nos.wait()"
    ),
    "many processes, each below the limit": (
        "import os, time\nfor n in range(8):\n    if os.fork() == 0:\n        b = b'x' * (80 << 20)\n"
        "        time.sleep(30)\nos.wait()"
    ),
    "hidden from the watch": (
        "import ctypes, mmap\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nm = mmap.mmap(-1, 600 << 20)\n"
        "for i in range(0, len(m), 4096): m[i] = 1"
    ),
    "memory file": (
        "import os\nh = os.memfd_create('x')\nfor n in range(600): os.write(h, b'x' * (1 << 20))"
    ),
    "System V": (
        "import ctypes\nl = ctypes.CDLL(None)\nfor n in range(60):\n    i = l.shmget(0, 10 << 20, 0o1600)\n"
        "    assert i >= 0\n    a = l.shmat(i, 0, 0)\n    assert a != -1"
    ),
    "message queues": ("import ctypes\nl = ctypes.CDLL(None)\nassert l.msgget(0, 0o1600) >= 0\n"),
}
# the total is watched twenty times a second: a machine under load must have the time to look
_FILES = (
    "import time\nfor n in range(150):\n"
    "    open(f'{place}f{{n}}', 'wb').write(b'x' * (1 << 20))\n    time.sleep(0.05)"
)
DISK = {
    "one file": "f = open('f', 'wb')\nfor n in range(100): f.write(b'x' * (1 << 20))",
    "many files": _FILES.format(place=""),
    "a sparse file": "open('f', 'wb').truncate(10 << 30)",
    "a hole and a byte": "f = open('f', 'wb')\nf.seek(10 << 30)\nf.write(b'x')\nf.flush()",
    "/tmp": _FILES.format(place="/tmp/"),
    "shared memory files": _FILES.format(place="/dev/shm/"),
    "empty files": "for n in range(200_000): open(f'f{n}', 'w').close()",
    "folders": "import os\nfor n in range(200_000): os.mkdir(f'f{n}')",
    "folders in folders": "import os\nfor n in range(3000):\n    os.mkdir('f')\n    os.chdir('f')",
    "reserved space": "import os\nf = open('f', 'wb')\nos.posix_fallocate(f.fileno(), 0, 1 << 30)",
}


def _run(sandbox: Sandbox, code: str, limits: Limits = SMALL) -> Outcome:
    return sandbox.run([sys.executable, "-I", "-c", code + "\nprint('ESCAPED', flush=True)"], limits=limits)


@pytest.mark.parametrize("how", MEMORY)
def test_memory_is_bounded(sandbox: Sandbox, how: str) -> None:
    outcome = _run(sandbox, MEMORY[how])
    assert "ESCAPED" not in outcome.stdout
    assert not outcome.ok
    if how not in ("memory file", "System V", "message queues"):  # those are refused, whatever the amount
        assert "memory" in outcome.hit, outcome


@pytest.mark.parametrize("how", DISK)
def test_the_disk_is_bounded(sandbox: Sandbox, how: str) -> None:
    # few entries are enough to pass the limit, and clearing many away takes long
    limits = replace(SMALL, disk_mb=4) if how in ("empty files", "folders") else SMALL
    outcome = _run(sandbox, DISK[how], limits)
    assert "ESCAPED" not in outcome.stdout
    assert set(outcome.hit) & {"disk", "file"}, outcome


def test_the_same_without_limits_would_succeed(unsafe: Sandbox) -> None:
    """A little over the limits that the tests above have: they refuse, not the machine."""
    wide = Limits(wall_s=30, cpu_s=20, memory_mb=2048, file_mb=200, disk_mb=400)
    for code in (MEMORY["shared mapping"].replace("600", "200"), DISK["one file"], DISK["many files"]):
        assert _run(unsafe, code, wide).stdout == "ESCAPED\n"


def test_a_fork_bomb_stays_small(sandbox: Sandbox) -> None:
    code = """
import os, time
made = 0
try:
    while made < 100:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
except OSError as error:
    print(made, error, flush=True)
    if made <= 16: raise
"""
    outcome = _run(sandbox, code)
    assert "ESCAPED" not in outcome.stdout, outcome
    assert "processes" in outcome.hit
    assert outcome.seconds < 10


def test_a_fork_bomb_that_forks_from_every_child_is_ended(sandbox: Sandbox) -> None:
    code = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    outcome = _run(sandbox, code, replace(SMALL, wall_s=3))
    assert set(outcome.hit) & {"wall", "cpu", "processes"}
    assert outcome.seconds < 10


def test_threads_are_bounded(sandbox: Sandbox) -> None:
    code = (
        "import threading, time\nfor n in range(40):\n"
        "    threading.Thread(target=time.sleep, args=(3,), daemon=True).start()"
    )
    outcome = _run(sandbox, "import threading; threading.stack_size(65536)\n" + code)
    if (sandbox.isolation, "threads") in WEAKER:
        assert "ESCAPED" in outcome.stdout, "no longer weaker: change docs/sandbox.md"
    else:
        assert "ESCAPED" not in outcome.stdout
        assert "processes" in outcome.hit


@pytest.mark.parametrize("stream", [1, 2])
def test_an_output_flood_is_cut_off(sandbox: Sandbox, stream: int) -> None:
    code = f"import os\nwhile True: os.write({stream}, b'\\xff\\x00' * 5000)"
    outcome = _run(sandbox, code, replace(SMALL, output_bytes=100_000))
    assert outcome.hit == ("output",)
    assert outcome.status is None
    assert 0 < len(outcome.stdout + outcome.stderr) <= 100_000


def test_sleeping_and_burning_end_in_time(sandbox: Sandbox) -> None:
    slept = _run(sandbox, "import time; time.sleep(60)", replace(SMALL, wall_s=1))
    assert (slept.status, slept.hit) == (None, ("wall",))
    burnt = _run(sandbox, "while True: pass", replace(SMALL, cpu_s=1))
    assert burnt.hit == ("cpu",)
    assert burnt.seconds < 10


def test_ignored_signals_and_many_processes_do_not_buy_processor_time(sandbox: Sandbox) -> None:
    stubborn = (
        "import os, signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
    )
    alone = _run(sandbox, stubborn + "while True: pass", replace(SMALL, cpu_s=1))
    assert "cpu" in alone.hit
    together = _run(
        sandbox, "import os\nfor n in range(3): os.fork()\nwhile True: pass", replace(SMALL, cpu_s=1)
    )
    assert "cpu" in together.hit
    assert together.cpu_seconds < 4


def test_limits_cannot_be_raised_from_inside(sandbox: Sandbox) -> None:
    code = """
import resource
raised = []
for name in ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "MSGQUEUE", "NOFILE", "NPROC"):
    number = getattr(resource, "RLIMIT_" + name, None)
    if number is None: continue
    hard = resource.getrlimit(number)[1]
    if hard == resource.RLIM_INFINITY: continue
    try:
        resource.setrlimit(number, (hard + 1, hard + 1))
        raised.append(name)
    except (OSError, ValueError):
        pass
print(raised)
"""
    outcome = sandbox.run([sys.executable, "-I", "-c", code], limits=SMALL)
    assert outcome.stdout == "[]\n", outcome


def test_what_the_limits_allow_is_not_hit(sandbox: Sandbox) -> None:
    code = "b = bytearray(40 << 20)\nopen('f', 'wb').write(b'x' * (4 << 20))"
    outcome = _run(sandbox, code)
    assert outcome.ok and outcome.stdout == "ESCAPED\n"
