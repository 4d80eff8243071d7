"""Checkpoints that are whole or not there at all.

    FOLDER/step-000012/complete.json        the digest of every other file: without it, or if one differs,
                                            the checkpoint does not count
    FOLDER/step-000012.partial/             being written; a kill leaves it, the next write removes it

Nothing in one is a pickle: tensors are safetensors, everything else is JSON.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inhouse.digests import digest_file
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["Checkpoints"]

_COMPLETE = "complete.json"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Checkpoints:
    """The checkpoints of one training, named by the number of steps done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def writing(self, step: int) -> Iterator[Path]:
        """Give an empty folder to fill; it becomes the checkpoint of `step` when the block ends well.

        A full disk, a spent quota or a limit on the size of files removes what was written, keeps the
        checkpoints before it, and raises UserMistake.
        """
        partial = self.folder / f"{_name(step)}.partial"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            yield partial
            self._complete(partial, self.path(step))
        except BaseException as error:
            shutil.rmtree(partial, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise UserMistake(
                    "training needs free disk space for its checkpoints",
                    f"there is none for {self.folder} at step {step} ({os.strerror(error.errno)})",
                    "free some space and run the same command again: it goes on from the last checkpoint",
                ) from error
            raise

    def path(self, step: int) -> Path:
        """Return where the checkpoint of a step lies, or would."""
        return self.folder / _name(step)

    def is_whole(self, step: int) -> bool:
        """Return whether every file of a step's checkpoint is as it was written."""
        folder = self.path(step)
        try:
            digests = json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))
            return all(digest_file(folder / name) == digest for name, digest in digests.items())
        except (OSError, ValueError):
            return False

    def steps(self) -> list[int]:
        """Return the steps that have a checkpoint, whole or damaged, in order."""
        names = [path.name for path in self.folder.glob("step-*") if path.suffix == ""]
        return sorted(int(name.removeprefix("step-")) for name in names)

    def keep(self, wanted: Collection[int]) -> None:
        """Remove the checkpoints of all other steps."""
        for step in self.steps():
            if step not in wanted:
                shutil.rmtree(self.path(step), ignore_errors=True)

    def remove_all(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _complete(self, partial: Path, final: Path) -> None:
        files = sorted(path for path in partial.iterdir() if path.is_file())
        digests = {path.name: digest_file(path) for path in files}
        (partial / _COMPLETE).write_text(json.dumps(digests, indent=1), encoding="utf-8")
        for path in (*files, partial / _COMPLETE, partial):
            _flush(path)
        if final.exists():  # damaged: a whole one would not have been trained again
            shutil.rmtree(final)
        partial.rename(final)
        _flush(self.folder)


def _name(step: int) -> str:
    return f"step-{step:06d}"


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
