"""The retrieval index: building, updating, searching, memory; beside rank_bm25, and beside a rebuild.

python benchmarks/bench_index.py [FOLDER] [--lines N] [--workers N] [--peer-files N] [--vectors SOURCE]

FOLDER is the standard library by default; `big_tree.py` makes a larger one of any repositories. Each index is
built in a process of its own, whose peak memory is that of it and its workers. A commit changes ten files;
its peer is a rebuild. rank_bm25 (BM25Okapi, in memory) gets the chunks of some of the files, cut already,
and the same words. A query is what a programmer might remember of a chunk: its name in words and a few of its
words, chosen by chance; it is answered when that chunk is among the ten best. Chunks of tests are left out:
a search that is not about tests puts them last. Searches of a warm index are timed by kind of query; issues
are those of `shared/data/localisation-dev.jsonl`, where it is there: whole, and their first 80 words. SOURCE,
as in `retrieval.vectors`, has them timed again with vectors. Times are by the clock on the wall; those of one
process also in seconds of a processor, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cold_build import File, read
from rank_bm25 import BM25Okapi

from inhouse.config import Vectors
from inhouse.digests import digest_text
from inhouse.measure import resident_bytes
from inhouse.records import Chunk
from inhouse.retrieval.index import Index
from inhouse.retrieval.ranking.features import kind_of
from inhouse.retrieval.vectors import VectorSource, open_source
from inhouse.retrieval.words import tokens

QUERIES = 200
WORDS = 2  # of a chunk's body in a query
BEST = 10
NEIGHBOURS = 100
COMMITS = 20
FILES_OF_A_COMMIT = 10
BUILD = Path(__file__).with_name("cold_build.py")
ISSUES = Path(__file__).parents[2] / "shared" / "data" / "localisation-dev.jsonl"

Place = tuple[str, int]  # of a chunk: path and first byte


class Built(NamedTuple):
    """A cold index, measured."""

    files: int
    lines: int
    seconds: float
    processor_seconds: float  # of the one process, without its workers
    peak_bytes: int
    digest: str


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--lines", type=int, default=10_000_000, help="read at most so many")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peer-files", type=int, default=250, help="of rank_bm25; 0 leaves it out")
    parser.add_argument(
        "--vectors", default="none", metavar="SOURCE", help="of searches that are timed again"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        database = Path(name) / "index.db"
        alone = cold_index(given.folder, Path(name) / "alone.db", given.lines, 1)
        built = cold_index(given.folder, database, given.lines, given.workers)
        print(f"{given.folder.name}: {built.files:,} files, {built.lines:,} lines, {size(database)} of index")
        print("\n| | inhouse | peer | | inhouse / peer |\n|---|---|---|---|---|")
        row("cold index, lines/s", built.lines / built.seconds, alone.lines / alone.seconds, "in one process")
        print(
            f"| the same, a second of one processor | {shown(alone.lines / alone.processor_seconds)} | | | |"
        )
        row("its peak memory, MB", built.peak_bytes / 1e6, alone.peak_bytes / 1e6, "in one process")
        assert built.digest == alone.digest
        index = Index.open(database)
        commits(index, list(read(given.folder, given.lines)), built.seconds)
        searches(index)
        if vectors := open_source(Vectors(source=given.vectors)):
            with_vectors(index, vectors, database)
            searches(index)
        index.close()
        if given.peer_files:
            print("| | inhouse | peer | | inhouse / peer |\n|---|---|---|---|---|")
            beside_rank_bm25(list(read(given.folder, given.lines)), given.peer_files, Path(name) / "some.db")


def row(name: str, ours: float, theirs: float, peer: str) -> None:
    print(f"| {name} | {shown(ours)} | {shown(theirs)} | {peer} | {ours / theirs:.3g} |")


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 50 else f"{value:.1f}"


def size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.0f} MB"


# ------------------------------------------------------------------ parts, each of use alone


def cold_index(folder: Path, database: Path, lines: int = 10_000_000, workers: int = 1) -> Built:
    """Index a folder in a process of its own."""
    command = [sys.executable, BUILD, folder, database, str(lines), str(workers)]
    return Built(*json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def commits(index: Index, files: list[File], rebuild: float) -> None:
    """Measure commits, and an update after which nothing is new."""
    digest = index.digest()
    spent = commit_seconds(index, files)
    nothing = seconds(lambda: index.update(files))
    for title, times in (("median", np.median(spent, axis=0)), ("slowest", np.max(spent, axis=0))):
        row(f"one commit of ten files, {title}, ms", 1e3 * float(times[0]), 1e3 * rebuild, "rebuild")
        print(f"| the same, of a processor | {shown(1e3 * float(times[1]))} | | | |")
    row("an update that finds nothing new, ms", 1e3 * nothing[0], 1e3 * rebuild, "rebuild")
    assert index.digest() == digest


def commit_seconds(index: Index, files: list[File]) -> list[tuple[float, float]]:
    """Return what commits take that change nine files and take one out; each is put back afterwards."""
    choose = random.Random(0)
    spent = []
    for _ in range(COMMITS):
        chosen = choose.sample(files, FILES_OF_A_COMMIT)
        changed = [
            (path, digest_text(text + "\n#"), text + "\n# one line more\n") for path, _, text in chosen
        ]
        spent.append(seconds(lambda changed=changed: index.apply(changed[:-1], [changed[-1][0]])))
        index.apply(chosen)
    return spent


def searches(index: Index) -> None:
    """Measure searches of a warm index by kind of query; the first ones warm it."""
    kinds = queries_by_kind(list(some_chunks(index)))
    gc.collect()
    gc.freeze()  # the collector is not to look through what belongs to this script
    for query in kinds["words"][:20]:
        index.search(query, BEST)
    print(
        "\n| search of a warm index, ms | queries | p50 | p99 | p50 of a processor | p99 |"
        "\n|---|---|---|---|---|---|"
    )
    everything = []
    for kind, asked in kinds.items():
        spent = [seconds(lambda query=query: index.search(query, BEST)) for query in asked]
        everything += spent
        print(f"| {kind} | {len(spent)} | {percentiles(spent)} |")
    print(f"| all | {len(everything)} | {percentiles(everything)} |")
    print(f"\nmemory after {len(everything)} searches: {resident_bytes() / 1e6:.0f} MB\n")


def with_vectors(index: Index, vectors: VectorSource, database: Path) -> None:
    """Embed, and measure the neighbours alone: the first question of a process, the second, later ones."""
    index.vectors = vectors
    spent, _ = seconds(index.embed)
    held = index.store.counts()["vectors"]
    shape = f"{held:,} of {vectors.dimension} numbers"
    print(f"vectors of {vectors.name}: {shape} in {spent:.1f} s, {size(database)} of index")
    asked = vectors.queries(["where is a connection tried again after it was lost"])[0]
    with Index.open(database, read_only=True) as fresh:
        times = [seconds(lambda: fresh.store.nearest(asked, NEIGHBOURS))[0] for _ in range(12)]
    later = float(np.median(times[2:]))
    print(f"the {NEIGHBOURS} nearest, ms: {1e3 * times[0]:.1f}, {1e3 * times[1]:.1f}, then {1e3 * later:.1f}")


def percentiles(spent: list[tuple[float, float]]) -> str:
    rows = 1e3 * np.percentile(np.array(spent), (50, 99), axis=0)
    return " | ".join(f"{rows[share][clock]:.1f}" for clock in (0, 1) for share in (0, 1))


def beside_rank_bm25(files: list[File], most: int, database: Path) -> None:
    """Compare build, search and answers with BM25 in memory over the same chunks."""
    random.Random(0).shuffle(files)
    files = files[:most]
    index = Index.open(database)
    build, _ = seconds(lambda: index.update(files))
    chunks = [chunk for path, _, _ in files for chunk in index.store.chunks_of(path).values()]
    words = [tokens(" ".join([chunk.path, chunk.symbol, *chunk.scope, chunk.text])) for chunk in chunks]
    peer_build, _ = seconds(lambda: BM25Okapi(words))
    ours, theirs, found, peer_found = search_both(index, BM25Okapi(words), chunks)
    index.close()
    row(f"build, {len(files)} files, s", build, peer_build, "rank_bm25, of words already split")
    row("search p50, ms", 1e3 * float(np.median(ours)), 1e3 * float(np.median(theirs)), "rank_bm25")
    row(f"answered among {BEST}, of {len(ours)}", found, peer_found, "rank_bm25")


def search_both(
    index: Index, peer: BM25Okapi, chunks: list[Chunk]
) -> tuple[list[float], list[float], int, int]:
    """Return the seconds of every search and the number of queries answered, ours and the peer's."""
    ours, theirs, found, peer_found = [], [], 0, 0
    for query, wanted in queries(chunks):
        start = time.perf_counter()
        hits = index.search(query, BEST)
        middle = time.perf_counter()
        places = search_peer(peer, chunks, query)
        theirs.append(time.perf_counter() - middle)
        ours.append(middle - start)
        found += wanted in {(hit.chunk.path, hit.chunk.start) for hit in hits}
        peer_found += wanted in places
    return ours, theirs, found, peer_found


def search_peer(peer: BM25Okapi, chunks: list[Chunk], query: str) -> set[Place]:
    scores = peer.get_scores(tokens(query))
    best = np.argpartition(-scores, min(BEST, len(scores) - 1))[:BEST]
    return {(chunks[number].path, chunks[number].start) for number in best}


# ------------------------------------------------------------------ material


def queries_by_kind(chunks: list[Chunk]) -> dict[str, list[str]]:
    """Return what people and editors ask: each kind of query that a search understands."""
    choose = random.Random(1)
    named = [chunk for chunk in chunks if chunk.symbol]

    def some() -> list[Chunk]:
        return choose.sample(named, min(QUERIES // 2, len(named)))

    kinds = {
        "words": [query for query, _ in queries(chunks)],
        "qualified name": [chunk.symbol for chunk in some()],
        "simple name": [chunk.symbol.rpartition(".")[2] for chunk in some()],
        "cursor": [f"{chunk.path}:{chunk.start_line + 1}" for chunk in some()],
        "path": [chunk.path for chunk in some()],
        "code": ["\n".join(chunk.text.splitlines()[:12]) for chunk in some()],
        "diff": [diff(chunk) for chunk in some()],
    }
    if ISSUES.exists():
        issues = [json.loads(line)["issue"] for line in ISSUES.read_text(encoding="utf-8").splitlines()]
        kinds["issue"] = [*issues, *(" ".join(issue.split()[:80]) for issue in issues)]
    return kinds


def diff(chunk: Chunk) -> str:
    lines = chunk.text.splitlines()[:6]
    head = f"--- a/{chunk.path}\n+++ b/{chunk.path}\n@@ -{chunk.start_line},6 +{chunk.start_line},7 @@\n"
    return head + "".join(f" {line}\n" for line in lines) + "+    return None\n"


def queries(chunks: list[Chunk]) -> list[tuple[str, Place]]:
    choose = random.Random(0)
    named = [
        chunk
        for chunk in chunks
        if chunk.symbol
        and len(set(tokens(chunk.text))) > 3 * WORDS
        and kind_of(chunk.path, chunk.language) != "test"
    ]
    made = []
    for chunk in choose.sample(named, min(QUERIES, len(named))):
        name = chunk.symbol.rpartition(".")[2].replace("_", " ")
        body = choose.sample(sorted(set(tokens(chunk.text))), WORDS)
        made.append((" ".join([name, *body]), (chunk.path, chunk.start)))
    return made


def some_chunks(index: Index) -> Iterator[Chunk]:
    """Yield the chunks of one file in ten."""
    for file in list(index.store.files())[::10]:
        yield from index.store.chunks_of(file.path).values()


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return what a piece of work took: by the clock on the wall, and of a processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
