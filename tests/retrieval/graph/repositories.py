"""Small repositories in memory, and their edges as lines."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from inhouse.retrieval.facts import read_file
from inhouse.retrieval.graph import Graph
from inhouse.retrieval.sqlite import SqliteStore

if TYPE_CHECKING:
    from inhouse.records import Edge

Files = dict[str, str]


def store_of(files: Files) -> SqliteStore:
    """Return a store in memory that holds the files."""
    store = SqliteStore(Path(":memory:"))
    store.replace([read_file(path, "", dedent(text)) for path, text in sorted(files.items())])
    return store


def graph_of(files: Files) -> Graph:
    """Return the graph of some files."""
    return Graph(store_of(files))


def line(edge: Edge) -> str:
    """Return `source kind target` with the paths, for a test to compare."""
    target = f"{edge.target_path}:{edge.target}".rstrip(":")
    return f"{edge.source or '(file)'} {edge.kind} {target}"


def out_of(files: Files, path: str, kind: str = "") -> list[str]:
    """Return the edges out of a file as lines, certainty and rule behind those of one kind."""
    return [_line(edge, kind) for edge in graph_of(files).edges_from(path) if kind in ("", edge.kind)]


def _line(edge: Edge, kind: str) -> str:
    if not kind:
        return line(edge)
    target = f"{edge.target_path}:{edge.target}".rstrip(":")
    return f"{edge.source or '(file)'} -> {target} ({edge.certainty}: {edge.rule})"
