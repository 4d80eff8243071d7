"""Functions without tests: what is written must give what the repository's own function gives.

After R2E (Jain et al. 2024, https://openreview.net/forum?id=kXHEBK9uAY): inputs are made from annotations,
defaults and examples in docstrings, the repository's function is called with them in the sandbox, in two
processes, and what it gave is the test. Kept are functions that take at least 20 different inputs, give the
same both times, and neither read nor write. The recorded outcomes stand in the harness alone.
"""

from __future__ import annotations

import ast
import json
import textwrap
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.mining.environment import import_roots
from inhouse.evaluation.mining.functions import ask, place_key
from inhouse.evaluation.mining.proofs import prove
from inhouse.evaluation.mining.results import rejected, verified
from inhouse.evaluation.mining.verify import inside
from inhouse.evaluation.tasks import Check, TaskFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.results import Found
    from inhouse.evaluation.mining.workbench import Workbench

__all__ = ["FEWEST_INPUTS", "KIND", "looks_pure", "mine_equivalence"]

KIND = "equivalence"
FEWEST_INPUTS = 20
_INPUTS = 60
_PROCESSES = 2
_FEWEST_OUTCOMES = 3  # different ones: a constant says little
_FEWEST_VALUES = 0.25  # share of the inputs that give a value and not an exception
_CASES, _WISHES, _OUTCOMES = ".inhouse/inhouse_cases.py", ".inhouse/cases.json", ".inhouse/outcomes.jsonl"
_IMPURE_NAMES = frozenset(
    [
        "open",
        "input",
        "print",
        "exec",
        "eval",
        "compile",
        "globals",
        "locals",
        "vars",
        "setattr",
        "delattr",
        "breakpoint",
        "exit",
        "quit",
        "__import__",
    ]
)
_IMPURE_MODULES = frozenset(
    [
        "asyncio",
        "ctypes",
        "datetime",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "pickle",
        "random",
        "requests",
        "secrets",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
        "warnings",
        "webbrowser",
    ]
)


def mine_equivalence(bench: Workbench, places: Sequence[Place]) -> Iterator[Found]:
    """Yield a task, or the reason why there is none, for Python functions that no test executes."""
    pure: list[Place] = []
    for place in places:
        reason = looks_pure(place)
        if reason:
            yield rejected(KIND, place_key(place), reason)
        else:
            pure.append(place)

    def work(batch: Sequence[Place]) -> list[Found]:
        checks = _checks(bench, batch)
        pairs = [
            (place, check) for place, check in zip(batch, checks, strict=True) if isinstance(check, Check)
        ]
        proofs = iter(prove(bench.checker, pairs, bench.workers))
        found = []
        for place, check in zip(batch, checks, strict=True):
            proof = next(proofs) if isinstance(check, Check) else None
            reason = check if isinstance(check, str) else proof.reason if proof else ""
            if reason or proof is None:
                found.append(rejected(KIND, place_key(place), reason))
            else:
                words = (
                    f"{proof.check.expected} inputs gave the same in {_PROCESSES} processes; {proof.words}"
                )
                found.append(
                    verified(place_key(place), bench.task_at(KIND, place, proof.check, words, ask(place)))
                )
        return found

    yield from bench.go_through("python equivalence", pure, place_key, lambda place: place, work)


# ------------------------------------------------------------ which functions


def looks_pure(place: Place) -> str:
    """Say why a function does not look pure, or "": it stands in no class and names nothing with effects."""
    try:
        tree = ast.parse(textwrap.dedent(place.definition))
    except SyntaxError:
        return "it does not parse alone"
    function = tree.body[0]
    if "." in place.name or not isinstance(function, ast.FunctionDef):
        return "a method, or asynchronous"
    if function.decorator_list:
        return "it is decorated"
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal | ast.Await):
            return "it changes names outside of it"
        if isinstance(node, ast.Name) and node.id in _IMPURE_NAMES | _IMPURE_MODULES:
            return f"it does not look pure: {node.id}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            return "it imports"
    return ""


def _module_of(path: str, files: Mapping[str, bytes]) -> str:
    """Return the name under which a file is imported."""
    root = next(root for root in import_roots(files) if path.startswith(f"{root}/" if root else ""))
    name = path.removeprefix(f"{root}/" if root else "").removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def _examples(place: Place) -> list[str]:
    """Return the arguments of calls in the docstring's examples, as tuples of literals."""
    found = []
    for line in place.head.splitlines():
        text = line.strip()
        if not text.startswith(">>> "):
            continue
        try:
            tree = ast.parse(text[4:], mode="eval")
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == place.name
                and not node.keywords
            ):
                inner = ", ".join(map(ast.unparse, node.args))
                found.append(f"({inner},)" if node.args else "()")
    return found


# ------------------------------------------------------------ what they give


def _checks(bench: Workbench, places: Sequence[Place]) -> list[Check | str]:
    """Return the check of each function, not yet proved, or the reason why there is none."""
    tip = bench.material.split.tip
    rows = [_called(bench, places, tip, hash_seed) for hash_seed in range(_PROCESSES)]
    files = bench.checker.trees.tree(tip).files
    checks: list[Check | str] = []
    for number, place in enumerate(places):
        answers = [run.get(number, {"refused": "calling it ended the program"}) for run in rows]
        cases = _usable(answers)
        checks.append(cases if isinstance(cases, str) else _check(place, tip, files, cases))
    return checks


def _called(bench: Workbench, places: Sequence[Place], tip: str, hash_seed: int) -> dict[int, Any]:
    """Call functions with made inputs in one process; if one of them ends it, the next begins in another."""
    answers: dict[int, Any] = {}
    checker, files = bench.checker, bench.checker.trees.tree(tip).files
    while len(answers) < len(places):
        offset = len(answers)
        wishes = [
            {"module": _module_of(place.path, files), "name": place.name, "examples": _examples(place)}
            for place in places[offset:]
        ]
        given = {"functions": wishes, "seed": bench.seed, "cases": _INPUTS}
        laid = {**files, _CASES: inside(_CASES), _WISHES: json.dumps(given).encode()}
        source = f"import runpy\nrunpy.run_path({_CASES!r}, run_name='__main__')\n"
        job = checker.program_job(laid, source, (_OUTCOMES,), {"PYTHONHASHSEED": str(hash_seed)})
        outcome = checker.sandbox.run_job(job)
        for line in outcome.collected.get(_OUTCOMES, b"").splitlines():
            row = json.loads(line)
            answers[offset + row["function"]] = row
        answers.setdefault(len(answers), {"refused": "calling it ends the program or takes too long"})
    return answers


def _usable(answers: Sequence[dict[str, Any]]) -> list[list[str]] | str:
    """Return the cases that both processes agree on, or the reason why the function is not usable."""
    for answer in answers:
        if "refused" in answer:
            return str(answer["refused"])
    if any(answer["cases"] != answers[0]["cases"] for answer in answers):
        return "it gives something else in another process"
    cases: list[list[str]] = answers[0]["cases"]
    if len(cases) < FEWEST_INPUTS:
        return f"fewer than {FEWEST_INPUTS} different inputs"
    outcomes = Counter(outcome for _, outcome in cases)
    values = sum(count for outcome, count in outcomes.items() if not outcome.startswith("raises "))
    if values < _FEWEST_VALUES * len(cases):
        return "nearly all inputs raise"
    return "it gives nearly always the same" if len(outcomes) < _FEWEST_OUTCOMES else cases


def _check(place: Place, tip: str, files: Mapping[str, bytes], cases: Sequence[Sequence[str]]) -> Check:
    entry = _ENTRY.format(outcome_of=_outcome_of(), module=_module_of(place.path, files), name=place.name)
    rows = "\n".join(f"    ({given!r}, {outcome!r})," for given, outcome in cases)
    program = f"CASES = [\n{rows}\n]\nfor given, expected in CASES:\n    assert outcome(given) == expected\n"
    return Check("program", tip, (TaskFile("inhouse_entry.py", entry),), (), program, len(cases), 0.0)


# The candidate's side: only texts cross, so that the recorded outcomes stay on the other one.
_ENTRY = """\
import inhouse_paths
import ast
import importlib
import inspect

{outcome_of}

_function = importlib.import_module({module!r}).{name}

def outcome(given):
    return outcome_of(_function, ast.literal_eval(given))
"""


@cache
def _outcome_of() -> str:
    """Return the source of the function that tells what a call gives."""
    tree = ast.parse(inside(_CASES))
    found = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "outcome_of"
    )
    found.returns = None
    for argument in found.args.args:
        argument.annotation = None
    return ast.unparse(found)
