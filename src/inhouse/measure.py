"""What a piece of work cost: wall time and the peak memory of this process and its children."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cost", "measured", "resident_bytes"]

_SAMPLE_SECONDS = 0.1


@dataclass(slots=True)
class Cost:
    """Filled when the measured block ends."""

    seconds: float = 0.0
    peak_memory_bytes: int = 0


def resident_bytes() -> int:
    """Return the resident memory of this process and all its descendants, in bytes."""
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # it ended between the listing and the question
            continue
    return int(total)


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure a block. The peak is sampled, ten times a second: the kernel's own never falls again."""
    cost = Cost(peak_memory_bytes=resident_bytes())
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            cost.peak_memory_bytes = max(cost.peak_memory_bytes, resident_bytes())

    watcher = threading.Thread(target=watch, name="memory-watch", daemon=True)
    start = time.perf_counter()
    watcher.start()
    try:
        yield cost
    finally:
        done.set()
        watcher.join()
        cost.seconds = time.perf_counter() - start
        cost.peak_memory_bytes = max(cost.peak_memory_bytes, resident_bytes())
