"""The retrieval index: building and updating it, and how long a search takes, against rank_bm25.

python benchmarks/bench_index.py [FOLDER] [--files N]      (default: the standard library, 250)

rank_bm25 (BM25Okapi, in memory) gets the same chunks, cut already, and the same words. A query is what a
programmer might remember of a chunk: its name in words and a few of its rarer words, chosen by chance; it is
answered when that chunk is among the ten best. The peer of an update is a rebuild.
"""

from __future__ import annotations

import argparse
import random
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rank_bm25 import BM25Okapi

from inhouse.digests import digest_text
from inhouse.records import Chunk
from inhouse.retrieval.chunking import chunk_file
from inhouse.retrieval.query import tokens
from inhouse.retrieval.store import Index

QUERIES = 100
WORDS = 2  # of a chunk's body in a query
BEST = 10

Place = tuple[str, int]  # of a chunk: path and first byte


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--files", type=int, default=250, help="at most so many")
    given = parser.parse_args()
    files = read(given.folder, given.files)
    lines = sum(text.count("\n") for _, _, text in files)
    chunks = [chunk for path, _, text in files for chunk in chunk_file(path, text)]
    with tempfile.TemporaryDirectory() as folder:
        index = Index.open(Path(folder) / "index.db")
        build, _ = timed(lambda: index.update(files))
        update, _ = timed(lambda: index.update(with_a_change(files)))
        index.update(files)
        peer_build, peer = timed(lambda: BM25Okapi([words_of(chunk) for chunk in chunks]))
        ours, theirs, found, peer_found = search_both(index, peer, chunks)
        index.close()
    size = f"{len(files)} files, {lines:,} lines, {len(chunks):,} chunks, {len(ours)} queries"
    print(f"{given.folder.name}: {size}")
    print()
    print("| | inhouse | peer | | inhouse / peer |")
    print("|---|---|---|---|---|")
    rows = [
        ("build, lines/s", lines / build, lines / peer_build, "rank_bm25, without parsing and disk"),
        ("one changed file of all, ms", 1e3 * update, 1e3 * build, "rebuild"),
        ("search p50, ms", *(1e3 * np.percentile(spent, 50) for spent in (ours, theirs)), "rank_bm25"),
        ("search p95, ms", *(1e3 * np.percentile(spent, 95) for spent in (ours, theirs)), "rank_bm25"),
        (f"answered among {BEST}, of {len(ours)}", found, peer_found, "rank_bm25"),
    ]
    for name, one, other, title in rows:
        print(f"| {name} | {shown(one)} | {shown(other)} | {title} | {one / other:.3g} |")


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 50 else f"{value:.1f}"


def search_both(
    index: Index, peer: BM25Okapi, chunks: list[Chunk]
) -> tuple[list[float], list[float], int, int]:
    """Return the seconds of every search and the number of queries answered, ours and the peer's."""
    ours, theirs, found, peer_found = [], [], 0, 0
    for query, wanted in queries(chunks):
        spent, hits = timed(lambda query=query: index.search(query, BEST))
        ours.append(spent)
        found += wanted in {(hit.chunk.path, hit.chunk.start) for hit in hits}
        spent, places = timed(lambda query=query: search_peer(peer, chunks, query))
        theirs.append(spent)
        peer_found += wanted in places
    return ours, theirs, found, peer_found


def search_peer(peer: BM25Okapi, chunks: list[Chunk], query: str) -> set[Place]:
    scores = peer.get_scores(tokens(query))
    best = np.argpartition(-scores, min(BEST, len(scores) - 1))[:BEST]
    return {(chunks[number].path, chunks[number].start) for number in best}


def queries(chunks: list[Chunk]) -> list[tuple[str, Place]]:
    choose = random.Random(0)
    named = [chunk for chunk in chunks if chunk.symbol and len(set(tokens(chunk.text))) > 3 * WORDS]
    made = []
    for chunk in choose.sample(named, min(QUERIES, len(named))):
        name = chunk.symbol.rpartition(".")[2].replace("_", " ")
        body = choose.sample(sorted(set(tokens(chunk.text))), WORDS)
        made.append((" ".join([name, *body]), (chunk.path, chunk.start)))
    return made


def words_of(chunk: Chunk) -> list[str]:
    return tokens(" ".join([chunk.path, chunk.symbol, *chunk.scope, chunk.text]))


def with_a_change(files: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return the files with a line added to the one of median length."""
    middle = sorted(range(len(files)), key=lambda number: len(files[number][2]))[len(files) // 2]
    path, _, text = files[middle]
    text += "\n# one line more\n"
    return [*files[:middle], (path, digest_text(text), text), *files[middle + 1 :]]


def read(folder: Path, most: int) -> list[tuple[str, str, str]]:
    """Return (path, digest, text) of files in random order."""
    paths = sorted(
        path for path in folder.rglob("*.*") if path.is_file() and "site-packages" not in path.parts
    )
    random.Random(0).shuffle(paths)
    files: list[tuple[str, str, str]] = []
    for path in paths:
        source = path.read_bytes()
        if len(files) < most and b"\0" not in source and 0 < len(source) < 200_000:
            text = source.decode("utf-8", "replace")
            files.append((path.relative_to(folder).as_posix(), digest_text(text), text))
    return files


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made


if __name__ == "__main__":
    main()
