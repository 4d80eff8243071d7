"""What a run in the sandbox may use, and how it ended."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Limits", "Outcome", "calibrated", "for_terminal"]

_FACTOR = 4.0
_FLOOR_SECONDS = 4.0
_WALL_PER_CPU = 3.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run; each must be positive. A limit that is hit is named in `Outcome.hit`."""

    wall_s: float = 10.0
    """Seconds from start to end, after which everything in the sandbox is killed ("wall")."""

    cpu_s: float = 10.0
    """Processor seconds of all processes together ("cpu")."""

    memory_mb: int = 512
    """MiB: hard for the private memory of each process, watched 20 times a second for all together
    ("memory")."""

    processes: int = 64
    """Processes and threads alive at once ("processes")."""

    file_mb: int = 64
    """MiB: the largest file that can be written ("file")."""

    disk_mb: int = 256
    """MiB that may be added to `/work` and `/tmp`; an entry counts 4 KiB at least; watched ("disk")."""

    output_bytes: int = 1_000_000
    """Bytes of standard output and standard error together ("output")."""

    def __post_init__(self) -> None:
        """Refuse limits that limit nothing. Raises UserMistake."""
        for limit in dataclasses.fields(self):
            value = getattr(self, limit.name)
            if not (math.isfinite(value) and value > 0):
                raise UserMistake(
                    "a limit of the sandbox is a positive number",
                    f"{limit.name} = {value}",
                    "see `inhouse sandbox --help`",
                )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    status: int | None
    """Exit status, 128 + n after signal n, None when it was killed for a limit."""

    stdout: str
    """Standard output, decoded as UTF-8 with replacements. Untrusted: print it through `for_terminal`."""

    stderr: str
    """Standard error, likewise."""

    seconds: float
    """Wall time, the start of the sandbox included."""

    cpu_seconds: float
    """Processor time of all its processes."""

    hit: tuple[str, ...]
    """The limits that were hit: wall, cpu, memory, processes, file, disk, output. The kernel does not tell
    who was refused memory, processes or space, so besides the watched sums a failed run whose last words are
    the system's complaint about one of them counts as having hit it."""

    isolation: str
    """bubblewrap, sandlock or unsafe-local: a result never travels without it."""

    collected: Mapping[str, bytes] = field(default_factory=dict)
    """Content of the files in `/work` that were asked for."""

    not_collected: Mapping[str, str] = field(default_factory=dict)
    """Why a file that was asked for is not among them: absent, a link, too large, not a regular file."""

    @property
    def ok(self) -> bool:
        """Whether it ended with status 0 and hit no limit."""
        return self.status == 0 and not self.hit


def calibrated(reference_seconds: float, base: Limits | None = None) -> Limits:
    """Return `base` with time limits that suit a task whose reference solution took `reference_seconds` here.

    The reference's processor time on this machine, start included, times four (evalplus's factor), and never
    under four seconds: fixed limits scored the same samples .40 and .23 on two machines (evalplus/evalplus,
    issue 5). The limit is on processor time, which load on the machine hardly changes; the wall limit is
    three times that and only stops what sleeps. Raises UserMistake for a time that is not positive.
    """
    if not (math.isfinite(reference_seconds) and reference_seconds > 0):
        raise UserMistake(
            "time limits are calibrated on a positive time", str(reference_seconds), "run the reference first"
        )
    cpu = max(_FLOOR_SECONDS, _FACTOR * reference_seconds)
    return dataclasses.replace(base or Limits(), cpu_s=cpu, wall_s=_WALL_PER_CPU * cpu)


def for_terminal(text: str) -> str:
    """Return text with everything that a terminal would obey, or that hides what it says, made visible."""
    return "".join(
        char if char in "\n\t" or char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
