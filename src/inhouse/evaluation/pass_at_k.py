"""pass@k: the chance that at least one of k answers is right, estimated without bias from n of them.

The estimator of Chen et al. 2021 (https://arxiv.org/abs/2107.03374, equation 1): with c of n answers right,

    pass@k  =  1 - C(n - c, k) / C(n, k)  =  1 - product of (1 - k / i) for i = n - c + 1, ..., n

The product never makes the huge numbers of the binomials. Averages are over tasks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from inhouse.evaluation.tasks import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["GREEDY", "KS", "SAMPLED", "pass_at_k", "pass_rates"]

KS = (1, 5, 10)
"""Values of k that are told, as far as there are so many samples."""

GREEDY = "pass@1"
"""Measure: did the one answer of likeliest tokens pass?"""

SAMPLED = "sampled"
"""Measure: did one random answer pass? Its average is pass@1 at the temperature of the samples."""


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the estimate of pass@k from `n` answers of which `c` are right.

    Raises ValueError unless 0 <= c <= n and 1 <= k <= n: from fewer than k answers it cannot be told.
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} cannot be told from {c} of {n}")
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def pass_rates(judgements: Iterable[Judgement], suffix: str = "") -> Iterator[Judgement]:
    """Yield pass@k of each task and arm from its `SAMPLED` judgements, for each k of `KS` up to their number.

    `suffix` follows the names of the measures read and written.
    """
    found: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        if judgement.measure == SAMPLED + suffix:
            found[judgement.task, judgement.arm].append(judgement)
    for (task, arm), samples in found.items():
        n, c = len(samples), round(sum(judgement.top for judgement in samples))
        for k in KS[1:]:
            if k <= n:
                value = pass_at_k(n, c, k)
                first = samples[0]
                note = f"{c} of {n} samples pass"
                yield Judgement(first.suite, f"pass@{k}{suffix}", task, first.group, arm, 0, value, 1.0, note)
