"""`inhouse chunking compare`: every strategy on the user's own repository, with intervals, as one page.

The tree is that of the cut. Questions are docstrings, cut out of what is indexed, and the messages of commits
after the cut; a difference to the default counts as sure by the rule of all comparisons (`significance`).
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.datasets.material import Material
from inhouse.errors import UserMistake
from inhouse.evaluation.significance import holm, paired_difference, sign
from inhouse.evaluation.statistics import estimate
from inhouse.languages import detect, is_code, is_test
from inhouse.reporting.chunking_page import write_chunking_page
from inhouse.retrieval.chunking import DEFAULT, STRATEGIES
from inhouse.retrieval.comparison import (
    APPROACHES,
    BUDGETS,
    KINDS,
    Question,
    Target,
    compare,
    indexed_paths,
    prepare,
)
from inhouse.shards import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.evaluation.statistics import Estimate
    from inhouse.pipeline import Pipeline
    from inhouse.retrieval.comparison import Answers, Measured

__all__ = ["compare_chunking"]

_FEWEST_WORDS = 4  # of a message
_LONGEST = 2_000  # characters of it
_MOST_FILES = 10  # of a commit: more are moves and reformatting


def compare_chunking(pipeline: Pipeline, strategies: Sequence[str], limit: int) -> dict[str, Any]:
    """Measure the strategies, write the page beside the reports, and return what stands in it.

    At most `limit` questions of each kind. Raises UserMistake for a strategy that does not exist, and where
    the repository gives no questions.
    """
    for name in strategies:
        if name not in STRATEGIES:
            names = ", ".join(STRATEGIES)
            raise UserMistake("a strategy is one of those that exist", name, f"choose among {names}")
    material = Material(pipeline.history.path, pipeline.corpus.path)
    with tempfile.TemporaryDirectory(prefix="chunking-", dir=pipeline.workspace.folder) as name:
        folder = Path(name)
        questions = _questions(pipeline, material, folder, limit)
        found = _measured(pipeline, strategies, folder, questions)
    result = {
        "repository": pipeline.repository.name,
        "revision": pipeline.split.cut,
        "files": found[0].files,
        "lines": found[0].lines,
        "budgets": list(BUDGETS),
        "questions": {kind: sum(one.kind == kind for one in questions) for kind in KINDS},
        "compared_with": _reference(found).strategy,
        "strategies": _rows(found, questions),
    }
    return _written(pipeline, result)


def _written(pipeline: Pipeline, result: dict[str, Any]) -> dict[str, Any]:
    folder = pipeline.workspace.folder / "reports"
    folder.mkdir(exist_ok=True)
    page = folder / f"chunking-{result['revision'][:12]}.html"
    write_chunking_page(result, page)
    write_json(page.with_suffix(".json"), result)
    return {**result, "page": str(page)}


# ------------------------------------------------------------------ questions


def _questions(pipeline: Pipeline, material: Material, folder: Path, limit: int) -> list[Question]:
    with pipeline.progress.task("questions of the repository itself"):
        questions = prepare(
            lambda: (
                (placed.path, placed.document, placed.text)
                for placed in material.tree(pipeline.split.cut, "index")
            ),
            folder,
            limit,
            pipeline.settings.seed,
        )
        commits = list(_of_commits(material, indexed_paths(folder)))
    step = max(1, math.ceil(len(commits) / limit))
    questions += commits[::step]
    if not questions:
        raise UserMistake(
            "strategies are compared on docstrings and on commits after the cut",
            f"{pipeline.repository.name} has neither",
            "try another repository",
        )
    return questions


def _of_commits(material: Material, indexed: set[str]) -> Iterator[Question]:
    for commit in material.periods["heldout"]:
        message = material.message(commit)[0][:_LONGEST]
        changes = material.all_changes(commit)
        paths = sorted(path for path in {change.old_path for change in changes} & indexed if _is_wanted(path))
        if len(message.split()) >= _FEWEST_WORDS and paths and len(changes) <= _MOST_FILES:
            yield Question("commit", message, commit, tuple(Target(path) for path in paths))


def _is_wanted(path: str) -> bool:
    """Tell code from what a search puts last on purpose: tests; and from prose, which changes with it."""
    language = detect(path)
    return is_code(language) and not is_test(path, language)


# ------------------------------------------------------------------ results


def _measured(
    pipeline: Pipeline, strategies: Sequence[str], folder: Path, questions: Sequence[Question]
) -> list[Measured]:
    found = []
    with pipeline.progress.task("compare strategies", len(strategies), "strategies") as task:
        for measured in compare(strategies, folder, questions):
            found.append(measured)
            task.advance(note=measured.strategy)
    return found


def _reference(found: Sequence[Measured]) -> Measured:
    """Return what the others are compared with: the default, or the first where that was left out."""
    return next((one for one in found if one.strategy == DEFAULT), found[0])


def _rows(found: Sequence[Measured], questions: Sequence[Question]) -> list[dict[str, Any]]:
    rows = [_row(one, questions) for one in found]
    reference = _reference(found)
    others = [(one, row) for one, row in zip(found, rows, strict=True) if one is not reference]
    for approach, kind, budget in _cells(questions):
        asked = _asked(kind, questions)
        differences = {
            one.strategy: _difference(one.answers[approach], reference.answers[approach], budget, asked)
            for one, _ in others
        }
        adjusted = holm({name: difference.p for name, difference in differences.items()})
        for one, row in others:
            difference = differences[one.strategy]
            cell = row["approaches"][approach]["recall"][kind][str(budget)]
            sure = sign(difference) if adjusted[one.strategy] <= 0.05 else 0
            cell["difference"] = {**_plain(difference), "sure": sure}
    return rows


def _row(one: Measured, questions: Sequence[Question]) -> dict[str, Any]:
    whole = [(whole, number, path) for path, number, whole in one.definitions]
    return {
        "strategy": one.strategy,
        "sentence": STRATEGIES[one.strategy].sentence,
        "chunks": one.chunks,
        "tokens_per_chunk": round(one.tokens / max(1, one.chunks)),
        "lines_per_second": round(one.lines / one.seconds),
        "index_bytes": one.index_bytes,
        "peak_memory_bytes": one.peak_memory_bytes,
        "whole": _ratio(whole),
        "approaches": {name: _approach(one.answers[name], questions) for name in APPROACHES},
    }


def _approach(answers: Answers, questions: Sequence[Question]) -> dict[str, Any]:
    half, most = answers.milliseconds
    kinds = [kind for kind in KINDS if _asked(kind, questions)]
    return {
        "query_ms": round(half, 2),
        "query_ms_p99": round(most, 2),
        "recall": {
            kind: {
                str(budget): _ratio(
                    (answers.found[budget][number], 1, group) for number, group in _asked(kind, questions)
                )
                for budget in BUDGETS
            }
            for kind in kinds
        },
        "resolved": {str(budget): _ratio(_followed(answers, budget, questions)) for budget in BUDGETS},
    }


def _followed(
    answers: Answers, budget: int, questions: Sequence[Question]
) -> Iterator[tuple[float, float, str]]:
    columns = zip(answers.there[budget], answers.known[budget], questions, strict=True)
    return ((there, known, question.group) for there, known, question in columns if known)


def _cells(questions: Sequence[Question]) -> list[tuple[str, str, int]]:
    kinds = [kind for kind in KINDS if _asked(kind, questions)]
    return [(approach, kind, budget) for approach in APPROACHES for kind in kinds for budget in BUDGETS]


def _asked(kind: str, questions: Sequence[Question]) -> list[tuple[int, str]]:
    """Return the numbers and groups of the questions of a kind."""
    return [(number, question.group) for number, question in enumerate(questions) if question.kind == kind]


def _difference(first: Answers, second: Answers, budget: int, asked: Sequence[tuple[int, str]]) -> Estimate:
    ones = [1.0] * len(asked)
    found, other = ([one.found[budget][number] for number, _ in asked] for one in (first, second))
    return paired_difference((found, ones), (other, ones), [group for _, group in asked])


def _ratio(rows: Iterable[tuple[float, float, str]]) -> dict[str, Any]:
    """Return an estimate of (numerator, denominator, group) as results hold it."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return _plain(estimate(columns[0], columns[1], columns[2]))


def _plain(found: Estimate) -> dict[str, Any]:
    value, low, high = (
        round(number, 6) if math.isfinite(number) else None for number in (found.value, found.low, found.high)
    )
    return {"value": value, "low": low, "high": high, "n": found.n, "groups": found.commits}
