"""Semble's answers to the queries of `bench_search.py`, by semble's own code.

    pip install semble==0.7.0                                           (a virtual environment of its own)
    python benchmarks/peer_semble.py TASKS.json ANSWERS.json [--texts | --vectors FILE | --speed-of TOKENIZER]

TASKS is {folder: [query, ...]}. Each folder is indexed as semble's command does it, the model apart. Without
a model its dense side is left out as its own ablation does that (alpha 0 gives the dense list no weight), and
embedding costs nothing; its chunks, its BM25 and its whole ranking remain. With --texts, ANSWERS is a list of
all texts that it embeds; --vectors has their vectors (.npz: texts as UTF-8 with NUL between, vectors), of
any model. --speed-of makes a model of the size of its own from any tokenizer, with values by chance: as fast
as it, and of no other use.

ANSWERS is {folder: {"lines", "seconds", "modes": {mode: {"milliseconds": [...], "hits": [...], "more"}}}}: of
each query the ten best places, [path, first line, last line], and what semble says when asked for fifty.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from semble.index.create import create_index_from_path
from semble.index.index import SembleIndex
from semble.search import _search_bm25

K = 10
MORE = 50
ROUNDS = 3


class NoModel:
    """Vectors that cost nothing and say nothing."""

    dim = 2

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        return np.ones((len(texts), self.dim), dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--texts", action="store_true", help="write what is to be embedded")
    parser.add_argument("--vectors", type=Path, help="the vectors of these texts, for its dense side")
    parser.add_argument("--speed-of", type=Path, help="tokenizer of a model of 256 numbers by chance")
    arguments = parser.parse_args()
    tasks = json.loads(arguments.tasks.read_text(encoding="utf-8"))
    model = NoModel()
    if arguments.vectors:
        model = Given(arguments.vectors)
    if arguments.speed_of:
        model = by_chance(arguments.speed_of)
    if arguments.texts:
        model = Noted()
        for folder in tasks:
            create_index_from_path(Path(folder), model, display_root=Path(folder))
        texts = [*model.texts, *(query for queries in tasks.values() for query in queries)]
        arguments.answers.write_text(json.dumps(texts), encoding="utf-8")
        return
    answers = {folder: answer(Path(folder), queries, model) for folder, queries in tasks.items()}
    arguments.answers.write_text(json.dumps(answers), encoding="utf-8")


class Given:
    """Vectors that somebody else made."""

    def __init__(self, file: Path) -> None:
        kept = np.load(file)
        self.rows = kept["vectors"].astype(np.float32)
        self.dim = self.rows.shape[1]
        self.places = {text: place for place, text in enumerate(bytes(kept["texts"]).decode().split("\0"))}

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        return self.rows[[self.places[text] for text in texts]]


class Noted(NoModel):
    """Remembers the texts."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        self.texts |= dict.fromkeys(texts)
        return super().encode(texts)


def by_chance(tokenizer: Path):
    from model2vec import StaticModel
    from tokenizers import Tokenizer

    read = Tokenizer.from_file(str(tokenizer))
    values = np.random.default_rng(0).standard_normal((read.get_vocab_size(), 256))
    return StaticModel(values.astype(np.float32), read)


def answer(folder: Path, queries: list[str], model) -> dict:
    started = time.perf_counter()
    words, vectors, chunks, _ = create_index_from_path(folder, model, display_root=folder)
    spent = time.perf_counter() - started
    index = SembleIndex(model, words, vectors, chunks, "")
    lines = sum((folder / path).read_bytes().count(b"\n") for path in {chunk.file_path for chunk in chunks})
    ways = {
        "semble, BM25 alone": lambda query, k: _search_bm25(query, words, chunks, k, None),
        "semble, no model": lambda query, k: index.search(query, top_k=k, alpha=0.0),
    }
    if not isinstance(model, NoModel):
        ways["semble, same vectors"] = lambda query, k: index.search(query, top_k=k)
    return {
        "lines": lines,
        "seconds": spent,
        "modes": {mode: asked(way, queries) for mode, way in ways.items()},
    }


def asked(way, queries: list[str]) -> dict:
    spent, hits, more = [], [], []
    for query in queries:
        rounds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            found = way(query, K)
            rounds.append(time.perf_counter() - started)
        spent.append(1e3 * min(rounds))
        hits.append(places(found))
        more.append(places(way(query, MORE)))
    return {"milliseconds": spent, "hits": hits, "more": more}


def places(found) -> list[list]:
    return [[one.chunk.file_path, one.chunk.start_line, one.chunk.end_line] for one in found]


if __name__ == "__main__":
    main()
