"""Building a dataset: rows and tokens a second, by kind and in all, beside the tokenizer alone.

python benchmarks/bench_dataset.py REPOSITORY [--model MODEL] [--tokens N] [--kinds KIND,KIND,...]

The limit is the tokenizer of the same model that encodes the text of the rows once and does nothing else, in
as many processes, in the same run. "rows" is what the builders do: read, parse, cut, encode, compare with the
benchmarks, mix and order; the start of the processes is part of it. "whole stage" writes the rows too, and
finds and compares the held-out items. No filter that asks a model is on. On a busy machine the rows of a
second of processor time, which is told for one process, say more than the rows of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from inhouse.config import Settings
from inhouse.datasets.build import write_dataset
from inhouse.datasets.material import Material, TrainingFiles
from inhouse.datasets.rows import RowMaker
from inhouse.datasets.spill import Rows
from inhouse.datasets.split import choose_split
from inhouse.hygiene.corpus import write_corpus
from inhouse.models.resolve import resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.shards import Processes
from inhouse.sources.git import Repository
from inhouse.sources.history import write_history

WORKERS = (1, 2)
CHUNK = 16  # texts that a process encodes at a time
HEAD = """\
| | workers | rows | rows/s | rows/s of processor | tokens/s | tokenizer alone, tokens/s | share |
|---|---|---|---|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", type=Path)
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--kinds", default="", help="each of these by itself too")
    given = parser.parse_args()
    tokenizer = Tokenizer.load(resolve(given.model).folder)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.repository, tokenizer, given.tokens, Path(folder))
        print(HEAD)
        for workers in WORKERS:
            bench.report("default kinds", {}, workers)
        for kind in filter(None, given.kinds.split(",")):
            bench.report(kind, {kind: 1.0}, 1)
        print()
        for workers in WORKERS:
            bench.report_stage(workers)


class Bench:
    """A repository up to the dataset, prepared once."""

    def __init__(self, repository: Path, tokenizer: Tokenizer, tokens: int, folder: Path) -> None:
        self.name = repository.stem
        self.tokenizer = tokenizer
        self.tokens = tokens
        self.folder = folder
        self.history, self.corpus = folder / "history", folder / "corpus"
        self.history.mkdir()
        self.corpus.mkdir()
        settings = self.settings({}, 1)
        silent = Progress.silent()
        choose = partial(choose_split, settings=settings.split)
        write_history(Repository.open(repository), settings.sources, choose, self.history, silent)
        write_corpus(
            Repository.open,
            repository,
            self.history,
            settings.hygiene,
            settings.sources,
            self.name,
            self.corpus,
            len(os.sched_getaffinity(0)),
            silent,
        )

    def settings(self, kinds: dict[str, float], workers: int) -> Settings:
        dataset = {"tokens": self.tokens} | ({"kinds": kinds} if kinds else {})
        return Settings.model_validate({"budget": "full", "workers": workers, "dataset": dataset})

    def report(self, title: str, kinds: dict[str, float], workers: int) -> None:
        """Print rows and tokens a second, and the limit."""
        start, processor = time.perf_counter(), time.process_time()
        maker = RowMaker(self.tokenizer, self.name, self.settings(kinds, workers))
        with maker.open(self.folder, self.corpus) as shop:
            material = Material(self.history, self.corpus, self.folder)
            rows = maker.training(material, TrainingFiles(material), shop, Progress.silent())
        spent, processor = time.perf_counter() - start, time.process_time() - processor
        if not rows:
            print(f"| {title} | {workers} | 0 | | | | | |")
            return
        limit = rows.tokens / self.limit(rows, workers)
        rate = rows.tokens / spent
        alone = f"{len(rows) / processor:,.0f}" if workers == 1 else ""
        print(
            f"| {title} | {workers} | {len(rows):,} | {len(rows) / spent:,.0f} | {alone} "
            f"| {rate:,.0f} | {limit:,.0f} | {rate / limit:.2f} |"
        )

    def limit(self, rows: Rows, workers: int) -> float:
        """Return the seconds in which the tokenizer encodes the text of the rows, as many at a time."""
        chunks = [[row.text for row in rows[start : start + CHUNK]] for start in range(0, len(rows), CHUNK)]
        start = time.perf_counter()
        if workers == 1:
            load(self.tokenizer)
            list(map(encode, chunks))
        else:
            with Processes(workers, load, self.tokenizer) as processes:
                list(processes.map(encode, chunks))
        return time.perf_counter() - start

    def report_stage(self, workers: int) -> None:
        """Print the seconds of the whole stage."""
        out = self.folder / f"stage-{workers}"
        out.mkdir()
        start = time.perf_counter()
        settings = self.settings({}, workers)
        write_dataset(self.history, self.corpus, self.tokenizer, self.name, settings, out, Progress.silent())
        spent = time.perf_counter() - start
        account = json.loads((out / "accounting.json").read_text())
        rows = sum(own["rows"] for own in account["kinds"].values())
        items = sum(own["candidates"] for own in account["items"].values())
        print(f"whole stage, {workers} worker(s): {spent:.1f} s, {rows:,} rows, {items:,} candidates")


_loaded: list[Tokenizer] = []


def load(tokenizer: Tokenizer) -> None:
    _loaded[:] = [tokenizer]


def encode(texts: Sequence[str]) -> int:
    return sum(len(_loaded[0].encode(text)) for text in texts)


if __name__ == "__main__":
    main()
