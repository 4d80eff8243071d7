"""git as a subprocess that cannot be made to run anything else.

A cloned repository is hostile: its configuration may name programs (fsmonitor, external diff, textconv,
filters, pagers, ssh commands, hooks), and reading it is all that git needs to start them. So the repository's
configuration is read once, by `git rev-parse`, to find out where things are (`discover`). Everything else
runs in an empty repository of our own that only borrows the other's objects (`ObjectStore`):

    scratch folder             made for one command, removed with it
      HEAD config refs/        empty
      shallow                  where the history of a shallow clone ends
    GIT_OBJECT_DIRECTORY       the repository's objects

There, no configuration, attribute, graft, replacement or promised remote of the repository exists.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, cast

from inhouse.errors import UserMistake
from inhouse.sources.paths import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["LARGEST_DIFF", "ObjectStore", "discover"]

LARGEST_DIFF = 16 * 2**20
"""Bytes. git calls larger files binary, so that no line of a hostile file fills the memory."""

_BUFFER = 1 << 18
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
_SETTINGS = {
    "core.attributesFile": os.devnull,
    "core.bigFileThreshold": str(LARGEST_DIFF),
    "core.commitGraph": "false",  # a cache that may disagree with the commits
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "gc.auto": "0",
    "protocol.allow": "never",
    "safe.directory": "*",  # another owner's repository: nothing of it is run
}
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "",  # unlike protocol.allow, no setting of the repository overrides it
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": str(len(_SETTINGS)),
    **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(_SETTINGS)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(_SETTINGS.values())},
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def discover(folder: Path, *arguments: str) -> tuple[str, str]:
    """Ask git, in a folder, where the parts of its repository are. Return the answer and the complaint.

    One of both is empty. Only one line end is removed from the answer: a path may end with others.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True
        )
    except FileNotFoundError:
        raise _not_installed() from None
    if done.returncode != 0:
        return "", _complaint(done.stderr) or f"git ended with status {done.returncode}"
    return os.fsdecode(done.stdout.removesuffix(b"\n")), ""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The objects of a repository, without its configuration."""

    repository: Path  # named in complaints
    objects: Path
    object_format: str  # sha1 or sha256
    shallow: bytes  # content of the repository's file of that name
    advice: str  # what to do when objects cannot be read

    def objects_of(self, ids: Iterable[str]) -> Iterator[tuple[str, str, bytes]]:
        """Yield (id, kind, content) in order, one in memory at a time; missing objects are left out."""
        with self.stream("cat-file", "--batch", "--buffer", lines=ids) as output:
            while header := output.readline().split():
                if header[-1] == b"missing":
                    continue
                id_, kind, size = (field.decode("ascii") for field in header)
                content = output.read(int(size))
                if not output.read(1):  # the line end; without it git has died, and its status tells
                    break
                yield id_, kind, content

    @contextmanager
    def stream(self, *arguments: str, lines: Iterable[str] = ()) -> Iterator[IO[bytes]]:
        """Run git with `lines` as its input; the block reads its output, to the end or not at all.

        The input goes through a file: feeding a pipe while the other fills can block both sides.
        Raises UserMistake with git's own words when it fails, which it does on a damaged repository.
        """
        with TemporaryDirectory(prefix="inhouse-git-") as name:
            scratch = Path(name)
            self._prepare(scratch, lines)
            with (scratch / "input").open("rb") as given, (scratch / "complaints").open("wb+") as complaints:
                with self._start(arguments, scratch, given, complaints) as process:
                    try:
                        yield cast("IO[bytes]", process.stdout)
                    except BaseException:
                        process.kill()  # the reader gave up: git would wait for it
                        raise
                    status = process.wait()
                if status != 0:
                    complaints.seek(0)
                    raise self._failed(_complaint(complaints.read()) or f"status {status}")

    def _prepare(self, scratch: Path, lines: Iterable[str]) -> None:
        version = 0 if self.object_format == "sha1" else 1
        extension = "" if version == 0 else f"[extensions]\n\tobjectFormat = {self.object_format}\n"
        config = f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extension}"
        (scratch / "config").write_text(config, encoding="ascii")
        (scratch / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
        (scratch / "refs").mkdir()
        if self.shallow:
            (scratch / "shallow").write_bytes(self.shallow)
        with (scratch / "input").open("w", encoding="ascii") as stream:
            stream.writelines(f"{line}\n" for line in lines)

    def _start(
        self, arguments: Sequence[str], scratch: Path, given: IO[bytes], complaints: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        places = {"GIT_DIR": str(scratch), "GIT_OBJECT_DIRECTORY": str(self.objects)}
        try:
            return subprocess.Popen(
                ["git", *arguments],
                cwd=scratch,
                env=_environment() | places,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=_BUFFER,
            )
        except FileNotFoundError:
            raise _not_installed() from None

    def _failed(self, complaint: str) -> UserMistake:
        return UserMistake(
            "git must be able to read the repository",
            f"{self.repository} ({complaint})",
            self.advice,
        )


def _environment() -> dict[str, str]:
    """Return all that git gets to see of ours: no GIT_DIR of a hook that we may have been called from."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ENVIRONMENT


def _complaint(stderr: bytes) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith((b"fatal:", b"error:"))]
    return printable(lines[0].partition(b": ")[2]) if lines else ""


def _not_installed() -> UserMistake:
    return UserMistake("git must be installed", "no `git` on the PATH", "install it, as in `apt install git`")
