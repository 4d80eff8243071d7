"""Finding near-duplicate files against datasketch with the same sketches and buckets.

python benchmarks/bench_duplicates.py [FOLDER] [--files N]      (default: the standard library, 400)

Edited copies of a third of the files are put behind them. Both finders get the same shingles, sketch them in
128 slots, use the same buckets and prove each proposed pair by its exact similarity, so that only sketches,
buckets and bookkeeping differ; the truth comes from comparing every pair. datasketch is run as its manual
shows (SHA-1 of one shingle after the other) and as fast as it can be (a file's hashed shingles at once).
"""

from __future__ import annotations

import argparse
import random
import re
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from datasketch import MinHash, MinHashLSH

from inhouse.hygiene.duplicates import FILE_SHINGLE, _bands, _jaccard, _shingles, _sketch, near_duplicates

THRESHOLD = 0.85
SLOTS = 128
REPEATS = 2
EDITS = (0.001, 0.003, 0.01, 0.02, 0.03)  # shares of the words that are replaced in a copy

Hashes = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--files", type=int, default=400, help="at most so many, a quarter of them copies")
    given = parser.parse_args()
    texts, planted = with_copies(read(given.folder, given.files * 3 // 4), given.files // 4)
    truth = every_pair(texts)
    size = sum(map(len, texts)) / 1e6
    print(f"{given.folder.name}: {len(texts)} files, {size:.1f} MB, {len(planted)} of them edited copies;")
    print(f"{len(truth)} files are like an earlier one, {len(truth & planted)} of them edited copies")
    print()
    print("| finder | processor seconds | files/s | copies found | wrong | inhouse is faster by |")
    print("|---|---|---|---|---|---|")
    finders = {
        "datasketch, one shingle at a time": lambda: with_datasketch(texts, sketch_slowly),
        "datasketch, in batches": lambda: with_datasketch(texts, sketch_at_once),
        "inhouse (rensa)": lambda: [later for later, _, _ in near_duplicates(texts, THRESHOLD)],
    }
    fastest = best_of(finders)
    for name, (spent, found) in fastest.items():
        copies = f"{len(set(found) & truth & planted)} of {len(truth & planted)}"
        wrong, ratio = len(set(found) - truth), f"{spent / fastest['inhouse (rensa)'][0]:.2f}"
        print(f"| {name} | {spent:.3f} | {len(texts) / spent:,.0f} | {copies} | {wrong} | {ratio} |")
    print_parts(texts)


def print_parts(texts: list[str]) -> None:
    """Print what the same work takes without finding: the shingles, and the sketches by both libraries."""
    shingles = [own for text in texts if len(own := _shingles(text, FILE_SHINGLE))]
    parts = {
        "shingles alone, in both finders": lambda: [_shingles(text, FILE_SHINGLE) for text in texts],
        "sketches alone, datasketch in batches": lambda: [sketch_at_once(own) for own in shingles],
        "sketches alone, rensa": lambda: _sketch(shingles),
    }
    fastest = best_of(parts)
    rensa = fastest["sketches alone, rensa"][0]
    for name, (spent, _) in fastest.items():
        ratio = f"{spent / rensa:.2f}" if name.startswith("sketches") else ""
        print(f"| {name} | {spent:.3f} | {len(texts) / spent:,.0f} | | | {ratio} |")


def with_datasketch(texts: list[str], sketch: Callable[[Hashes], MinHash]) -> list[int]:
    bands = _bands(THRESHOLD)
    buckets = MinHashLSH(num_perm=SLOTS, params=(bands, SLOTS // bands))
    kept, found = {}, []
    for number, text in enumerate(texts):
        own = _shingles(text, FILE_SHINGLE)
        if not len(own):
            continue
        sketched = sketch(own)
        if any(alike(own, kept[other]) for other in buckets.query(sketched)):
            found.append(number)
        else:
            kept[number] = own
            buckets.insert(number, sketched)
    return found


def sketch_slowly(shingles: Hashes) -> MinHash:
    sketch = MinHash(num_perm=SLOTS, seed=1)
    for shingle in shingles:
        sketch.update(shingle.tobytes())
    return sketch


def sketch_at_once(shingles: Hashes) -> MinHash:
    sketch = MinHash(num_perm=SLOTS, seed=1, hashfunc=int)
    sketch.update_batch((shingles & np.uint64(0xFFFFFFFF)).tolist())
    return sketch


def every_pair(texts: list[str]) -> set[int]:
    """Return the files that are like an earlier one that is kept, without sketches or buckets."""
    kept: list[Hashes] = []
    found = set()
    for number, text in enumerate(texts):
        own = _shingles(text, FILE_SHINGLE)
        if any(alike(own, other) for other in kept):
            found.add(number)
        else:
            kept.append(own)
    return found


def alike(one: Hashes, other: Hashes) -> bool:
    shorter, longer = sorted((len(one), len(other)))
    return 0 < longer * THRESHOLD <= shorter and _jaccard(one, other) >= THRESHOLD


def with_copies(texts: list[str], count: int) -> tuple[list[str], set[int]]:
    """Return the texts with edited copies of some behind them, and where the copies are."""
    choose = random.Random(0)
    sources = choose.sample(texts, min(count, len(texts)))
    copies = [edited(text, EDITS[number % len(EDITS)], choose) for number, text in enumerate(sources)]
    return texts + copies, set(range(len(texts), len(texts) + len(copies)))


def edited(text: str, share: float, choose: random.Random) -> str:
    return re.sub(r"\w+", lambda word: "edited" if choose.random() < share else word[0], text)


def read(folder: Path, most: int) -> list[str]:
    paths = sorted(
        path for path in folder.rglob("*.*") if path.is_file() and "site-packages" not in path.parts
    )
    random.Random(0).shuffle(paths)
    texts: list[str] = []
    for path in paths:
        source = path.read_bytes()
        if len(texts) < most and b"\0" not in source and 500 < len(source) < 100_000:
            texts.append(source.decode("utf-8", "replace"))
    return texts


def best_of(works: dict[str, Callable[[], Any]]) -> dict[str, tuple[float, Any]]:
    """Return the least processor seconds of each work, and what it gave; they take turns."""
    rounds = [{name: timed(work) for name, work in works.items()} for _ in range(REPEATS)]
    return {name: min((each[name] for each in rounds), key=lambda run: run[0]) for name in works}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()  # all of this is one process without waiting, and machines are shared
    made = work()
    return time.process_time() - start, made


if __name__ == "__main__":
    main()
