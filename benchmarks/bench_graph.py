"""Edges against outside references: jedi for Python, the linker's symbols for C, compilers for others.

python benchmarks/bench_graph.py --jedi PYTHON FOLDER...     PYTHON has jedi (a scratch environment)
python benchmarks/bench_graph.py --led CALLS FOLDER          where a compiler leads each call
python benchmarks/bench_graph.py --traced CALLS FOLDER       calls written by trace_calls.py
python benchmarks/bench_graph.py --link FOLDER [-I DIR]...   gcc and nm: which file defines what one calls

Python: every call is asked of both. Of the calls that jedi leads to a function or class of the repository,
recall is the share that we lead there too. Of our edges where jedi has an answer, precision is the share that
lead where jedi leads. Where it leads to a variable, or nowhere, edges are only counted. With --traced, calls
seen while tests ran take the place of jedi: by path and line of the call, what was called. With --led a file
does that a compiler wrote: JSON, a list of [path, first byte, end, [[path, line] of a definition, ...]] of
calls; a path outside of the folder is "", the line of what is no definition (a parameter, a variable) 0:

    python benchmarks/peer_clang.py FOLDER > CALLS
    NODE_PATH=MODULES node benchmarks/peer_typescript.js FOLDER > CALLS
    java benchmarks/peer_java/Calls.java FOLDER > CALLS
    go run benchmarks/peer_go/calls.go FOLDER > CALLS

C: an object file says which names it takes from others, and another one that it defines them.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.retrieval.facts import read_file
from inhouse.retrieval.graph import Graph
from inhouse.retrieval.sqlite import SqliteStore
from inhouse.retrieval.store import simple_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.records import Edge, Reference

CERTAINTIES = ("resolved", "inferred", "ambiguous")
PEER = Path(__file__).with_name("peer_jedi.py")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--jedi", type=Path, help="a Python that has jedi")
    parser.add_argument("--led", type=Path, help="calls that a compiler wrote")
    parser.add_argument("--traced", type=Path, help="calls that trace_calls.py wrote")
    parser.add_argument("--calls", type=int, default=1500, help="calls of each repository, drawn at random")
    parser.add_argument("--link", action="store_true", help="compile the C files and read their symbols")
    parser.add_argument(
        "-I", dest="include", action="append", default=[], help="an include folder, for --link"
    )
    given = parser.parse_args()
    for folder in given.folders:
        with tempfile.TemporaryDirectory() as scratch, index(folder, Path(scratch)) as store:
            graph = Graph(store)
            if given.link:
                against_linker(graph, folder, given.include, Path(scratch))
            elif given.led:
                against_compiler(store, graph, folder, given.led, given.calls)
            elif given.traced:
                against_trace(store, graph, folder, given.traced)
            else:
                against_jedi(store, graph, folder, given.jedi, given.calls)


def index(folder: Path, scratch: Path) -> SqliteStore:
    store = SqliteStore(scratch / "index.db")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    for path in paths:
        text = path.read_bytes().decode("utf-8", "replace")  # line ends as they are: offsets are compared
        store.replace([read_file(path.relative_to(folder).as_posix(), "", text)])
    return store


# ------------------------------------------------------------------ Python


def against_jedi(store: SqliteStore, graph: Graph, folder: Path, python: Path, most: int) -> None:
    calls = sorted(callees(graph, folder), key=lambda call: (call[0].path, call[0].start))
    random.Random(0).shuffle(calls)
    calls = calls[:most]
    asked = {"root": str(folder), "calls": [[one.path, line, column] for one, line, column in calls]}
    answer = subprocess.run(
        [python, PEER], input=json.dumps(asked), capture_output=True, text=True, check=True
    ).stdout
    counts, wrong = Counter(), []
    for (reference, _, _), peer in zip(calls, json.loads(answer), strict=True):
        truth = {target(store, path, line) for path, line in peer if path and line}
        judge(graph, reference, truth, peer, counts, wrong)
    report(folder.name, len(calls), counts)
    print(*wrong, sep="\n")


def against_trace(store: SqliteStore, graph: Graph, folder: Path, traced: Path) -> None:
    seen = defaultdict(set)
    for path, line, callee, first in json.loads(traced.read_text()):
        place = target(store, callee, first)
        seen[path, line, place[1].rpartition(".")[2]].add(place)
        if place[1].endswith(".__init__"):  # a class is called by its own name
            cls = place[1].removesuffix(".__init__")
            seen[path, line, cls.rpartition(".")[2]].add((callee, cls))
    counts, wrong, calls = Counter(), [], 0
    for path in sorted({path for path, _, _ in seen}):
        for reference in graph.view.file(path).references:
            name = simple_name(reference.name)
            truth = seen.get((path, reference.line, name)) if reference.kind == "call" else None
            if truth:
                calls += 1
                judge(graph, reference, truth, [[path, 1]], counts, wrong)
    report(folder.name, calls, counts)
    print(*wrong, sep="\n")


def against_compiler(store: SqliteStore, graph: Graph, folder: Path, led: Path, most: int) -> None:
    known = {(path, start, end): places for path, start, end, places in json.loads(led.read_text())}
    calls = [
        (reference, known[path, reference.start, reference.end])
        for path in sorted({path for path, _, _ in known})
        for reference in graph.view.file(path).references
        if reference.kind == "call" and (path, reference.start, reference.end) in known
    ]
    print(f"{len(known)} calls of the compiler, {len(calls)} of them known here")
    random.Random(0).shuffle(calls)
    drawn = sorted(calls[:most], key=lambda call: (call[0].path, call[0].start))
    counts, wrong = Counter(), []
    for reference, peer in drawn:
        truth = {target(store, path, line) for path, line in peer if path and line}
        truth |= {(path, of_constructor(name)) for path, name in truth if of_constructor(name)}
        judge(graph, reference, truth, peer, counts, wrong)
    report(folder.name, len(drawn), counts)
    print(*wrong, sep="\n")


def of_constructor(name: str) -> str:
    """Return the class whose constructor has this qualified name, as in Java; "" for what is none."""
    cls, _, own = name.rpartition(".")
    return cls if own and cls.rpartition(".")[2] == own else ""


def callees(graph: Graph, folder: Path) -> Iterator[tuple[Reference, int, int]]:
    """Yield each call with the line and column (in characters) of the last letter of what is called."""
    for path in sorted(python_files(folder)):
        source = (folder / path).read_bytes()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        lines = source.splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        ends = {
            (
                starts[node.lineno - 1] + node.col_offset,
                starts[node.end_lineno - 1] + node.end_col_offset,
            ): node.func
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
        }
        for reference in graph.view.file(path).references:
            func = ends.get((reference.start, reference.end)) if reference.kind == "call" else None
            if func is not None:
                line = lines[func.end_lineno - 1][: func.end_col_offset].decode("utf-8", "replace")
                yield reference, func.end_lineno, max(0, len(line) - 1)


def python_files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if ".git" not in path.parts]


def target(store: SqliteStore, path: str, line: int) -> tuple[str, str]:
    """Return the definition whose `def` or `class` stands at a line."""
    around = [
        symbol
        for symbol in store.symbols_of(path)
        if symbol.start_line <= line <= symbol.end_line and symbol.kind != "constant"
    ]
    best = min(around, key=lambda symbol: symbol.end_line - symbol.start_line, default=None)
    return path, best.qualified_name if best else ""


def judge(
    graph: Graph,
    reference: Reference,
    truth: set[tuple[str, str]],
    peer: list[list],
    counts: Counter,
    wrong: list[str],
) -> None:
    edges = [edge for edge in graph.edges_of(reference) if edge.kind == "calls"]
    outside = bool(peer) and not truth and all(not path for path, _ in peer)
    ours = {(edge.target_path, edge.target): edge for edge in edges}
    if truth:
        counts["leads inside"] += 1
        for certainty in CERTAINTIES:
            hit = any(edge.certainty == certainty and place in truth for place, edge in ours.items())
            counts["found", certainty] += hit
        if not truth & ours.keys():
            counts["missed"] += 1
            wrong.append(
                f"missed {reference.path}:{reference.line} {reference.name} {sorted(truth)} {sorted(ours)}"
            )
    for place, edge in ours.items():
        if truth or outside:
            counts["judged", edge.certainty] += 1
            counts["right", edge.certainty] += place in truth
            if place not in truth and edge.certainty == "resolved":
                wrong.append(f"wrong {reference.path}:{reference.line} {reference.name} {place} {edge.rule}")
        else:
            counts["silent", edge.certainty] += 1


def report(name: str, calls: int, counts: Counter) -> None:
    inside = counts["leads inside"]
    print(f"{name}: {calls} calls, {inside} of them the peer leads into the repository")
    print("| certainty | found, of what the peer finds | right, of what it judges | edges it is silent on |")
    print("|---|---|---|---|")
    for certainty in CERTAINTIES:
        judged = counts["judged", certainty]
        share = f"{counts['right', certainty] / judged:.3f} of {judged}" if judged else "-"
        found = f"{counts['found', certainty] / inside:.3f}" if inside else "-"
        print(f"| {certainty} | {found} | {share} | {counts['silent', certainty]} |")
    print(f"missed: {counts['missed']}")


# ------------------------------------------------------------------ C


def against_linker(graph: Graph, folder: Path, include: list[str], scratch: Path) -> None:
    defined, taken = defaultdict(set), {}
    flags = [f"-I{folder / one}" for one in include]
    for path in sorted(folder.rglob("*.c")):
        name = path.relative_to(folder).as_posix()
        place = scratch / f"{len(taken)}.o"
        command = ["gcc", "-c", "-w", "-O0", "-D_GNU_SOURCE", *flags, "-o", str(place), str(path)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            continue
        symbols = subprocess.run(["nm", str(place)], capture_output=True, text=True, check=True).stdout
        taken[name] = set()
        for line in symbols.splitlines():
            *_, kind, symbol = line.split()
            if kind in "TW":
                defined[symbol].add(name)
            elif kind == "U":
                taken[name].add(symbol)
    judge_links(graph, folder.name, defined, taken)


def judge_links(graph: Graph, name: str, defined: dict[str, set[str]], taken: dict[str, set[str]]) -> None:
    counts, wrong = Counter(), []
    for path, symbols in sorted(taken.items()):
        edges: dict[str, list[Edge]] = defaultdict(list)
        called = set()
        for reference in graph.view.file(path).references:
            if reference.kind == "call":
                called.add(reference.name)
                edges[reference.name] += [one for one in graph.edges_of(reference) if one.kind == "calls"]
        for symbol in sorted(symbols & called):
            truth = {one for one in defined.get(symbol, ()) if one != path}
            if len(truth) > 1:  # several programs of the repository, each with its own
                continue
            counts["linked"] += bool(truth)
            for certainty in CERTAINTIES:
                ours = {one.target_path for one in edges[symbol] if one.certainty == certainty}
                counts["found", certainty] += bool(truth & ours)
                counts["judged", certainty] += len(ours)
                counts["right", certainty] += len(truth & ours)
            ours = {one.target_path for one in edges[symbol]}
            if truth and not truth & ours:
                wrong.append(f"missed {path} {symbol} {sorted(truth)} {sorted(ours)}")
    print(f"{name}: {len(taken)} files compile; {counts['linked']} calls (file, name) into one other file")
    print("| certainty | found | right |")
    print("|---|---|---|")
    for certainty in CERTAINTIES:
        judged = counts["judged", certainty]
        share = f"{counts['right', certainty] / judged:.3f} of {judged}" if judged else "-"
        print(f"| {certainty} | {counts['found', certainty] / max(1, counts['linked']):.3f} | {share} |")
    for line in wrong[:40]:
        print(line)


if __name__ == "__main__":
    main()
