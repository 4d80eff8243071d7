"""The levels of this machine, and things planted outside that nothing inside may reach."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inhouse.sandbox import Sandbox
from inhouse.sandbox.box import LEVELS, examine_levels

SECRET = "canary-7f3a91"


@pytest.fixture(params=list(LEVELS))
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each level in turn; one that this machine lacks is skipped with the command that mends it."""
    lacking = {level.name: level for level in examine_levels() if level.complaint}
    if request.param in lacking:
        level = lacking[request.param]
        pytest.skip(f"{level.name} is not to be had here ({level.complaint}): {level.mend}")
    return Sandbox.at(request.param)


@pytest.fixture(scope="session")
def strongest() -> Sandbox:
    """The level that this machine gets."""
    lacking = [level for level in examine_levels() if level.complaint]
    if len(lacking) == len(LEVELS):
        pytest.skip(f"no level is to be had here: {lacking[0].mend}")
    return Sandbox.open()


@pytest.fixture(scope="session")
def unsafe() -> Sandbox:
    return Sandbox.open(unsafe_local=True)


@pytest.fixture(scope="session")
def planted() -> Iterator[dict[str, Any]]:
    """Secrets, sockets and a process outside. Everybody may reach them, so only the sandbox keeps them."""
    folder = Path(tempfile.mkdtemp(prefix="planted-", dir="/var/tmp"))
    folder.chmod(0o755)
    places = _files(folder)
    before = os.environ.get("INHOUSE_CANARY")
    os.environ["INHOUSE_CANARY"] = SECRET
    victim = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    with _Doors(folder) as doors:
        yield {**places, **doors.addresses(), "victim": victim.pid, "secret": SECRET, "folder": str(folder)}
    victim.kill()
    victim.wait()
    if before is None:
        del os.environ["INHOUSE_CANARY"]
    shutil.rmtree(folder)


def _files(folder: Path) -> dict[str, str]:
    places = {}
    for name, mode in (
        ("open", 0o644),
        ("closed", 0o600),
        ("ssh/id_ed25519", 0o600),
        ("other-job/work/a", 0o666),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
        path.chmod(mode)
        places[name] = str(path)
    if os.geteuid() == 0:
        os.chown(folder / "closed", 1234, 1234)
    return places


class _Doors:
    """Listening sockets of every kind; `heard` counts what came in."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[str] = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.path = socket.socket(socket.AF_UNIX)
        self.path_name = str(folder / "door")
        self.path.bind(self.path_name)
        Path(self.path_name).chmod(0o777)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract_name = f"inhouse-door-{os.getpid()}"
        self.abstract.bind("\0" + self.abstract_name)
        for server in (self.path, self.abstract):
            server.listen()

    def addresses(self) -> dict[str, Any]:
        return {
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "unix": self.path_name,
            "abstract": self.abstract_name,
            "heard": self.heard,
        }

    def __enter__(self) -> _Doors:
        for name in ("tcp", "path", "abstract"):
            threading.Thread(target=self._accept, args=(name,), daemon=True).start()
        threading.Thread(target=self._datagrams, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in (self.tcp, self.path, self.abstract, self.udp):
            server.close()

    def _accept(self, name: str) -> None:
        while True:
            try:
                connection, _ = getattr(self, name).accept()
            except OSError:
                return
            self.heard.append(name)
            connection.sendall(b"hello")
            connection.close()

    def _datagrams(self) -> None:
        while True:
            try:
                _, sender = self.udp.recvfrom(4096)
                self.heard.append("udp")
                self.udp.sendto(b"hello", sender)
            except OSError:
                return
