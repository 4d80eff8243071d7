"""Which definitions matter to some others: a random walk that keeps coming back to them.

Personalised PageRank as in Page, Brin, Motwani and Winograd, "The PageRank Citation Ranking: Bringing
Order to the Web" (1999), section 6: r = (1 - d) s + d W r, with the seeds' shares s, the damping d and W the
weights of the edges, those out of each node summing to 1. A walk that meets a dead end comes back to the
seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inhouse.records import Edge

__all__ = ["WEIGHTS", "Node", "personalised_pagerank"]

Node = tuple[str, str]  # path, qualified name

WEIGHTS = {"resolved": 1.0, "inferred": 0.5, "ambiguous": 0.2}
"""Of an edge by its certainty."""

_TOLERANCE = 1e-10  # of the sum of all changes
_MOST_ROUNDS = 200


def personalised_pagerank(
    edges: Iterable[Edge], seeds: Mapping[Node, float], damping: float = 0.85, *, back: float = 0.5
) -> dict[Node, float]:
    """Return the share of each node, best first, equal ones by path and name; all shares sum to 1.

    `seeds` have positive weights. `back` is the weight of walking an edge against its direction, from what is
    used to what uses it, in those of walking it forwards.
    """
    steps = _steps(edges, back)
    nodes = sorted({*seeds, *(node for step in steps for node in step)})
    if not nodes or not seeds:
        return {}
    place = {node: number for number, node in enumerate(nodes)}
    start = np.zeros(len(nodes))
    for node in sorted(seeds):
        start[place[node]] = seeds[node]
    ranks = _walk(steps, place, start / start.sum(), damping)
    order = sorted(range(len(nodes)), key=lambda number: (-round(float(ranks[number]), 12), nodes[number]))
    return {nodes[number]: float(ranks[number]) for number in order}


def _steps(edges: Iterable[Edge], back: float) -> dict[tuple[Node, Node], float]:
    """Return the weight of each step from one node to another."""
    steps: dict[tuple[Node, Node], float] = {}
    for edge in edges:
        weight = WEIGHTS[edge.certainty]
        source, target = (edge.source_path, edge.source), (edge.target_path, edge.target)
        steps[source, target] = steps.get((source, target), 0.0) + weight
        if back:
            steps[target, source] = steps.get((target, source), 0.0) + back * weight
    return dict(sorted(steps.items()))


def _walk(
    steps: Mapping[tuple[Node, Node], float], place: Mapping[Node, int], start: np.ndarray, damping: float
) -> np.ndarray:
    """Return the shares after the walk has settled, [nodes]."""
    sources = np.array([place[source] for source, _ in steps], dtype=np.int64)
    targets = np.array([place[target] for _, target in steps], dtype=np.int64)
    weights = np.array(list(steps.values()), dtype=np.float64)
    out = np.bincount(sources, weights, len(start))
    weights = weights / out[sources]
    ranks = start
    for _ in range(_MOST_ROUNDS):
        moved = np.bincount(targets, ranks[sources] * weights, len(start)) + 0.0  # of nothing: integers
        moved += ranks[out == 0].sum() * start
        following = (1 - damping) * start + damping * moved
        if np.abs(following - ranks).sum() < _TOLERANCE:
            return following
        ranks = following
    return ranks
