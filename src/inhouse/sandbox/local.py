"""No isolation: the command runs as us, on this machine. Asked for by name only, and stamped into every
outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.sandbox.levels import limited
from inhouse.sandbox.supervise import Ended, kill_descendants, supervise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inhouse.sandbox.folder import JobFolder
    from inhouse.sandbox.limits import Limits

__all__ = ["UnsafeLocal"]


class UnsafeLocal:
    """Run commands plainly, in a private folder, with the limits of each process."""

    name = "unsafe-local"
    owner: int | None = None

    def run(
        self,
        job: JobFolder,
        command: Sequence[str],
        readable: Sequence[Path],
        limits: Limits,
        environment: Mapping[str, str],
        stdin: bytes,
    ) -> Ended:
        """Run a command in a filled folder; `readable` says nothing here, everything is."""
        del readable
        own = {name: str(job.tmp) for name in ("HOME", "TMPDIR") if environment[name] == "/tmp"}  # noqa: S108
        return supervise(
            limited(limits, [_local(word, job) for word in command], processes=None),
            limits,
            environment={**environment, **own},
            folder=job.work,
            stdin=stdin,
            grown=job.grown,
            kill=kill_descendants,
        )


def _local(word: str, job: JobFolder) -> str:
    """Return a command's word with the path that /work has here, if it names something in it."""
    inside = job.work / word.removeprefix("/work/")
    return str(inside) if word.startswith("/work/") and inside.exists() else word
