"""Index a folder and print what it cost: run by bench_index.py in a process of its own.

python benchmarks/cold_build.py FOLDER DATABASE LINES WORKERS

A helping process imports the main module again. So this one imports little, as `inhouse index` does.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.digests import digest_text

if TYPE_CHECKING:
    from collections.abc import Iterator

File = tuple[str, str, str]  # path, digest, text


def main() -> None:
    from inhouse.measure import measured
    from inhouse.retrieval.index import Index

    folder, database, lines, workers = sys.argv[1:]
    files = counted = 0

    def tree() -> Iterator[File]:
        nonlocal files, counted
        for file in read(Path(folder), int(lines)):
            files, counted = files + 1, counted + file[2].count("\n")
            yield file

    with Index.open(Path(database)) as index:
        with measured() as cost:
            begun = time.process_time()
            index.update(tree(), workers=int(workers))
            spent = time.process_time() - begun
        built = [files, counted, cost.seconds, spent, cost.peak_memory_bytes, index.digest()]
    json.dump(built, sys.stdout)


def read(folder: Path, lines: int) -> Iterator[File]:
    """Yield (path, digest, text) of text files, by path, until there are so many lines."""
    for path in sorted(folder.rglob("*")):
        if lines <= 0:
            return
        if path.is_file() and not {".git", "site-packages"}.intersection(path.parts):
            source = path.read_bytes()
            if b"\0" not in source:
                text = source.decode("utf-8", "replace")
                lines -= text.count("\n")
                yield path.relative_to(folder).as_posix(), digest_text(text), text


if __name__ == "__main__":
    main()
