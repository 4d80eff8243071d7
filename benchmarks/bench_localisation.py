"""From an issue to the files, and functions, that its fix changed; no language model.

    python benchmarks/bench_localisation.py --repositories FOLDER [--issues FILE] [--cache FOLDER]
        [--weights FILE] [--each]

FOLDER/OWNER+NAME/repo are git directories that have the base commits. Every issue gets an index of the tree
at its base commit (documents and tests included, what hygiene calls generated, minified or data left out) and
the history of the 1,000 commits before it, never later ones. An issue is answered at k when all files, or all
functions, that the fix changed are among the k best.

bm25       whole files by BM25 (rank_bm25), words and parts of identifiers, tests excluded, path included
inhouse    `retrieval.search.files`. "one out": weights chosen on the three other repositories, so that no
           issue is ranked by weights that saw its repository; "shipped": those of the package, chosen on all
without X  as shipped, less one feature; "ranks fused": reciprocal rank fusion in place of the scores

Weights are chosen by coordinate ascent from the start below, which was set by hand: one feature at a time,
over a small grid, kept when the objective rises by .01, which is about one issue. The objective is the mean
of reciprocal rank and of the shares answered at 1, 5 and 10, plus half the NDCG@10 over the tune half of
`data/code_search.jsonl` and half that of CoSQA's (even positions), so that other questions do not pay for
issues; what is reported of those two are their other halves. Differences are paired by issue, with a
bootstrap interval.
"""

from __future__ import annotations

import argparse
import json
import pickle
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from bench_search import read_queries
from rank_bm25 import BM25Okapi

from inhouse.digests import digest_text
from inhouse.evaluation.significance import paired_difference
from inhouse.hygiene.generated import classify
from inhouse.languages import detect, is_code, is_test
from inhouse.records import Change, Chunk, Commit
from inhouse.retrieval.facts import reader
from inhouse.retrieval.index import Index
from inhouse.retrieval.query import tokens
from inhouse.retrieval.ranking.history import keep, summarise
from inhouse.retrieval.ranking.rerank import factor_of
from inhouse.retrieval.ranking.weights import FACTORS, WEIGHTS
from inhouse.retrieval.search import gather
from inhouse.retrieval.sqlite import SqliteStore
from inhouse.retrieval.store import Store
from inhouse.sources.git import SUBMODULE, SYMLINK, Repository
from inhouse.sources.history import ancestors

DATA = Path(__file__).parents[2] / "shared" / "data"
ISSUES = DATA / "localisation-dev.jsonl"
QUESTIONS, FUNCTIONS = DATA / "cosqa-dev-500.json", DATA / "cosqa-code-pool.json"
KS = (1, 3, 5, 10, 20)
COMMITS = 1_000
MAX_BYTES = 1_000_000
NOT_FOUND = 10**6
FUSION = 60  # of reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009
GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
FACTOR_GRID = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
ROUNDS = 3
LEAST = 0.01  # of the objective, that a change of a weight has to bring
FIXED = frozenset({"words", "place"})  # the unit; no issue names a line
BEST = 10
OTHERS = 0.5  # of the objective, for each of the other sets
START = {
    "words": 1.0,
    "title": 1.0,
    "names": 0.5,
    "defines": 0.5,
    "code": 0.5,
    "frame": 1.5,
    "place": 2.0,
    "quote": 0.25,
    "graph": 0.25,
    "file": 1.0,
    "module": 0.5,
    "called": 0.25,
    "named": 1.0,
    "stack": 1.0,
    "changes": 0.25,
    "together": 0.25,
}
START_FACTORS = {"test": 0.3, "document": 0.3, "log": 0.1, "vendored": 0.5, "example": 0.6}

Place = tuple[str, int, int]  # path, first line, last line


@dataclass(frozen=True)
class Issue:
    """What was reported, against which tree, and what the fix changed."""

    id: str
    repository: str
    commit: str
    text: str
    files: tuple[str, ...]
    functions: tuple[str, ...]  # path:Qualified.name


@dataclass(frozen=True)
class Table:
    """The candidates of one issue in numbers."""

    names: tuple[str, ...]  # of the features
    values: np.ndarray  # [candidates, features]
    factors: tuple[str, ...]  # what the file of each is
    paths: tuple[str, ...]  # of each
    functions: tuple[tuple[str, ...], ...]  # that begin in each or hold it
    lines: tuple[tuple[int, int], ...]  # first and last of each
    seconds: float


@dataclass(frozen=True)
class Other:
    """A question of another set."""

    collection: str
    table: Table
    relevant: tuple[Place, ...]


@dataclass(frozen=True)
class Weights:
    features: Mapping[str, float]
    factors: Mapping[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--issues", type=Path, default=ISSUES)
    parser.add_argument(
        "--cache", type=Path, help="keeps indexes and histories (default: a temporary folder)"
    )
    parser.add_argument("--weights", type=Path, help="write those chosen without each repository (JSON)")
    parser.add_argument("--each", action="store_true", help="the rank of every issue")
    given = parser.parse_args()
    issues = [
        Issue(*read) for read in map(parse_issue, given.issues.read_text(encoding="utf-8").splitlines())
    ]
    with tempfile.TemporaryDirectory() as folder:
        cache = given.cache or Path(folder)
        cache.mkdir(parents=True, exist_ok=True)
        tables, peer, peer_functions = prepare(issues, given.repositories, cache)
        others = [*code_search(given.repositories), *cosqa()]
    issues = [issue for issue in issues if issue.id in tables]
    chosen = choose_without_each(issues, tables, others)
    if given.weights:
        given.weights.write_text(
            json.dumps({name: asdict(one) for name, one in chosen.items()}), encoding="utf-8"
        )
    results = rank_all(issues, tables, chosen)
    print_files(issues, peer, results)
    print_functions(issues, tables, peer_functions, chosen)
    spent = sorted(table.seconds * 1e3 for table in tables.values())
    print(f"\nseconds of a search: p50 {spent[len(spent) // 2]:.0f} ms, most {spent[-1]:.0f} ms")
    if given.each:
        for issue in issues:
            print(issue.id, peer[issue.id], *(ranks[issue.id] for ranks in results.values()))


def parse_issue(line: str) -> tuple[str, str, str, str, tuple[str, ...], tuple[str, ...]]:
    row = json.loads(line)
    gold = (tuple(row[name]) for name in ("gold_files", "gold_functions"))
    return (row["instance_id"], row["repo"], row["base_commit"], row["issue"], *gold)


# ------------------------------------------------------------------ indexes


def prepare(
    issues: Sequence[Issue], repositories: Path, cache: Path
) -> tuple[dict[str, Table], dict[str, int], dict[str, int]]:
    """Return the candidates of each issue, and the ranks at which the peer has all files and functions."""
    tables, peer, peer_functions = {}, {}, {}
    for name in sorted({issue.repository for issue in issues}):
        opened = Repository.open(repositories / name.replace("/", "+") / "repo")
        commits = opened.commits()
        dates = {commit.id: commit.date for commit in commits}
        wanted = [issue for issue in issues if issue.repository == name]
        for issue in wanted:
            if issue.commit not in dates:
                print(f"{issue.id}: its base commit {issue.commit} is missing, so it is left out")
        here = sorted((one for one in wanted if one.commit in dates), key=lambda one: dates[one.commit])
        changes = read_changes(opened, commits, here, cache)
        for issue in here:
            index, built = open_index(cache, issue)
            if not built:
                fill(index, opened, issue)
                before = ancestors(commits, issue.commit)
                history = [commit for commit in commits if commit.id in before]
                paths = {file.path for file in index.store.files()}
                keep(index.store, summarise(history, changes_of(history, changes), issue.commit, paths))
                index.store.set("complete", True)
            tables[issue.id] = candidates(index.store, issue)
            peer[issue.id] = peer_rank(index.store, issue)
            peer_functions[issue.id] = peer_rank_of_functions(index.store, issue)
            index.close()
    return tables, peer, peer_functions


def open_index(cache: Path, issue: Issue) -> tuple[Index, bool]:
    index = Index.open(cache / f"{issue.id}.db")
    return index, bool(index.store.get("complete")) and index.store.get("reader") == reader()


def fill(index: Index, opened: Repository, issue: Issue) -> None:
    entries = [
        entry
        for entry in opened.tree(issue.commit)
        if entry.mode not in {SYMLINK, SUBMODULE} and 0 < entry.size <= MAX_BYTES
    ]
    content = dict(opened.read({entry.document for entry in entries}))
    files = ((entry.path, entry.document, content[entry.document]) for entry in entries)
    index.update(
        (path, digest, text) for path, digest, raw in files if (text := readable(path, raw)) is not None
    )


def readable(path: str, raw: bytes) -> str | None:
    """Return the text of a file that an index may hold."""
    text = raw.decode("utf-8", "replace")
    if b"\0" in raw[:8_000] or (classify(path, text) or ("",))[0] in {"generated", "minified", "data"}:
        return None
    return text


def read_changes(
    opened: Repository, commits: Sequence[Commit], issues: Sequence[Issue], cache: Path
) -> dict[str, list[Change]]:
    """Return the changes of the commits before any of the issues."""
    kept = cache / f"{opened.path.parent.name}.changes"
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    wanted: dict[str, None] = {}
    for issue in issues:
        before = ancestors(commits, issue.commit)
        wanted |= dict.fromkeys(newest([commit for commit in commits if commit.id in before]))
    found: dict[str, list[Change]] = {commit: [] for commit in wanted}
    for change in opened.changes(list(wanted)):
        found[change.commit].append(change)
    kept.write_bytes(pickle.dumps(found))
    return found


def changes_of(history: Sequence[Commit], changes: Mapping[str, list[Change]]) -> Iterator[Change]:
    for commit in newest(history):
        yield from changes[commit]


def newest(history: Sequence[Commit]) -> list[str]:
    return [commit.id for commit in history if len(commit.parents) < 2 and not commit.boundary][:COMMITS]


# ------------------------------------------------------------------ ours


def candidates(store: Store, issue: Issue) -> Table:
    gather(store, issue.text)  # what a process reads once
    return table_of(store, issue.text)


def table_of(store: Store, text: str) -> Table:
    start = time.perf_counter()
    pool = gather(store, text)
    spent = time.perf_counter() - start
    numbers = sorted(pool.chunks, key=lambda number: (pool.chunks[number].path, pool.chunks[number].start))
    names = tuple(WEIGHTS)
    values = [[pool.value(number, name) for name in names] for number in numbers]
    return Table(
        names,
        np.array(values, dtype=float).reshape(len(numbers), len(names)),
        tuple(factor_of(pool, number) for number in numbers),
        tuple(pool.chunks[number].path for number in numbers),
        tuple(names_in(pool.chunks[number]) for number in numbers),
        tuple((pool.chunks[number].start_line, pool.chunks[number].end_line) for number in numbers),
        spent,
    )


def names_in(chunk: Chunk) -> tuple[str, ...]:
    """Return the definition that a chunk is part of, then those that begin in it."""
    names = dict.fromkeys(name for name in (chunk.symbol, *chunk.defines) if name)
    return tuple(f"{chunk.path}:{name}" for name in names)


def rank_all(
    issues: Sequence[Issue], tables: Mapping[str, Table], chosen: Mapping[str, Weights]
) -> dict[str, dict[str, int]]:
    """Return, by the name of the way, the rank at which each issue has all files."""
    shipped = Weights(WEIGHTS, FACTORS)
    results = {
        "inhouse, one repository out": {
            issue.id: rank_of(issue.files, by_file(tables[issue.id], chosen[issue.repository]))
            for issue in issues
        },
        "inhouse, as shipped": ranks(issues, tables, shipped),
        "inhouse, as at the start": ranks(issues, tables, Weights(START, {**FACTORS, **START_FACTORS})),
    }
    for name in WEIGHTS:
        if WEIGHTS[name]:
            less = Weights({**WEIGHTS, name: 0.0}, FACTORS)
            results[f"without {name}"] = ranks(issues, tables, less)
    for name in START_FACTORS:
        results[f"without {name}"] = ranks(issues, tables, Weights(WEIGHTS, {**FACTORS, name: 1.0}))
    results["ranks fused"] = {
        issue.id: rank_of(issue.files, fused(tables[issue.id], shipped)) for issue in issues
    }
    return results


def ranks(issues: Iterable[Issue], tables: Mapping[str, Table], weights: Weights) -> dict[str, int]:
    return {issue.id: rank_of(issue.files, by_file(tables[issue.id], weights)) for issue in issues}


def scores(table: Table, weights: Weights) -> np.ndarray:
    """Return the score of each candidate: the weighted sum, times what its file is."""
    column = np.array([weights.features.get(name, 0.0) for name in table.names])
    return (table.values @ column) * np.array([weights.factors[name] for name in table.factors])


def by_file(table: Table, weights: Weights) -> list[str]:
    return in_order(table.paths, scores(table, weights))


def fused(table: Table, weights: Weights) -> list[str]:
    """Return the files when each feature gives 1 / (60 + rank) in place of its value."""
    order = np.argsort(np.argsort(-table.values, axis=0, kind="stable"), axis=0)
    places = np.where(table.values > 0, 1 / (FUSION + 1 + order), 0.0)
    as_ranks = Table(table.names, places, table.factors, table.paths, table.functions, table.lines, 0.0)
    return by_file(as_ranks, weights)


def in_order(paths: Sequence[str], values: np.ndarray) -> list[str]:
    order = np.lexsort((np.arange(len(values)), -values))
    return list(dict.fromkeys(paths[place] for place in order))


def rank_of(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Return the rank at which all are found, 0 for none."""
    places = {name: place for place, name in enumerate(found, start=1)}
    return max((places.get(name, NOT_FOUND) for name in wanted), default=0)


def choose_without_each(
    issues: Sequence[Issue], tables: Mapping[str, Table], others: Sequence[Other]
) -> dict[str, Weights]:
    """Return the weights by the repository that had no say in them."""
    chosen = {}
    for name in sorted({issue.repository for issue in issues}):
        shown = [issue for issue in issues if issue.repository != name]
        chosen[name] = choose(shown, tables, others)
        print(f"weights without {name}: {changed(chosen[name])}")
    print(f"weights of all: {changed(choose(issues, tables, others))}\n")
    return chosen


def choose(issues: Sequence[Issue], tables: Mapping[str, Table], others: Sequence[Other]) -> Weights:
    """Return the weights that coordinate ascent finds."""
    features, factors = dict(START), {**FACTORS, **START_FACTORS}
    weights = Weights(features, factors)  # of the two that are changed here
    best = objective(issues, tables, others, weights)
    for _ in range(ROUNDS):
        before = best
        for values, names, grid in ((features, START, GRID), (factors, START_FACTORS, FACTOR_GRID)):
            for name in [name for name in names if name not in FIXED]:
                reached = {values[name]: best}
                for value in grid:
                    values[name] = value
                    reached[value] = objective(issues, tables, others, weights)
                old = next(iter(reached))
                top = max(reached, key=lambda value: reached[value])
                values[name] = top if reached[top] >= best + LEAST else old
                best = reached[values[name]]
        if best == before:
            break
    return weights


def objective(
    issues: Sequence[Issue], tables: Mapping[str, Table], others: Sequence[Other], weights: Weights
) -> float:
    places = np.array(list(ranks(issues, tables, weights).values()), dtype=float)
    answered = float(np.mean([(1 / places).mean(), *((places <= k).mean() for k in (1, 5, 10))]))
    sets: dict[str, list[float]] = {}
    for other in others:
        sets.setdefault(other.collection, []).append(gain(other, weights))
    return answered + OTHERS * sum(float(np.mean(gains)) for gains in sets.values())


def gain(other: Other, weights: Weights) -> float:
    """Return NDCG@10: a place is found at the rank of the first hit that overlaps it."""
    table = other.table
    values = scores(table, weights)
    best = np.lexsort((np.arange(len(values)), -values))[:BEST]
    found = 0.0
    for path, first, last in other.relevant:
        hits = (
            table.paths[place] == path and table.lines[place][0] <= last and table.lines[place][1] >= first
            for place in best
        )
        rank = next((rank for rank, is_hit in enumerate(hits, start=1) if is_hit), 0)
        found += 1 / np.log2(1 + rank) if rank else 0.0
    return found / sum(1 / np.log2(1 + rank) for rank in range(1, min(BEST, len(other.relevant)) + 1))


def changed(weights: Weights) -> str:
    both = {**weights.features, **{name: weights.factors[name] for name in START_FACTORS}}
    start = {**START, **START_FACTORS}
    return (
        ", ".join(f"{name} {both[name]:g}" for name in start if both[name] != start[name])
        or "as at the start"
    )


def peer_rank_of_functions(store: Store, issue: Issue) -> int:
    """Return the rank by BM25 of the chunks, each of which stands for the definitions in it."""
    chunks = [
        chunk
        for file in store.files()
        if is_code(file.language) and not is_test(file.path, file.language)
        for chunk in store.chunks_of(file.path).values()
    ]
    model = BM25Okapi([tokens(f"{chunk.path} {chunk.text}") for chunk in chunks])
    values = model.get_scores(tokens(issue.text))
    order = np.lexsort((np.arange(len(values)), -values))
    return rank_of(
        issue.functions, list(dict.fromkeys(name for place in order for name in names_in(chunks[place])))
    )


# ------------------------------------------------------------------ other questions


def code_search(repositories: Path) -> Iterator[Other]:
    """Yield the tune half of the questions over repositories."""
    asked: dict[tuple[str, str], list[tuple[str, tuple[Place, ...]]]] = {}
    for query in read_queries("tune"):
        places = tuple((path, first, last) for path, first, last, _ in query.places)
        asked.setdefault((query.repository, query.commit), []).append((query.text, places))
    for (name, commit), questions in asked.items():
        opened = Repository.open(repositories / name.replace("/", "+") / "repo")
        entries = [entry for entry in opened.tree(commit) if is_code(detect(entry.path))]
        content = dict(opened.read({entry.document for entry in entries}))
        index = Index(SqliteStore(Path(":memory:")))
        index.update(
            (entry.path, entry.document, content[entry.document].decode("utf-8", "replace"))
            for entry in entries
        )
        for text, places in questions:
            yield Other("code search", table_of(index.store, text), places)


def cosqa() -> Iterator[Other]:
    """Yield the questions at even positions: each function is a file, and one is right."""
    pool = json.loads(FUNCTIONS.read_text(encoding="utf-8"))
    index = Index(SqliteStore(Path(":memory:")))
    index.update((f"{number:05d}.py", digest_text(code), code) for code, number in pool.items())
    for question in json.loads(QUESTIONS.read_text(encoding="utf-8"))[::2]:
        places = ((f"{question['retrieval_idx']:05d}.py", 1, MAX_BYTES),)
        yield Other("CoSQA", table_of(index.store, question["doc"]), places)


# ------------------------------------------------------------------ the peer


def peer_rank(store: Store, issue: Issue) -> int:
    documents = {
        file.path: tokens("".join(chunk.text for chunk in store.chunks_of(file.path).values()))
        + tokens(file.path)
        for file in store.files()
        if is_code(file.language) and not is_test(file.path, file.language)
    }
    paths = sorted(documents)
    model = BM25Okapi([documents[path] for path in paths])
    return rank_of(issue.files, in_order(paths, model.get_scores(tokens(issue.text))))


# ------------------------------------------------------------------ tables


def print_files(
    issues: Sequence[Issue], peer: Mapping[str, int], results: Mapping[str, Mapping[str, int]]
) -> None:
    print(f"{len(issues)} issues; all files of the fix among the k best, in percent\n")
    print("| | " + " | ".join(f"@{k}" for k in KS) + " | @1 − bm25 | @5 − bm25 | @10 − bm25 |")
    print("|---" * (len(KS) + 4) + "|")
    for name, found in {"bm25": peer, **results}.items():
        shares = [f"{100 * share(issues, found, k):.1f}" for k in KS]
        differences = ["" if name == "bm25" else difference(issues, found, peer, k) for k in (1, 5, 10)]
        print(f"| {name} | {' | '.join([*shares, *differences])} |")


def share(issues: Sequence[Issue], found: Mapping[str, int], k: int) -> float:
    return float(np.mean([found[issue.id] <= k for issue in issues]))


def difference(issues: Sequence[Issue], ours: Mapping[str, int], theirs: Mapping[str, int], k: int) -> str:
    ones = np.ones(len(issues))
    passed = [np.array([float(found[issue.id] <= k) for issue in issues]) for found in (ours, theirs)]
    only = [int(np.sum((one == 1) & (other == 0))) for one, other in (passed, passed[::-1])]
    names = [issue.id for issue in issues]
    made = paired_difference((passed[0], ones), (passed[1], ones), names, pairs=(only[0], only[1]))
    return f"{100 * made.value:+.1f} [{100 * made.low:.1f}, {100 * made.high:.1f}]"


def print_functions(
    issues: Sequence[Issue],
    tables: Mapping[str, Table],
    peer: Mapping[str, int],
    chosen: Mapping[str, Weights],
) -> None:
    some = [issue for issue in issues if issue.functions]
    shipped = Weights(WEIGHTS, FACTORS)
    ways = {
        "bm25": peer,
        "inhouse, one repository out": function_ranks(some, tables, chosen),
        "inhouse, as shipped": function_ranks(some, tables, dict.fromkeys(chosen, shipped)),
    }
    print(f"\n{len(some)} issues; all functions of the fix among the k best, in percent\n")
    print("| | " + " | ".join(f"@{k}" for k in KS) + " | @10 − bm25 |")
    print("|---" * (len(KS) + 2) + "|")
    for name, found in ways.items():
        shares = [f"{100 * share(some, found, k):.1f}" for k in KS]
        more = "" if found is peer else difference(some, found, peer, 10)
        print(f"| {name} | {' | '.join(shares)} | {more} |")


def function_ranks(
    issues: Sequence[Issue], tables: Mapping[str, Table], weights: Mapping[str, Weights]
) -> dict[str, int]:
    found = {}
    for issue in issues:
        table = tables[issue.id]
        values = scores(table, weights[issue.repository])
        order = np.lexsort((np.arange(len(values)), -values))
        names = dict.fromkeys(name for place in order for name in table.functions[place])
        found[issue.id] = rank_of(issue.functions, list(names))
    return found


if __name__ == "__main__":
    main()
