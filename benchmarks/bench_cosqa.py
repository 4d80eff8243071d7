"""A question in English to the function that answers it: CoSQA, questions of web users and Python functions.

python benchmarks/bench_cosqa.py [--vectors SOURCE ...] [--data FOLDER]

The data (CoSQA, MIT, https://arxiv.org/abs/2105.13239) is 500 questions of the development set, each with one
right function among 6,267. Questions at even places were used to choose weights (tune), those at odd places
were not (test); the halves differ in difficulty, so all 500 are shown too. Every function is a file of the
index, and `Index.search` answers: the same path as `inhouse search`. MRR@10: the mean of 1 / rank, 0 beyond
the tenth. The peer is rank_bm25 (BM25Okapi) over the same words with identifiers split. Intervals
are of the paired difference to it (bootstrap over the questions, 95%).

SOURCE is what `retrieval.vectors.source` takes: static, static:MODEL, a folder. "none" is always measured.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rank_bm25 import BM25Okapi

from inhouse.config import Vectors
from inhouse.digests import digest_text
from inhouse.measure import measured
from inhouse.retrieval.index import Index
from inhouse.retrieval.vectors import VectorSource, open_source
from inhouse.retrieval.words import tokens

BEST = 10
RESAMPLES = 10_000
DATA = Path(__file__).parents[2] / "shared" / "data"


class Question(NamedTuple):
    text: str
    right: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vectors", nargs="*", default=["static"], metavar="SOURCE")
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    functions = read_functions(given.data / "cosqa-code-pool.json")
    questions = read_questions(given.data / "cosqa-dev-500.json")
    print(f"{len(questions)} questions, {len(functions):,} functions; MRR@{BEST}\n")
    print("| | tune (250) | test (250) | all (500) | test − BM25 | all − BM25 | ms a question |")
    print("|---|---|---|---|---|---|---|")
    peer = row("BM25, identifiers split", *bm25(functions, questions), None)
    for source in dict.fromkeys(["none", *given.vectors]):
        with tempfile.TemporaryDirectory() as folder:
            index = indexed(functions, Path(folder) / "index.db")
            vectors = open_source(Vectors(source=source))
            if vectors is not None:
                embed(index, vectors)
            row(f"inhouse, vectors: {source}", *searched(index, questions), peer)
            index.close()


def read_functions(path: Path) -> list[str]:
    places = json.loads(path.read_text(encoding="utf-8"))
    return sorted(places, key=places.__getitem__)


def read_questions(path: Path) -> list[Question]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Question(row["doc"], row["retrieval_idx"]) for row in rows]


def row(name: str, ranks: list[float], milliseconds: float, peer: np.ndarray | None) -> np.ndarray:
    """Print the row of a method and return 1 / rank for each question."""
    values = np.array(ranks)
    gain = None if peer is None else values - peer
    test, all_ = ("", "") if gain is None else (interval(gain[1::2]), interval(gain))
    means = " | ".join(f"{part.mean():.3f}" for part in (values[0::2], values[1::2], values))
    print(f"| {name} | {means} | {test} | {all_} | {milliseconds:.1f} |", flush=True)
    return values


def interval(differences: np.ndarray) -> str:
    choose = np.random.default_rng(0)
    means = choose.choice(differences, (RESAMPLES, len(differences))).mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


# ------------------------------------------------------------------ methods


def bm25(functions: list[str], questions: list[Question]) -> tuple[list[float], float]:
    peer = BM25Okapi([tokens(function) for function in functions])
    begin = time.perf_counter()
    ranks = []
    for question in questions:
        scores = peer.get_scores(tokens(question.text))
        ranks.append(reciprocal(list(np.argsort(-scores, kind="stable")[:BEST]), question))
    return ranks, 1e3 * (time.perf_counter() - begin) / len(questions)


def indexed(functions: list[str], database: Path) -> Index:
    index = Index.open(database)
    index.update((path_of(number), digest_text(text), text) for number, text in enumerate(functions))
    return index


def embed(index: Index, vectors: VectorSource) -> None:
    index.vectors = vectors
    with measured() as cost:
        count = index.embed()
    print(
        f"<!-- {vectors.name}: {vectors.dimension} numbers, {count / cost.seconds:,.0f} chunks/s, "
        f"peak memory {cost.peak_memory_bytes / 1e6:,.0f} MB -->"
    )


def searched(index: Index, questions: list[Question]) -> tuple[list[float], float]:
    index.search("warm", BEST)
    begin = time.perf_counter()
    ranks = []
    for question in questions:
        found = [number_of(hit.chunk.path) for hit in index.search(question.text, 2 * BEST)]
        ranks.append(reciprocal(list(dict.fromkeys(found))[:BEST], question))
    return ranks, 1e3 * (time.perf_counter() - begin) / len(questions)


def reciprocal(found: list[int], question: Question) -> float:
    return 1 / (1 + found.index(question.right)) if question.right in found else 0.0


def path_of(number: int) -> str:
    return f"pool/f{number:05d}.py"


def number_of(path: str) -> int:
    return int(path.removeprefix("pool/f").removesuffix(".py"))


if __name__ == "__main__":
    main()
