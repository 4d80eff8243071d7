"""Edges out of a file and into a definition, each with how sure it is and by which rule.

    resolved    the rules of the language lead to one definition
    inferred    nothing leads there, but it is the only one that fits
    ambiguous   one of several; the nearest are named

Edges are derived from the rows of the store whenever they are asked for, so that what leads into a file
never depends on when that file, or any other, was indexed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from inhouse.records import Edge
from inhouse.retrieval.graph.byname import by_name
from inhouse.retrieval.graph.languages import resolver_of
from inhouse.retrieval.graph.readers import keys_of, readers_of
from inhouse.retrieval.graph.resolver import is_unknown
from inhouse.retrieval.graph.tested import tested_by_name, tests_by_name
from inhouse.retrieval.graph.values import FILE
from inhouse.retrieval.graph.view import View
from inhouse.retrieval.store import simple_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.records import Reference
    from inhouse.retrieval.graph.pagerank import Node
    from inhouse.retrieval.graph.resolver import Resolver
    from inhouse.retrieval.graph.values import Value
    from inhouse.retrieval.store import Store

__all__ = ["Graph"]

RESOLVED, INFERRED, AMBIGUOUS = "resolved", "inferred", "ambiguous"
_MAX_KNOWN = 5_000  # references whose edges are kept in memory

MOST_INBOUND = 200
"""References to one name that a walk looks at: a name that everything uses says little."""

_KINDS = {"call": "calls", "inherit": "inherits", "import": "imports", "type": "uses"}


class Graph:
    """Edges of one state of a store; what was found is kept, within bounds: a server keeps one per state."""

    def __init__(self, store: Store) -> None:
        self.view = View(store)
        self._resolvers: dict[str, Resolver | None] = {}
        self._known: dict[Reference, tuple[Edge, ...]] = {}

    # ------------------------------------------------------------ from

    def edges_from(self, path: str, symbol: str | None = None) -> list[Edge]:
        """Return what a file, or one definition of it with all inside it, depends on."""
        found: list[Edge] = []
        for reference in self.view.file(path).references:
            if symbol is None or reference.scope == symbol or reference.scope.startswith(f"{symbol}."):
                found += self.edges_of(reference)
        if symbol is None and self.view.file(path).is_test:
            found += tested_by_name(self.view, path, {edge.target_path for edge in found})
        return _each_once(found)

    def edges_among(self, paths: Iterable[str]) -> list[Edge]:
        """Return the edges between different ones of some files."""
        inside = dict.fromkeys(sorted(paths))
        return [
            edge
            for path in inside
            for edge in self.edges_from(path)
            if edge.target_path in inside and edge.target_path != path
        ]

    def edges_of(self, reference: Reference) -> tuple[Edge, ...]:
        """Return the edges that one reference is the near end of."""
        if reference not in self._known:
            if len(self._known) == _MAX_KNOWN:
                self._known.clear()
            self._known[reference] = tuple(self._derive(reference))
        return self._known[reference]

    def _derive(self, reference: Reference) -> Iterator[Edge]:
        if reference.kind == "read":
            yield from keys_of(self.view, reference)
            return
        resolver = self._resolver(reference.path)
        if resolver is None or reference.kind not in _KINDS:
            return
        resolver.begin()
        if reference.kind == "import":
            for values in resolver.imported(reference):
                yield from _edges(reference, values)
            return
        edges = list(self._named(resolver, reference))
        yield from edges
        yield from self._tests(edges)

    def _named(self, resolver: Resolver, reference: Reference) -> Iterator[Edge]:
        values = resolver.resolve(reference)
        if values is not None and not is_unknown(values):
            yield from _edges(reference, values)
            return
        likely = resolver.likely(reference)
        if likely:
            yield from _edges(reference, likely, INFERRED)
        elif reference.kind == "call" and _on_something(reference.name):
            symbols, is_one = by_name(self.view, reference)
            certainty = INFERRED if is_one else AMBIGUOUS
            rule = "by name: the only one" if is_one else "by name: one of several"
            for symbol in symbols:
                yield _edge(reference, symbol.path, symbol.qualified_name, certainty, rule)

    def _tests(self, edges: Sequence[Edge]) -> Iterator[Edge]:
        """Yield that a test tests what it calls outside of tests."""
        for edge in edges:
            if (
                edge.kind == "calls"
                and edge.certainty == RESOLVED
                and self.view.file(edge.source_path).is_test
                and not self.view.file(edge.target_path).is_test
            ):
                yield Edge(
                    "tests",
                    edge.source_path,
                    edge.source,
                    edge.line,
                    edge.target_path,
                    edge.target,
                    RESOLVED,
                    "called by a test",
                )

    # ------------------------------------------------------------ to

    def edges_to(self, path: str, qualified_name: str = "", most: int = 0) -> list[Edge]:
        """Return what depends on a definition or a file, by at most so many references (0: all)."""
        found: list[Edge] = []
        references = self.mentions_of(path, qualified_name)
        for reference in references[:most] if most else references:
            found += self.edges_of(reference)
        if not qualified_name:
            found += [
                edge
                for test in tests_by_name(self.view, path)
                for edge in self.edges_from(test)
                if edge.kind == "tests" and not edge.target
            ]
        kept = [edge for edge in found if (edge.target_path, edge.target) == (path, qualified_name)]
        return _each_once(kept)

    def neighbourhood(self, seeds: Sequence[Node], limit: int, most: int = MOST_INBOUND) -> list[Edge]:
        """Return at most `limit` edges around definitions or files, nearest first, as a walk meets them.

        Of each node, its edges out come before those in; `most` references into one node are looked at.
        """
        found: dict[Edge, None] = {}
        seen = dict.fromkeys(seeds)
        todo = deque(seen)
        while todo and len(found) < limit:
            path, name = todo.popleft()
            for edge in (*self.edges_from(path, name or None), *self.edges_to(path, name, most)):
                if len(found) == limit:
                    break
                found[edge] = None
                for node in ((edge.source_path, edge.source), (edge.target_path, edge.target)):
                    if node not in seen:
                        seen[node] = None
                        todo.append(node)
        return list(found)

    def mentions_of(self, path: str, qualified_name: str) -> list[Reference]:
        """Return the references that may lead to a definition or a file, under whatever name."""
        symbol = self.view.file(path).symbols.get(qualified_name)
        if symbol is not None and symbol.kind == "key":
            return readers_of(self.view, symbol)
        resolver = self._resolver(path)
        if resolver is None:
            return self.view.references_to([path.rpartition("/")[2]])
        names = resolver.names_for(path, qualified_name)
        return self.view.references_to(sorted(self._renamed(names)))

    def _renamed(self, names: Iterable[str]) -> set[str]:
        """Return names with all that imports make of them."""
        known: set[str] = set()
        todo = {name for name in names if name}
        while todo:
            known |= todo
            todo = (
                {
                    simple_name(here)
                    for reference in self.view.references_to(sorted(todo))
                    if reference.kind == "import"
                    for here, there in reference.bound
                    if there in todo or (there in ("", "default") and simple_name(reference.name) in todo)
                }
                - known
                - {"", "*"}
            )
        return known

    def _resolver(self, path: str) -> Resolver | None:
        language = self.view.file(path).language
        if language not in self._resolvers:
            make = resolver_of(language)
            self._resolvers[language] = make(self.view) if make is not None else None
        return self._resolvers[language]


def _on_something(name: str) -> bool:
    return not name.isidentifier() and not name.endswith("!")


def _edges(reference: Reference, values: Sequence[Value], one: str = RESOLVED) -> Iterator[Edge]:
    targets = {
        (value.path, value.name if value.kind != FILE else ""): value for value in values if value.path
    }
    certainty = one if len(targets) == 1 else AMBIGUOUS
    for (path, name), value in targets.items():
        if value.kind != "folder":
            yield _edge(reference, path, name, certainty, value.rule)


def _edge(reference: Reference, path: str, name: str, certainty: str, rule: str) -> Edge:
    kind = _KINDS[reference.kind]
    return Edge(kind, reference.path, reference.scope, reference.line, path, name, certainty, rule)


def _each_once(edges: Iterable[Edge]) -> list[Edge]:
    """Return the edges by place, each once."""
    return sorted(dict.fromkeys(edges), key=_place)


def _place(edge: Edge) -> tuple[str, int, str, str, str]:
    return edge.source_path, edge.line, edge.kind, edge.target_path, edge.target
