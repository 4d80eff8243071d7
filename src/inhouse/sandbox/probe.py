"""Prove that a level isolates on this very machine, before anything untrusted runs in it.

A program is installed, a kernel is configured, a container forbids: only trying tells. The probe starts this
Python inside and tries to read a file outside, to reach a socket outside, to write to the interpreter's own
folder and to start too many processes.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.sandbox.levels import SetupFailed
from inhouse.sandbox.limits import Limits

if TYPE_CHECKING:
    from inhouse.sandbox.box import Sandbox

__all__ = ["mend_for", "prove"]

_LIMITS = Limits(wall_s=20, cpu_s=10, processes=8)
_PROGRAM = """
import json, os, socket, sys, time
planted, port, prefix = sys.argv[1:]
def can(action):
    try:
        action()
    except OSError:
        return False
    return True
def fork():
    for _ in range(16):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
escaped = {
    "read a file outside": can(lambda: open(planted).read()),
    "reached the network": can(lambda: socket.create_connection(("127.0.0.1", int(port)), 1)),
    "wrote to the interpreter": can(lambda: open(prefix + "/.inhouse-probe", "w")),
    "started too many processes": can(fork),
    "became root": os.geteuid() == 0,
    "could not write to its folder": not can(lambda: open("probe", "w")),
}
print(json.dumps([what for what, did in escaped.items() if did]))
sys.stdout.flush()
os._exit(0)
"""


def prove(sandbox: Sandbox) -> None:
    """Run the probe. Raises SetupFailed when it does not run, or gets out."""
    with (
        tempfile.TemporaryDirectory(prefix="inhouse-probe-") as name,
        socket.create_server(("127.0.0.1", 0)) as door,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        planted = folder / "planted"
        planted.write_text("outside", encoding="ascii")
        planted.chmod(0o644)
        outcome = sandbox.run(
            [sys.executable, "-I", "-c", _PROGRAM, str(planted), str(door.getsockname()[1]), sys.base_prefix],
            limits=_LIMITS,
        )
    try:
        escaped = json.loads(outcome.stdout)
    except ValueError:
        last = (outcome.stderr.strip() or f"status {outcome.status}").splitlines()[-1]
        raise SetupFailed(f"the probe did not run: {last}") from None
    if escaped:
        raise SetupFailed(f"the probe {' and '.join(escaped)}")


def mend_for(name: str, complaint: str) -> str:
    """Return the command that mends a level with this complaint."""
    if name == "sandlock":
        return (
            "pip install 'inhouse[sandbox]'"
            if "not installed" in complaint
            else "uname -r  # needs Linux 6.12"
        )
    if "bubblewrap is not installed" in complaint:
        return _install("bubblewrap")
    if "util-linux" in complaint:
        return _install("util-linux")
    for setting, wrong, right in (
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("user/max_user_namespaces", "0", "15000"),
    ):
        file = Path("/proc/sys") / setting
        if file.exists() and file.read_text(encoding="ascii").strip() == wrong:
            return f"sysctl -w {setting.replace('/', '.')}={right}"
    if "Unknown option" in complaint:
        return f"{_install('bubblewrap')}  # 0.8 or newer"
    return "pip install 'inhouse[sandbox]'  # this container allows no namespaces"


def _install(package: str) -> str:
    for manager, words in (("apt-get", "install"), ("dnf", "install"), ("pacman", "-S"), ("apk", "add")):
        if shutil.which(manager):
            return f"{manager} {words} {package}"
    return f"apt-get install {package}"
