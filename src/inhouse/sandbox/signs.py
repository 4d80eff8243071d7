"""Which limits a run hit, where the kernel enforced them and told nobody but the program."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inhouse.sandbox.supervise import Ended

__all__ = ["limits_hit"]

_LAST_WORDS = 4096  # bytes of standard error that are looked at
_SIGNS = {
    "memory": ("MemoryError", "Cannot allocate memory", "std::bad_alloc", "out of memory"),
    "processes": ("Resource temporarily unavailable", "can't start new thread", "Cannot fork"),
    "file": ("File too large",),
    "disk": ("No space left on device",),
}
_SIGNALS = {128 + signal.SIGXCPU: "cpu", 128 + signal.SIGXFSZ: "file"}


def limits_hit(ended: Ended, status: int | None) -> tuple[str, ...]:
    """Return the limits that were watched and hit, then those that a failed run's last words complain
    about."""
    hit = list(ended.hit)
    if status in _SIGNALS:
        hit.append(_SIGNALS[status])
    if status:
        words = ended.stderr[-_LAST_WORDS:].decode("utf-8", "replace")
        hit += [limit for limit, signs in _SIGNS.items() if any(sign in words for sign in signs)]
    return tuple(dict.fromkeys(hit))
