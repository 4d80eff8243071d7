"""Lines per second of a cold index, beside semble's index and aider's repository map, in turns.

    python benchmarks/bench_cold_index.py --repositories FOLDER --semble PYTHON --aider PYTHON
        --tokenizer TOKENIZER.json [OWNER+NAME ...] [--workers 2] [--rounds 3]

FOLDER/OWNER+NAME/repo are git directories; the files of code of their newest commit are written to a folder
that all read. Each is timed in a process of its own, start and imports apart; the best of the rounds counts.

inhouse    `Index.update` into a new file on the disk, by --workers processes and by one: chunks, symbols,
           references, inverted index, no vectors
semble     its index in memory: as it is shipped, with a model of the size of its own (made from the
           --tokenizer, see `peer_semble.py`), and without its vectors, where a model costs nothing; each in
           one process, which is its default, and in --workers
aider      tags of every file and their ranking, in one process (`peer_aider_speed.py`)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench_index import cold_index
from bench_search import write_tree

from inhouse.sources.git import Repository

HERE = Path(__file__).parent
DEFAULT = ("libuv+libuv", "google+gson", "sphinx-doc+sphinx")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=DEFAULT)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--semble", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--aider", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for name in given.names:
        with tempfile.TemporaryDirectory() as scratch:
            compare(name, Path(scratch), given)


def compare(name: str, scratch: Path, given: argparse.Namespace) -> None:
    folder = scratch / "tree"
    repository = given.repositories / name / "repo"
    write_tree(repository, Repository.open(repository).tip, folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    print(f"\n{name}: {len(files):,} files, {lines:,} lines\n\n| | lines/s | inhouse / it |\n|---|---|---|")
    best: dict[str, float] = {}
    for _ in range(given.rounds):
        for tool, speed in speeds(folder, scratch, given):
            best[tool] = max(speed, best.get(tool, 0.0))
    ours = next(iter(best.values()))
    for tool, speed in best.items():
        print(f"| {tool} | {speed:,.0f} | {ours / speed:.2f} |", flush=True)


def speeds(folder: Path, scratch: Path, given: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Yield each tool with its lines per second."""
    for workers in (given.workers, 1):
        built = cold_index(folder, scratch / "index.db", workers=workers)
        yield f"inhouse, {workers} processes", built.lines / built.seconds
        for file in scratch.glob("index.db*"):
            file.unlink()
    tasks = scratch / "tasks.json"
    tasks.write_text(json.dumps({str(folder): []}))
    for form, options in (("as shipped", ("--speed-of", given.tokenizer)), ("without vectors", ())):
        for workers in (1, given.workers):
            setting = {"SEMBLE_INDEX_WORKERS": str(workers if workers > 1 else 0)}
            said = peer([given.semble, HERE / "peer_semble.py", tasks], scratch, options, setting)
            yield f"semble {form}, {workers} processes", speed_of(said[str(folder)])
    said = peer([given.aider, HERE / "peer_aider_speed.py", folder], scratch, (), {})
    yield "aider", speed_of(said)


def peer(words: list[Path], scratch: Path, options: tuple, environment: dict[str, str]) -> dict:
    answer = scratch / "answer.json"
    command = [str(word) for word in (*words, answer, *options)]
    subprocess.run(command, check=True, env=os.environ | environment, capture_output=True)
    return json.loads(answer.read_text())


def speed_of(said: dict) -> float:
    return said["lines"] / said["seconds"]


if __name__ == "__main__":
    main()
