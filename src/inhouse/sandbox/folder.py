"""The private folder of one run: what goes into it, how much it grew, and what is taken out again.

    inhouse-sandbox-XXXX/     others may pass through, not look
      lock                    held while the run goes on, so that what a killed process left is told from it
      work/                   /work inside
      tmp/                    /tmp inside
      shm/                    /dev/shm inside
      etc/                    passwd and group of a machine with one user

Afterwards it is hostile: nothing is opened through a link, and nothing is believed about sizes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["NOBODY", "JobFolder", "job_folder", "others_may_enter", "sweep"]

NOBODY = 65534
_PREFIX = "inhouse-sandbox-"
_STALE_SECONDS = 60.0
_DEEPEST = 200  # levels of folders; deeper ones cannot be counted by path, and count as too much
_ENTRY_BYTES = 4096  # what an empty file or folder costs at least
_BLOCK = 512  # unit of st_blocks
_PASSWD = f"root:x:0:0:root:/nonexistent:/bin/false\nnobody:x:{NOBODY}:{NOBODY}:nobody:/tmp:/bin/sh\n"
_GROUP = f"root:x:0:\nnogroup:x:{NOBODY}:\n"
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


class JobFolder:
    """One run's folder; made by `job_folder`."""

    def __init__(self, place: Path, owner: int | None) -> None:
        self.place = place
        self.work, self.tmp, self.shm, self.etc = (place / name for name in ("work", "tmp", "shm", "etc"))
        self._owner = owner
        for folder in (self.work, self.tmp, self.shm, self.etc):
            folder.mkdir()
        for name, text in (("passwd", _PASSWD), ("group", _GROUP), ("hosts", _HOSTS)):
            (self.etc / name).write_text(text, encoding="ascii")
            (self.etc / name).chmod(0o644)
        self.etc.chmod(0o755)
        self._filled = 0

    def fill(self, files: Mapping[str, bytes] | Path | None) -> None:
        """Put a mapping or a copy of a folder into `/work`. Raises UserMistake for a name outside of it."""
        if isinstance(files, Path):
            _copy(files, self.work)
        else:
            for name, content in (files or {}).items():
                target = self.work.joinpath(*parts_of(name))
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        self._give_away()
        self._filled = self._used()

    def grown(self, enough: int) -> int:
        """Return by how many bytes the folder has grown since it was filled.

        Stops counting at `enough`: a folder may grow faster than it can be counted.
        """
        return max(0, self._used(self._filled + enough) - self._filled)

    def _used(self, enough: float = math.inf) -> int:
        """Return the bytes that all entries use on the disk, at least 4096 for each; links are not
        followed."""
        total = 0
        folders = [(str(folder), 0) for folder in (self.work, self.tmp, self.shm)]
        while folders and total <= enough:
            folder, depth = folders.pop()
            if depth > _DEEPEST:
                return sys.maxsize
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        total += _size(entry)
                        if total > enough:
                            break
                        if entry.is_dir(follow_symlinks=False):
                            folders.append((entry.path, depth + 1))
            except OSError:  # it was removed, or made unreadable for a user who is not root
                continue
        return total

    def collect(self, names: Sequence[str], largest: int) -> tuple[dict[str, bytes], dict[str, str]]:
        """Return (content, refusals) of files in `/work`, of at most `largest` bytes each. Call it when all
        processes are dead. Raises UserMistake for a name outside of it.
        """
        found: dict[str, bytes] = {}
        refused: dict[str, str] = {}
        for name in names:
            parts = parts_of(name)
            try:
                found[name] = _read_regular(self.work, parts, largest)
            except OSError as error:
                refused[name] = _reason(error)
        return found, refused

    def _give_away(self) -> None:
        """Let the user inside own what lies in the folder; it runs as another user only if we are root."""
        if self._owner is None:
            return
        for folder in (self.work, self.tmp, self.shm):
            for root, folders, files, handle in os.fwalk(folder, follow_symlinks=False):
                del root
                for name in (*folders, *files):
                    os.chown(name, self._owner, self._owner, dir_fd=handle, follow_symlinks=False)
            os.chown(folder, self._owner, self._owner)


@contextlib.contextmanager
def job_folder(owner: int | None = None) -> Iterator[JobFolder]:
    """Make a folder for one run and remove it afterwards, whatever the run left in it.

    owner: the user inside, when it is another one than ours; the folder then lies where that user may pass.
    """
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_base(owner)))
    lock = os.open(place / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        if owner is not None:
            place.chmod(0o711)
        yield JobFolder(place, owner)
    finally:
        _remove(place)
        os.close(lock)


def sweep(owner: int | None = None, older_than_s: float = _STALE_SECONDS) -> int:
    """Remove the folders that killed processes of ours have left, and return how many there were.

    A folder in use is locked by its process; its age covers the moment before the lock is taken.
    """
    removed = 0
    for place in _base(owner).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or in use, or another process was faster
            about = place.lstat()
            if about.st_uid != os.geteuid() or time.time() - about.st_mtime < older_than_s:
                continue
            with (place / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(place)
                removed += 1
    return removed


def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts of a relative path inside `/work`. Raises UserMistake for any other."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in name:
        raise UserMistake("a file of the sandbox has a relative path inside /work", repr(name))
    return path.parts


def others_may_enter(folder: Path) -> bool:
    """Tell whether any user may pass through a folder and all that lie above it."""
    real = folder.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in (real, *real.parents))


def _base(owner: int | None) -> Path:
    usual = Path(tempfile.gettempdir())
    if owner is None or others_may_enter(usual):
        return usual
    for place in (Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - a folder of our own is made in it
        if place.is_dir() and others_may_enter(place):
            return place
    raise UserMistake(
        "the sandbox needs a folder for temporary files that all users may enter",
        str(usual),
        "set TMPDIR to one, such as /tmp",
    )


def _copy(source: Path, target: Path) -> None:
    """Copy a folder: links stay links, and what is neither file, folder nor link stays behind."""
    if not source.is_dir():
        raise UserMistake("the files for the sandbox must be a folder", str(source), "name one that exists")

    def special(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if not _plain(Path(folder, name))}

    try:
        shutil.copytree(source, target, symlinks=True, ignore=special, dirs_exist_ok=True)
    except shutil.Error as error:
        first = error.args[0][0]
        raise UserMistake("every file for the sandbox must be readable", f"{first[0]} ({first[2]})") from None


def _plain(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return max(_ENTRY_BYTES, entry.stat(follow_symlinks=False).st_blocks * _BLOCK)
    except OSError:  # it was removed in the meantime
        return 0


def _read_regular(root: Path, parts: tuple[str, ...], largest: int) -> bytes:
    """Read a regular file, passing through no link on the way. Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    here = os.open(root, flags | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, flags | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        handle = os.open(parts[-1], flags, dir_fd=here)
    finally:
        os.close(here)
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            raise OSError(errno.EINVAL, "not a regular file with one name")
        if about.st_size > largest:
            raise OSError(errno.EFBIG, "too large")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read(largest)
    finally:
        os.close(handle)


def _reason(error: OSError) -> str:
    return {
        errno.ENOENT: "absent",
        errno.ELOOP: "a link",
        errno.ENOTDIR: "below a link or a file",
        errno.EFBIG: "too large",
        **dict.fromkeys((errno.EINVAL, errno.EISDIR, errno.ENXIO), "not a regular file with one name"),
    }.get(error.errno or 0, "not readable")


def _remove(place: Path) -> None:
    """Remove a folder, however deep, in which another user may have taken away all permissions."""
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(place)
    if place.exists():
        subprocess.run(["chmod", "-R", "u+rwX", "--", str(place)], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--", str(place)], stderr=subprocess.DEVNULL)
