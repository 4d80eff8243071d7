"""Recall at fixed token budgets: how much of what an issue needs stands in the context, against two peers.

    python benchmarks/bench_context.py [--commits REPOSITORY] [--number N]
    python benchmarks/bench_context.py --issues ISSUES.jsonl --repositories FOLDER [--map OUT.jsonl]

A line of ISSUES is {instance_id, repo, base_commit, issue, gold_files, gold_functions}; in FOLDER lie git
directories OWNER+NAME/repo that have the commits. With --commits the tasks are commit messages of
repositories, by default of this one, whose commit changed one to three files of code that are no tests; what
was needed is what it changed, the tree is that before it. Choices are made on commits of other repositories
than those of the issues, which are what is reported.

inhouse     `for_task`: the context of `inhouse context`
files       whole files, best first by BM25 (rank_bm25, words and parts of identifiers, path included, code
            without tests), the last one cut, to the budget
map         Aider's repository map, from `peer_aider_map.py` (--write-tasks writes what it reads)

The weights of the ranking were chosen on these issues. --weights takes those that `bench_localisation.py`
chose without each repository: {"OWNER/NAME": {"features": {name: weight}, "factors": {name: factor}}};
--indexes is that script's --cache: indexes with the history before each issue.

All are counted by the same tokenizer on their whole text. Recall is the mean over tasks of the share of

named       needed files whose path stands in the text
shown       needed files of which at least one line or signature does
defined     needed definitions whose first line (def, class) or signature does
whole       needed definitions all of whose lines do
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import mean

import numpy as np
from rank_bm25 import BM25Okapi

from inhouse.evaluation.significance import paired_difference, sign
from inhouse.languages import detect, is_code, is_test, parse
from inhouse.models.resolve import resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Hit, Symbol
from inhouse.retrieval.context import Context, for_task
from inhouse.retrieval.index import Index
from inhouse.retrieval.ranking import rerank
from inhouse.retrieval.search import gather
from inhouse.retrieval.words import tokens
from inhouse.sources.git import Repository

BUDGETS = (2_048, 8_192, 32_768)
MEASURES = ("named", "shown", "defined", "whole")
MOST_FILES = 3
MIN_WORDS = 5  # of a message
MAX_BYTES = 500_000
ROOT = Path(__file__).parent.parent

Shown = dict[str, set[int]]  # path: lines; none for a path alone


@dataclass(frozen=True)
class Task:
    id: str
    repository: Path
    commit: str  # whose tree is searched
    date: int
    text: str
    files: tuple[str, ...]
    functions: tuple[str, ...]  # path:qualified.name


@dataclass(frozen=True)
class Needed:
    """The definitions of a task that exist in its tree: path, first line, last line."""

    files: tuple[str, ...]
    definitions: tuple[tuple[str, int, int], ...]


@dataclass
class Results:
    shares: dict[tuple[str, int, str], dict[str, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )  # (arm, budget, measure): task: share
    sizes: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, arm: str, budget: int, task: Task, needed: Needed, shown: Shown, size: int) -> None:
        self.sizes[arm, budget].append(size)
        for measure, share in judged(needed, shown).items():
            self.shares[arm, budget, measure][task.id] = share


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--issues", type=Path)
    parser.add_argument("--repositories", type=Path)
    parser.add_argument("--map", type=Path, help="what peer_aider_map.py wrote")
    parser.add_argument("--write-tasks", type=Path, help="for peer_aider_map.py; nothing else is done")
    parser.add_argument("--checkouts", type=Path, help="clones that peer_aider_map.py may check out")
    parser.add_argument("--commits", type=Path, nargs="*", default=[ROOT])
    parser.add_argument("--number", type=int, default=40, help="commits of each repository")
    parser.add_argument("--folder", type=Path, help="where indexes are kept between runs")
    parser.add_argument("--weights", type=Path, help="of the ranking, by repository")
    parser.add_argument("--indexes", type=Path, help="ID.db of every issue (default: they are made)")
    parser.add_argument("--model", default="builtin:smollm2-135m")
    given = parser.parse_args()
    if given.issues:
        tasks = issues(given.issues, given.repositories)
    else:
        tasks = [task for place in given.commits for task in commits(place, given.number)]
    tasks.sort(key=lambda task: (str(task.repository), task.date, task.id))
    if given.write_tasks:
        write_tasks(tasks, given.write_tasks, given.checkouts)
        return
    if not tasks:
        print("no task: no commit changed one to three files of code with more than a few words")
        return
    tokenizer = Tokenizer.load(resolve(given.model).folder)
    with tempfile.TemporaryDirectory() as scratch:
        weights = json.loads(given.weights.read_text(encoding="utf-8")) if given.weights else {}
        indexes = Indexes(given.folder or Path(scratch), given.indexes, weights)
        results = measure(tasks, tokenizer, indexes, maps_of(given.map))
    show(results, tasks)


# ------------------------------------------------------------------ tasks


def issues(path: Path, repositories: Path) -> list[Task]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        place = repositories / row["repo"].replace("/", "+") / "repo"
        date = dates(place).get(row["base_commit"], 0)
        files, functions = tuple(row["gold_files"]), tuple(row["gold_functions"])
        found.append(
            Task(row["instance_id"], place, row["base_commit"], date, row["issue"], files, functions)
        )
    return found


@lru_cache
def dates(place: Path) -> dict[str, int]:
    return {commit.id: commit.date for commit in Repository.open(place).commits()}


def commits(place: Path, number: int) -> list[Task]:
    """Return the newest commits of a repository that are like an issue with its mending."""
    repository = Repository.open(place)
    single = [one for one in repository.commits() if len(one.parents) == 1 and not one.boundary]
    single.sort(key=lambda one: (-one.date, one.id))
    found: list[Task] = []
    for start in range(0, len(single), 100):
        part = {one.id: one for one in single[start : start + 100]}
        messages = dict(repository.messages(part))
        changes = defaultdict(list)
        for change in repository.changes(list(part)):
            changes[change.commit].append(change)
        for id_, commit in part.items():
            code = [one for one in changes[id_] if is_source(one.path)]
            clean = 0 < len(code) <= MOST_FILES and all(one.status == "M" for one in code)
            if not clean or len(messages[id_].split()) < MIN_WORDS:
                continue
            files = tuple(one.path for one in code)
            texts = dict(repository.read([one.old_document for one in code]))
            functions = [
                name
                for one in code
                for name in touched(one.path, texts[one.old_document].decode("utf-8", "replace"), one.hunks)
            ]
            found.append(
                Task(id_, place, commit.parents[0], commit.date, messages[id_], files, tuple(functions))
            )
            if len(found) == number:
                return found
    return found


def touched(path: str, text: str, hunks: Sequence) -> list[str]:
    """Return the innermost functions or classes that changed lines stand in."""
    kinds = {"function", "method", "class", "struct"}
    symbols = [one for one in parse(path, text).symbols if one.kind in kinds]
    names = {}
    for hunk in hunks:
        for line in range(hunk.old_start, hunk.old_start + max(1, hunk.old_count)):
            around = [one for one in symbols if one.start_line <= line <= one.end_line]
            if around:
                names[f"{path}:{around[-1].qualified_name}"] = None
    return list(names)


def is_source(path: str) -> bool:
    language = detect(path)
    return is_code(language) and not is_test(path, language)


def write_tasks(tasks: Sequence[Task], out: Path, checkouts: Path) -> None:
    with out.open("w", encoding="utf-8") as stream:
        for task in tasks:
            name = task.repository.parent.name if task.repository.name == "repo" else task.repository.name
            row = {"checkout": str(checkouts / name), "commit": task.commit, "text": task.text}
            stream.write(json.dumps({"id": task.id, **row, "budgets": BUDGETS}) + "\n")


# ------------------------------------------------------------------ arms


def measure(tasks: Sequence[Task], tokenizer: Tokenizer, indexes: Indexes, maps: dict) -> Results:
    results = Results()

    @lru_cache(maxsize=200_000)
    def count(text: str) -> int:
        return len(tokenizer.encode(text))

    for number, task in enumerate(tasks):
        tree = Tree(task)
        needed = tree.needed()
        index = indexes.open(task, tree)
        for budget in BUDGETS:
            start = time.perf_counter()
            context = for_task(index, task.text, budget, lambda text: len(tokenizer.encode(text)))
            results.seconds["inhouse", budget].append(time.perf_counter() - start)
            assert context.tokens == len(tokenizer.encode(context.text)) <= budget
            results.add("inhouse", budget, task, needed, shown_by(context, tree), context.tokens)
            text, shown = whole_files(tree, task.text, budget, count)
            results.add("files", budget, task, needed, shown, count(text))
            for form, row in maps.get((task.id, budget), {}).items():
                results.add(f"map, {form}", budget, task, needed, row["shown"], row["tokens"])
        index.close()
        print(f"\r{number + 1} of {len(tasks)}", end="", flush=True)
    print("\r", end="")
    return results


class Tree:
    """The text files of a commit."""

    def __init__(self, task: Task) -> None:
        self.task = task
        repository = Repository.open(task.repository)
        entries = [one for one in repository.tree(task.commit) if one.mode in ("100644", "100755")]
        self.documents = {one.path: one.document for one in entries if one.size <= MAX_BYTES}
        missing = set(self.documents.values()) - BLOBS.keys()
        for document, data in repository.read(sorted(missing)):
            BLOBS[document] = None if b"\0" in data else data.decode("utf-8", "replace")
        self.texts = {path: BLOBS[document] for path, document in self.documents.items() if BLOBS[document]}

    def needed(self) -> Needed:
        found = []
        for name in self.task.functions:
            path, _, qualified = name.partition(":")
            symbols = parse(path, self.texts.get(path, "")).symbols
            same = [one for one in symbols if one.qualified_name == qualified]
            found += [(path, first_line(one, self.texts[path]), one.end_line) for one in same[-1:]]
        return Needed(tuple(path for path in self.task.files if path in self.texts), tuple(found))


BLOBS: dict[str, str | None] = {}  # by document; shared by the commits of a repository


def first_line(symbol: Symbol, text: str) -> int:
    """Return the line that names a definition, below its decorators."""
    lines = text.split("\n")
    below = range(symbol.start_line, symbol.end_line + 1)
    return next((n for n in below if not lines[n - 1].lstrip().startswith("@")), symbol.start_line)


@dataclass(frozen=True)
class Indexes:
    folder: Path  # where they are made, one for each repository, moved from commit to commit
    made: Path | None  # where they are already, one for each task
    weights: dict

    def open(self, task: Task, tree: Tree) -> Index:
        name = task.repository.parent.name if task.repository.name == "repo" else task.repository.name
        if self.made is None:
            index = Index.open(self.folder / f"{name}.db")
            index.update((path, tree.documents[path], text) for path, text in sorted(tree.texts.items()))
        else:
            index = Index.open(self.made / f"{task.id}.db")
        if self.weights:
            use_weights(index, **self.weights[name.replace("+", "/")])
        return index


def use_weights(index: Index, features: dict[str, float], factors: dict[str, float]) -> None:
    def search(query: str, k: int) -> list[Hit]:
        pool = gather(index.store, query)
        rerank.FACTORS = factors
        return [rerank.hit(pool, one) for one in rerank.rank(pool, features)[:k] if one.score > 0]

    index.search = search  # type: ignore[method-assign]


def shown_by(context: Context, tree: Tree) -> Shown:
    shown: Shown = {}
    for piece in context.pieces:
        lines = shown.setdefault(piece.path, set())
        if piece.form == "body":
            lines.update(range(piece.start_line, piece.end_line + 1))
        elif piece.form == "signature":
            text = tree.texts[piece.path].split("\n")
            below = range(piece.start_line, piece.end_line + 1)
            lines.add(next((n for n in below if not text[n - 1].lstrip().startswith("@")), piece.start_line))
    return shown


def whole_files(tree: Tree, text: str, budget: int, count) -> tuple[str, Shown]:
    """Return the best files in full, the last one cut where the budget ends."""
    texts, shown = [], {}
    for path in ranked_files(tree, text):
        lines = tree.texts[path].splitlines(keepends=True)
        head = f"# {path}\n"
        low, high = 0, len(lines)
        whole = "".join((*texts, head, *lines))
        if count(whole) > budget:
            while low < high:
                middle = (low + high + 1) // 2
                fits = count("".join((*texts, head, *lines[:middle]))) <= budget
                low, high = (middle, high) if fits else (low, middle - 1)
        if high:
            texts.append("".join((head, *lines[:high])))
            shown[path] = set(range(1, high + 1))
        if high < len(lines):
            break
    return "".join(texts), shown


@lru_cache(maxsize=2)
def ranking(tree: Tree) -> tuple[list[str], BM25Okapi]:
    paths = [path for path in sorted(tree.texts) if is_source(path)]
    return paths, BM25Okapi([words(path) + words(tree.texts[path]) for path in paths])


def ranked_files(tree: Tree, text: str) -> list[str]:
    paths, bm25 = ranking(tree)
    scores = bm25.get_scores(words(text))
    return [paths[number] for number in np.argsort(-scores, kind="stable")]


@lru_cache(maxsize=20_000)
def words(text: str) -> list[str]:
    return tokens(text)


def maps_of(path: Path | None) -> dict[tuple[str, int], dict[str, dict]]:
    found: dict[tuple[str, int], dict[str, dict]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines() if path else ():
        row = json.loads(line)
        row["shown"] = {name: set(lines) for name, lines in row["shown"].items()}
        found[row["id"], row["budget"]][row["form"]] = row
    return found


# ------------------------------------------------------------------ judging


def judged(needed: Needed, shown: Shown) -> dict[str, float]:
    shares = {
        "named": mean(path in shown for path in needed.files),
        "shown": mean(bool(shown.get(path)) for path in needed.files),
    }
    if needed.definitions:
        lines = [(shown.get(path, set()), first, last) for path, first, last in needed.definitions]
        shares["defined"] = mean(first in seen for seen, first, _ in lines)
        shares["whole"] = mean(seen.issuperset(range(first, last + 1)) for seen, first, last in lines)
    return shares


def show(results: Results, tasks: Sequence[Task]) -> None:
    arms = list(dict.fromkeys(arm for arm, _, _ in results.shares))
    print(f"{len(tasks)} tasks; recall in %; in brackets inhouse minus the arm, with its 95% interval")
    print()
    print("| budget | arm | tokens, mean (most) | " + " | ".join(MEASURES) + " |")
    print("|---" * (len(MEASURES) + 3) + "|")
    for budget in BUDGETS:
        for arm in arms:
            sizes = results.sizes[arm, budget]
            cells = [cell(results, arm, budget, measure) for measure in MEASURES]
            print(f"| {budget:,} | {arm} | {mean(sizes):,.0f} ({max(sizes):,}) | " + " | ".join(cells) + " |")
    print()
    for budget in BUDGETS:
        spent = sorted(results.seconds["inhouse", budget])
        middle = spent[len(spent) // 2]
        print(f"seconds for one context of {budget:,} tokens: median {middle:.2f}, most {spent[-1]:.2f}")


def cell(results: Results, arm: str, budget: int, measure: str) -> str:
    theirs, ours = results.shares[arm, budget, measure], results.shares["inhouse", budget, measure]
    value = f"{100 * mean(theirs.values()):.1f}"
    if arm == "inhouse":
        return f"{value} (n={len(theirs)})"
    same = sorted(theirs)
    ones = [1.0] * len(same)
    found = paired_difference(
        ([ours[id_] for id_ in same], ones), ([theirs[id_] for id_ in same], ones), same
    )
    mark = {1: " surely", -1: " surely worse", 0: ""}[sign(found)]
    return f"{value} [{100 * found.value:+.1f}: {100 * found.low:+.1f}, {100 * found.high:+.1f}{mark}]"


if __name__ == "__main__":
    main()
