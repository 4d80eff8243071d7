"""Where rows are made: here or in worker processes, the same rows in the same order.

    past --batches--> [files] [files] [files] ...     here, in order, as they are asked for
                         |       |       |
                       groups  groups  groups         in any process: rows by file, and the tally of the batch
                         |       |       |
                    in turns of the groups            here, in order

A batch holds the same files or commits whoever works on it, and is tallied when its rows are taken up. So
what was made ahead and never asked for leaves no trace. Rows that wait for their turn wait on the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from inhouse.datasets.builders import find_builder
from inhouse.datasets.builders.batched import Batched, in_turns
from inhouse.datasets.spill import Spill, pack
from inhouse.shards import Processes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from inhouse.datasets.accounting import Tally
    from inhouse.datasets.builders.contract import Bench, Builder, Past
    from inhouse.datasets.decontamination import Benchmarks
    from inhouse.datasets.spill import Place
    from inhouse.records import Example

__all__ = ["ALONE", "Workshop"]

ALONE = 200_000
"""Tokens up to which processes take longer to start than they save."""


class _Made(NamedTuple):
    """A row on its way from another process."""

    id: str
    kind: str
    tokens: int
    trained: int
    packed: bytes
    clean: bool  # it repeats no benchmark


class _Batch(NamedTuple):
    groups: list[list[_Made]]
    tally: Tally


class Workshop:
    """Makes the rows of builders with `workers` processes, or alone where there is little to do.

    `size` says how much: tokens that are asked for, or bytes that are there, whichever is less.
    """

    def __init__(
        self, bench: Bench, benchmarks: Benchmarks, spill: Spill, *, workers: int = 1, size: int = 0
    ) -> None:
        self._tools = _Tools(bench, benchmarks)
        self.spill = spill
        self._processes = Processes(workers, _prepare, self._tools) if workers > 1 and size > ALONE else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._processes is not None:
            self._processes.__exit__(kind, error, trace)

    def rows(self, builder: Builder, past: Past) -> Iterator[tuple[Example, bool]]:
        """Yield the rows of a builder, best first, and tally what was seen.

        With each comes whether it is known to repeat no benchmark.
        """
        if not isinstance(builder, Batched):
            yield from ((row, False) for row in builder.rows(past))
            return
        if not builder.is_ready():
            return
        for place, clean in in_turns(self._groups(builder, past), builder.turn, spread=builder.spread):
            builder.tally.tokens_waiting -= place.tokens
            yield self.spill.read(place), clean

    def _groups(self, builder: Batched[Any], past: Past) -> Iterator[list[tuple[Place, bool]]]:
        works = ((builder.kind, batch) for batch in builder.batches(past))
        for groups, tally in self._map(works):
            builder.tally.add(tally)
            builder.tally.tokens_waiting += sum(made.tokens for group in groups for made in group)
            for group in groups:
                yield [(self.spill.add_packed(*made[:5]), made.clean) for made in group]

    def _map(self, works: Iterable[tuple[str, Any]]) -> Iterator[_Batch]:
        if self._processes is None:
            return map(self._tools.make, works)
        return self._processes.map(_make, works)


class _Tools:
    """What a process needs to make rows."""

    def __init__(self, bench: Bench, benchmarks: Benchmarks) -> None:
        self._bench = bench
        self._benchmarks = benchmarks

    def make(self, work: tuple[str, Any]) -> _Batch:
        """Return the rows of a batch of a kind, with a tally of their own."""
        kind, batch = work
        builder = cast("Batched[Any]", find_builder(kind)(self._bench))
        groups = [[self._made(row) for row in group] for group in builder.groups(batch)]
        return _Batch(groups, builder.tally)

    def _made(self, row: Example) -> _Made:
        clean = not self._benchmarks.repeats(row.text)
        return _Made(row.id, row.kind, len(row.input_ids), sum(row.trained), pack(row), clean)


_tools: list[_Tools] = []  # of this process


def _prepare(tools: _Tools) -> None:
    _tools[:] = [tools]


def _make(work: tuple[str, Any]) -> _Batch:
    return _tools[0].make(work)
