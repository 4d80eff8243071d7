"""Edges between definitions, derived from symbols and references when they are asked for."""

from inhouse.retrieval.graph.edges import Graph, edges_among, edges_from, edges_to, neighbourhood
from inhouse.retrieval.graph.lookup import definitions, near_names, references
from inhouse.retrieval.graph.pagerank import Node, personalised_pagerank
from inhouse.retrieval.graph.rows import references_of

__all__ = [
    "Graph",
    "Node",
    "definitions",
    "edges_among",
    "edges_from",
    "edges_to",
    "near_names",
    "neighbourhood",
    "personalised_pagerank",
    "references",
    "references_of",
]
