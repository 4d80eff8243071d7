"""The index in a SQLite file beside the index in PostgreSQL, on the same files.

python benchmarks/bench_stores.py [FOLDER] [--lines N] [--workers N] [--address POSTGRESQL_URL]

FOLDER is the standard library by default. Without --address a server of its own is started, as the tests do
(Unix socket, fsync off). A commit changes nine files and takes one out; everything is put back at the end,
and both must have the same digest then.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bench_index import commit_seconds, percentiles, queries_by_kind, seconds, some_chunks
from cold_build import read

from inhouse.retrieval.index import Index
from inhouse.retrieval.places import Address, address

BEST = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--lines", type=int, default=200_000, help="read at most so many")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--address", help="of an index that may be made and filled")
    given = parser.parse_args()
    files = list(read(given.folder, given.lines))
    lines = sum(text.count("\n") for _, _, text in files)
    print(
        f"{len(files):,} files, {lines:,} lines\n\n| store | cold, lines/s | commit, ms, median | slowest |"
    )
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, server(given.address) as place:
        indexes = {"SQLite": Index.open(Path(folder) / "index.db"), "PostgreSQL": Index.open(place)}
        for name, index in indexes.items():
            cold, _ = seconds(lambda index=index: index.update(files, workers=given.workers))
            spent, _ = np.array(commit_seconds(index, files)).T
            print(
                f"| {name} | {lines / cold:,.0f} | {1e3 * np.median(spent):.0f} | {1e3 * spent.max():.0f} |"
            )
        kinds = queries_by_kind(list(some_chunks(indexes["SQLite"])))
        print("\n| search, ms | SQLite p50 | p99 | PostgreSQL p50 | p99 |\n|---|---|---|---|---|")
        for kind, asked in kinds.items():
            print(f"| {kind} | {' | '.join(searched(index, asked) for index in indexes.values())} |")
        assert len({index.digest() for index in indexes.values()}) == 1
        for index in indexes.values():
            index.close()


def searched(index: Index, asked: list[str]) -> str:
    spent = [seconds(lambda query=query: index.search(query, BEST)) for query in asked]
    return " | ".join(percentiles(spent).split(" | ")[:2])  # by the clock: the server is another process


@contextlib.contextmanager
def server(given: str | None) -> Iterator[Address]:
    """Give an address, of a server that is started and deleted where none is given."""
    if given is not None:
        yield address(given)
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.postgres_server import PostgresServer

    own = PostgresServer()
    try:
        yield address(own.url("bench"))
    finally:
        own.remove()


if __name__ == "__main__":
    main()
