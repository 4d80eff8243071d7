"""How the benchmarks take time: works in turns, the least of several rounds."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def best_of(repeats: int, *works: Callable[[], object], clock: Clock = time.process_time) -> list[float]:
    """Return the least seconds of each work; they take turns, so that a busy machine hurts all alike.

    The default clock counts processor time: it suits works of one process that wait for nothing.
    """
    rounds = [[seconds(work, clock) for work in works] for _ in range(repeats)]
    return [min(column) for column in zip(*rounds, strict=True)]


def seconds(work: Callable[[], object], clock: Clock = time.process_time) -> float:
    start = clock()
    work()
    return clock() - start
