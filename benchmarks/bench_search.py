"""Search over real repositories, on queries that were written and frozen before any choice was made.

    python benchmarks/bench_search.py --repositories FOLDER [--half tune] [--semble PYTHON] [--ripgrep RG]
        [--vectors SOURCE] [--each]

`data/code_search.jsonl` has a query a line, with the places that answer it: path, lines, and grade 2 (the
place asked for) or 1 (it helps). One half of the repositories is for choosing (tune), the other for reporting
(report); FOLDER/OWNER+NAME/repo are git directories that have the commits. Everybody gets the same files:
those of a language with a grammar, tests included.

The measures follow semble's protocol. A place is found at the rank of the first of ten hits that overlaps it:

NDCG@10    all places count alike, as semble counts
graded     a place of grade g gains 2^g - 1 (Järvelin and Kekäläinen, TOIS 20, 2002)
files      NDCG@10 of the ten best files; of 50 hits where a tool answers in chunks

inhouse    `Index.search`, without vectors; with those of --vectors too (as in `retrieval.vectors.source`)
semble     its chunks, BM25 and ranking; with the same vectors in its dense side too (`peer_semble.py`)
files      whole files by BM25 (rank_bm25), words and parts of identifiers, path included
ripgrep    the whole query as a fixed string, files by number of lines (as semble's benchmark asks it), and
           the words of the query, files by how many of them they have

Differences are paired by query, with a bootstrap interval; "surely" is the rule of `evaluation.significance`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import numpy as np
from rank_bm25 import BM25Okapi

from inhouse.config import Vectors
from inhouse.digests import digest_text
from inhouse.evaluation.significance import paired_difference, sign
from inhouse.languages import CODE, detect
from inhouse.retrieval.index import Index
from inhouse.retrieval.query import tokens
from inhouse.retrieval.vectors import VectorSource, open_source
from inhouse.sources.git import Repository

QUERIES = Path(__file__).parent / "data" / "code_search.jsonl"
FROZEN = "48108fe4095260f68ba4260b6115c114da47e958efaa1a3e102edb878d11bea7"
K = 10
MORE = 50  # chunks among which ten files are
ROUNDS = 3
KINDS = ("behaviour", "architecture", "symbol")

Hit = tuple[str, int, int]  # path, first line, last line
WHOLE = 10**9  # last line of a hit that is a file


@dataclass(frozen=True)
class Query:
    id: str
    repository: str
    commit: str
    kind: str
    text: str
    places: tuple[tuple[str, int, int, int], ...]  # path, first line, last line, grade


@dataclass
class Answers:
    """What one tool said to every query, by id."""

    hits: dict[str, list[Hit]] = field(default_factory=dict)  # the ten best
    more: dict[str, list[Hit]] = field(default_factory=dict)  # what a tool that answers in chunks says of 50
    milliseconds: list[float] = field(default_factory=list)
    whole_files: bool = False


Measure = Callable[[Query, Answers], float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--half", choices=("tune", "report"), default="tune")
    parser.add_argument("--semble", type=Path, help="the Python that has semble")
    parser.add_argument("--vectors", help="static, a folder with a model, or a server")
    parser.add_argument("--ripgrep", help="the program rg")
    parser.add_argument("--each", action="store_true", help="print every query too")
    given = parser.parse_args()
    queries = read_queries(given.half)
    with tempfile.TemporaryDirectory() as name:
        folders = {query.repository: Path(name) / query.repository for query in queries}
        for repository, folder in folders.items():
            commit = next(query.commit for query in queries if query.repository == repository)
            write_tree(given.repositories / repository.replace("/", "+") / "repo", commit, folder)
        source = open_source(Vectors(source=given.vectors)) if given.vectors else None
        tools = ours(queries, folders, source) | whole_files(queries, folders)
        if given.ripgrep:
            tools |= ripgrep(queries, folders, given.ripgrep)
        if given.semble:
            tools |= semble(queries, folders, given.semble, source)
    print(f"{given.half}: {len(queries)} queries over {len(folders)} repositories")
    table(queries, tools)
    if given.each:
        each(queries, tools)


def read_queries(half: str) -> list[Query]:
    source = QUERIES.read_bytes()
    assert hashlib.sha256(source).hexdigest() == FROZEN, "the queries are frozen"
    rows = [json.loads(line) for line in source.decode("utf-8").splitlines()]
    return [
        Query(
            row["id"],
            row["repository"],
            row["commit"],
            row["kind"],
            row["query"],
            tuple(
                (place["path"], place["start_line"], place["end_line"], place["grade"])
                for place in row["relevant"]
            ),
        )
        for row in rows
        if row["half"] == half
    ]


def write_tree(repository: Path, commit: str, folder: Path) -> None:
    """Write the files of code of a commit."""
    opened = Repository.open(repository)
    entries = [entry for entry in opened.tree(commit) if detect(entry.path) in CODE]
    content = dict(opened.read({entry.document for entry in entries}))
    for entry in entries:
        if entry.document in content:
            (folder / entry.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / entry.path).write_bytes(content[entry.document])


def read_tree(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (path, digest, text), by path."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
            yield path.relative_to(folder).as_posix(), digest_text(text), text


# ------------------------------------------------------------------ the tools


def ask(
    name: str,
    queries: list[Query],
    way: Callable[[str, int], list[Hit]],
    tools: dict[str, Answers],
    whole: bool,
) -> None:
    answers = tools.setdefault(name, Answers(whole_files=whole))
    for query in queries:
        spent = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            answers.hits[query.id] = way(query.text, K)
            spent.append(time.perf_counter() - started)
        answers.milliseconds.append(1e3 * min(spent))
        answers.more[query.id] = way(query.text, K if whole else MORE)


def by_repository(queries: list[Query], folders: dict[str, Path]) -> Iterator[tuple[Path, list[Query]]]:
    for repository, folder in folders.items():
        yield folder, [query for query in queries if query.repository == repository]


def ours(queries: list[Query], folders: dict[str, Path], source: VectorSource | None) -> dict[str, Answers]:
    tools: dict[str, Answers] = {}
    for folder, asked in by_repository(queries, folders):
        index = Index.open(folder.with_suffix(".db"))
        index.update(read_tree(folder))

        def search(text: str, k: int, index: Index = index) -> list[Hit]:
            chunks = [hit.chunk for hit in index.search(text, k)]
            return [(chunk.path, chunk.start_line, chunk.end_line) for chunk in chunks]

        ask("inhouse", asked, search, tools, False)
        if source is not None:
            index.vectors = source
            index.embed()
            ask("inhouse, vectors", asked, search, tools, False)
        index.close()
    return tools


def whole_files(queries: list[Query], folders: dict[str, Path]) -> dict[str, Answers]:
    tools: dict[str, Answers] = {}
    for folder, asked in by_repository(queries, folders):
        files = list(read_tree(folder))
        scorer = BM25Okapi([tokens(f"{path} {text}") for path, _, text in files])

        def search(
            text: str, k: int, scorer: BM25Okapi = scorer, files: list[tuple[str, str, str]] = files
        ) -> list[Hit]:
            scores = scorer.get_scores(tokens(text))
            best = np.argsort(-scores, kind="stable")[:k]
            return [(files[number][0], 1, WHOLE) for number in best if scores[number] > 0]

        ask("files by BM25", asked, search, tools, True)
    return tools


def ripgrep(queries: list[Query], folders: dict[str, Path], program: str) -> dict[str, Answers]:
    tools: dict[str, Answers] = {}
    for folder, asked in by_repository(queries, folders):

        def count(text: str, folder: Path = folder) -> dict[str, int]:
            options = ["--count", "--no-heading", "--ignore-case", "--fixed-strings"]
            command = [program, *options, "-e", text, "."]
            found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            rows = (row.rpartition(":") for row in found.stdout.splitlines())
            return {path.removeprefix("./"): int(number) for path, _, number in rows}

        def whole(text: str, k: int, count: Callable[[str], dict[str, int]] = count) -> list[Hit]:
            lines = count(text)
            return [(path, 1, WHOLE) for path in sorted(lines, key=lambda path: (-lines[path], path))][:k]

        def words(text: str, k: int, count: Callable[[str], dict[str, int]] = count) -> list[Hit]:
            score: dict[str, tuple[int, int]] = {}
            for word in {word for word in text.split() if len(word) > 3}:
                for path, number in count(word).items():
                    had, lines = score.get(path, (0, 0))
                    score[path] = (had + 1, lines + number)
            best = sorted(score, key=lambda path: (-score[path][0], -score[path][1], path))[:k]
            return [(path, 1, WHOLE) for path in best]

        ask("ripgrep, the query", asked, whole, tools, True)
        ask("ripgrep, its words", asked, words, tools, True)
    return tools


def semble(
    queries: list[Query], folders: dict[str, Path], python: Path, source: VectorSource | None
) -> dict[str, Answers]:
    tasks = {
        str(folder): [query.text for query in asked] for folder, asked in by_repository(queries, folders)
    }
    with tempfile.TemporaryDirectory() as name:
        given, taken = Path(name) / "tasks.json", Path(name) / "answers.json"
        given.write_text(json.dumps(tasks), encoding="utf-8")
        script = Path(__file__).parent / "peer_semble.py"
        command = [str(python), str(script), str(given), str(taken)]
        if source is not None:
            subprocess.run([*command, "--texts"], check=True)
            texts = json.loads(taken.read_text(encoding="utf-8"))
            command += ["--vectors", str(embedded(texts, queries, source, Path(name)))]
        subprocess.run(command, check=True)
        answers = json.loads(taken.read_text(encoding="utf-8"))
    tools: dict[str, Answers] = {}
    for folder, asked in by_repository(queries, folders):
        for mode, said in answers[str(folder)]["modes"].items():
            tool = tools.setdefault(mode, Answers())
            for query, hits, more in zip(asked, said["hits"], said["more"], strict=True):
                tool.hits[query.id] = [(path, first, last) for path, first, last in hits]
                tool.more[query.id] = [(path, first, last) for path, first, last in more]
            tool.milliseconds.extend(said["milliseconds"])
    return tools


def embedded(texts: list[str], queries: list[Query], source: VectorSource, folder: Path) -> Path:
    """Write the vectors of texts, those of queries as questions."""
    asked = {query.text for query in queries}
    vectors = source.documents(texts)
    for place, text in enumerate(texts):
        if text in asked:
            vectors[place] = source.queries([text])[0]
    joined = np.frombuffer("\0".join(texts).encode(), np.uint8)
    np.savez(folder / "vectors.npz", texts=joined, vectors=vectors)
    return folder / "vectors.npz"


# ------------------------------------------------------------------ measures


def ranks(query: Query, hits: Sequence[Hit]) -> dict[int, int]:
    """Return {place: rank from 0} of the places that are found."""
    found: dict[int, int] = {}
    for number, (path, first, last, _) in enumerate(query.places):
        for rank, (hit, start, end) in enumerate(hits):
            if hit == path and start <= last and first <= end:
                found[number] = rank
                break
    return found


def ndcg(query: Query, tool: Answers) -> float:
    """Return NDCG with all places alike; two of one rank count once, as semble counts."""
    found = set(ranks(query, tool.hits[query.id]).values())
    return gained([1.0] * len(found), sorted(found)) / ideal([1.0] * len(query.places))


def graded(query: Query, tool: Answers) -> float:
    best: dict[int, float] = {}
    for number, rank in ranks(query, tool.hits[query.id]).items():
        best[rank] = max(best.get(rank, 0.0), gain(query.places[number][3]))
    order = sorted(best)
    return gained([best[rank] for rank in order], order) / ideal([gain(place[3]) for place in query.places])


def in_files(query: Query, tool: Answers) -> float:
    best = list(dict.fromkeys(path for path, _, _ in tool.more[query.id]))[:K]
    wanted = {place[0] for place in query.places}
    found = [rank for rank, path in enumerate(best) if path in wanted]
    return gained([1.0] * len(found), found) / ideal([1.0] * len(wanted))


def gain(grade: int) -> float:
    return 2.0**grade - 1.0


def gained(gains: Sequence[float], order: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 2) for gain, rank in zip(gains, order, strict=True))


def ideal(gains: Sequence[float]) -> float:
    best = sorted(gains, reverse=True)[:K]
    return gained(best, range(len(best)))


# ------------------------------------------------------------------ tables


def table(queries: list[Query], tools: dict[str, Answers]) -> None:
    print(f"\n| | NDCG@10 | {' | '.join(KINDS)} | graded | files | query p50, ms | lines of ten hits |")
    print("|" + "---|" * (len(KINDS) + 6))
    for name, tool in tools.items():
        print(f"| {name} | {' | '.join(row(queries, tool))} |")
    for measure, title in ((ndcg, "NDCG@10"), (graded, "graded"), (in_files, "files")):
        for name, tool in tools.items():
            if name != "inhouse" and (measure is in_files or not tool.whole_files):
                print(difference(title, measure, queries, tools["inhouse"], name, tool))


def row(queries: list[Query], tool: Answers) -> list[str]:
    cells = ["" for _ in range(len(KINDS) + 2)]
    if not tool.whole_files:
        cells = [shown(ndcg, queries, tool)]
        cells += [shown(ndcg, [query for query in queries if query.kind == kind], tool) for kind in KINDS]
        cells.append(shown(graded, queries, tool))
    lines = [sum(min(last, WHOLE) - first + 1 for _, first, last in tool.hits[query.id]) for query in queries]
    read = "" if tool.whole_files else f"{mean(lines):.0f}"
    return [*cells, shown(in_files, queries, tool), f"{median(tool.milliseconds):.1f}", read]


def shown(measure: Measure, queries: list[Query], tool: Answers) -> str:
    return f"{mean(measure(query, tool) for query in queries):.3f}".lstrip("0")


def difference(
    title: str,
    measure: Measure,
    queries: list[Query],
    tool: Answers,
    name: str,
    peer: Answers,
) -> str:
    first = [measure(query, tool) for query in queries]
    second = [measure(query, peer) for query in queries]
    ones = [1.0] * len(queries)
    found = paired_difference((first, ones), (second, ones), [query.id for query in queries])
    mark = {1: ", surely better", -1: ", surely worse", 0: ""}[sign(found)]
    interval = f"[{found.low:+.3f}, {found.high:+.3f}]"
    return f"{title}: inhouse minus {name} {found.value:+.3f} {interval}{mark}"


def each(queries: list[Query], tools: dict[str, Answers]) -> None:
    for query in queries:
        scores = [
            f"{name} {(in_files if tool.whole_files else ndcg)(query, tool):.2f}"
            for name, tool in tools.items()
        ]
        print(f"{query.id} {query.text}: {'; '.join(scores)}")


if __name__ == "__main__":
    main()
