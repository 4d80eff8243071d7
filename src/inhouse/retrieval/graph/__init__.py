"""Edges between definitions, derived from symbols and references when they are asked for."""

from inhouse.retrieval.graph.edges import Graph
from inhouse.retrieval.graph.lookup import definitions, near_names, references
from inhouse.retrieval.graph.pagerank import Node, personalised_pagerank
from inhouse.retrieval.graph.rows import references_of

__all__ = [
    "Graph",
    "Node",
    "definitions",
    "near_names",
    "personalised_pagerank",
    "references",
    "references_of",
]
