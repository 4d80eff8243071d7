"""What tuning broke: the likelihood of general code that the adapter was not trained on.

General code is the standard library of the running Python: on every machine, known to every base model, and
next to never part of the repository; spans that nearly are part of it are left out and counted. One function
of each module stands for the module, and the interval is resampled by module.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.datasets.contamination import THRESHOLD
from inhouse.digests import digest_rows, digest_text
from inhouse.evaluation.arms import ARMS
from inhouse.evaluation.likelihood import plan, score_shards, tokens_of
from inhouse.evaluation.measures import BITS, MEASURES, difference_of, value_of
from inhouse.hygiene.duplicates import SpanIndex
from inhouse.records import Example, Item
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inhouse.evaluation.arms import Bench, Case
    from inhouse.evaluation.statistics import Estimate
    from inhouse.records import Score

__all__ = ["Retention", "check_retention", "repository_copies", "score_general", "standard_library_items"]

_REPOSITORY = "cpython"
_ROUNDS = 4  # functions of a module, where many tokens are asked for
_GIVEN_LINES = 6  # of a function, as context: what a model makes of the document markers is no code
_MIN_LINES, _MAX_LINES = 8, 14  # of the rest, which is scored
_NOT_GENERAL = {"encodings", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "turtledemo"}


@dataclass(frozen=True, slots=True)
class Retention:
    """Bits per byte on general code; the estimates count modules as commits."""

    base: Estimate
    tuned: Estimate
    difference: Estimate
    excluded: int  # functions that nearly duplicate the repository's text
    corpus_digest: str
    tokens: int


def standard_library_items(seed: int, root: Path | None = None, rounds: int = 1) -> Iterator[Item]:
    """Yield one function of each module of the standard library, modules in an order by digest.

    Its first 6 lines are the prefix, at most 14 of the others the target. A function that is nearly one of
    those before it is left out. In further rounds, modules that have more functions give another one.
    """
    before = SpanIndex(THRESHOLD)
    root = Path(sysconfig.get_path("stdlib")) if root is None else root
    modules = sorted(_modules(root), key=lambda path: digest_text(f"{seed} {path}"))
    for path, number in ((path, number) for number in range(rounds) for path in modules):
        lines = _function(root / path, seed, number)
        prefix, target = ("".join(part) for part in (lines[:_GIVEN_LINES], lines[_GIVEN_LINES:]))
        if target and before.find(target) is None:
            before.add(path, target)
            yield Item(
                id=digest_text(f"{path}\n{prefix}{target}"),
                split="retention",
                commit=path,
                date=0,
                path=path,
                language="python",
                message="",
                prefix=prefix,
                target=target,
                known_path=False,
            )


def check_retention(bench: Bench, is_copy: Callable[[str], bool], budget: int) -> Retention:
    """Score general code with the base and the tuned model, as many modules as `budget` tokens suffice for.

    `is_copy` tells whether a span nearly duplicates text of the repository.
    """
    general = replace(bench, repository=_REPOSITORY)
    arms = [arm for arm in ARMS if not arm.text]
    copies: list[str] = []

    def others() -> Iterator[Item]:
        for item in standard_library_items(bench.seed):
            if is_copy(item.target):
                copies.append(item.id)
            else:
                yield item

    planned = plan(others(), lambda item: general.cases(item, arms, {}), budget)
    scores = score_shards(bench, planned, "retention", "general code")
    base, tuned = ([score for score in scores if score.arm == arm.name] for arm in arms)
    bits = MEASURES[BITS]
    return Retention(
        base=value_of(base, bits, bench.seed),
        tuned=value_of(tuned, bits, bench.seed),
        difference=difference_of(tuned, base, bits, bench.seed),
        excluded=len(copies),
        corpus_digest=digest_rows(cases[0].item.id for cases in planned),
        tokens=tokens_of(planned),
    )


def score_general(bench: Bench, is_copy: Callable[[str], bool], tokens: int) -> list[Score]:
    """Score base and tuned on as much general code as holds `tokens` tokens of targets, or all there is.

    Each shard is written to `retention-NNNNN.parquet`, as the comparison does with less.
    """
    general = replace(bench, repository=_REPOSITORY)
    arms = [arm for arm in ARMS if not arm.text]
    planned: list[list[Case]] = []
    for item in standard_library_items(bench.seed, rounds=_ROUNDS):
        if tokens <= 0:
            break
        if not is_copy(item.target):
            planned.append(general.cases(item, arms, {}))
            tokens -= len(planned[-1][0].target)
    return score_shards(bench, planned, "retention", "general code")


def repository_copies(dataset: Path) -> Callable[[str], bool]:
    """Return what tells whether a span nearly duplicates a training text, by the rule for held-out items."""
    index = SpanIndex(THRESHOLD)
    for example in read_records(dataset, "examples", Example):
        if example.split == "train":
            index.add(example.id, example.text)
    return lambda span: index.find(span) is not None


def _modules(root: Path) -> Iterator[str]:
    """Yield the modules of the library proper: no installed packages, tests, tables or demonstrations."""
    for top in root.iterdir():
        if top.name.removesuffix(".py") in sys.stdlib_module_names:
            for path in [top] if top.is_file() else top.rglob("*.py"):
                name = path.relative_to(root).as_posix()
                if not _NOT_GENERAL.intersection(name.split("/")):
                    yield name


def _function(path: Path, seed: int, number: int) -> list[str]:
    """Return the first lines of a function of a module, long ones in an order by digest, or nothing."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # a template or a file for another Python
        return []
    lines = [f"{line}\n" for line in text.split("\n")]
    functions = [
        lines[node.lineno - 1 : node.end_lineno]
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = [function for function in functions if len(function) >= _GIVEN_LINES + _MIN_LINES]
    long.sort(key=lambda function: digest_text(f"{seed} {''.join(function)}"))
    return long[number][: _GIVEN_LINES + _MAX_LINES] if number < len(long) else []
