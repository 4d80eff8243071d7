"""Personalised PageRank against networkx and against dense power iteration."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.records import Edge
from inhouse.retrieval.graph import Node, personalised_pagerank
from inhouse.retrieval.graph.pagerank import WEIGHTS

_NODES = [(f"{letter}.py", letter) for letter in "abcdef"]
_EDGES = st.lists(
    st.tuples(st.sampled_from(_NODES), st.sampled_from(_NODES), st.sampled_from(sorted(WEIGHTS))), max_size=15
)
_SEEDS = st.dictionaries(st.sampled_from(_NODES), st.floats(0.1, 5), min_size=1, max_size=3)


def _edge(source: Node, target: Node, certainty: str = "resolved") -> Edge:
    return Edge("calls", *source, 1, *target, certainty, "planted")


@settings(max_examples=80, deadline=None)
@given(edges=_EDGES, seeds=_SEEDS, damping=st.floats(0.1, 0.9), back=st.sampled_from((0.0, 0.5, 1.0)))
def test_shares_are_those_of_networkx_and_of_the_dense_matrix(
    edges: list[tuple[Node, Node, str]], seeds: dict[Node, float], damping: float, back: float
) -> None:
    ranks = personalised_pagerank([_edge(*one) for one in edges], seeds, damping, back=back)
    graph = networkx.DiGraph()
    graph.add_nodes_from(seeds)
    for source, target, certainty in edges:
        for one, other, weight in ((source, target, 1.0), (target, source, back)):
            if weight:
                known = graph.get_edge_data(one, other, {"weight": 0.0})["weight"]
                graph.add_edge(one, other, weight=known + weight * WEIGHTS[certainty])
    peer = networkx.pagerank(graph, damping, personalization=seeds, dangling=seeds, max_iter=1000, tol=1e-12)
    assert ranks == pytest.approx(peer, abs=1e-7)
    assert ranks == pytest.approx(_dense(graph, seeds, damping), abs=1e-7)
    assert sum(ranks.values()) == pytest.approx(1)


def _dense(graph: networkx.DiGraph, seeds: dict[Node, float], damping: float) -> dict[Node, float]:
    nodes = sorted(graph)
    start = np.array([seeds.get(node, 0.0) for node in nodes]) / sum(seeds.values())
    matrix = networkx.to_numpy_array(graph, nodes)
    out = matrix.sum(axis=1, keepdims=True)
    matrix = np.where(out > 0, matrix / np.where(out > 0, out, 1), start)
    ranks = np.linalg.solve(np.eye(len(nodes)) - damping * matrix.T, (1 - damping) * start)
    return dict(zip(nodes, ranks, strict=True))


def test_what_the_seeds_use_outranks_what_they_do_not_and_certain_edges_carry_more() -> None:
    a, b, c, d = _NODES[:4]
    ranks = personalised_pagerank([_edge(a, b), _edge(a, c, "ambiguous"), _edge(d, d)], {a: 1.0})
    assert list(ranks) == [a, b, c, d]
    assert ranks[d] == 0


def test_order_does_not_hang_on_the_order_of_edges_and_nothing_gives_nothing() -> None:
    edges = [_edge(_NODES[one], _NODES[(one * 3 + 1) % 6]) for one in range(6)]
    seeds = {_NODES[2]: 1.0, _NODES[0]: 2.0}
    one, other = (
        personalised_pagerank(edges, seeds),
        personalised_pagerank(edges[::-1], dict(reversed(seeds.items()))),
    )
    assert list(one.items()) == list(other.items())
    assert personalised_pagerank(edges, {}) == {}
    assert personalised_pagerank([], {_NODES[0]: 3.0}) == {_NODES[0]: 1.0}
