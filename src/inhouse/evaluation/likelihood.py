"""How likely the new code is: bits of each target under each arm, scored in shards that outlive a kill."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from inhouse.datasets.formats import target_text
from inhouse.engines.base import ScoreRequest
from inhouse.records import Score
from inhouse.shards import read_records, write_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inhouse.engines.base import TokenScores
    from inhouse.evaluation.answers import Answer
    from inhouse.evaluation.arms import Bench, Case
    from inhouse.progress import Task
    from inhouse.records import Item

__all__ = ["SHARD_ITEMS", "plan", "score_cases", "score_shards", "tokens_of"]

SHARD_ITEMS = 8


def plan(items: Iterable[Item], cases: Callable[[Item], list[Case]], budget: int) -> list[list[Case]]:
    """Return the cases of as many of the items, from the first on, as `budget` tokens suffice for."""
    planned: list[list[Case]] = []
    for item in items:
        new = cases(item)
        budget -= tokens_of([new])
        if budget < 0:
            break
        planned.append(new)
    return planned


def tokens_of(planned: Iterable[Sequence[Case]]) -> int:
    """Return what scoring the cases costs: context and target tokens of each."""
    return sum(case.tokens for cases in planned for case in cases)


def score_cases(bench: Bench, cases: Sequence[Case], task: Task) -> list[Score]:
    """Score cases, in one call so that the engine can batch them; nothing is generated yet."""
    requests = [ScoreRequest(case.context, case.target, case.adapter) for case in cases]
    found = bench.engine.score(requests, lambda index: task.advance(cases[index].tokens))
    return [_score(case, scores) for case, scores in zip(cases, found, strict=True)]


def score_shards(
    bench: Bench,
    planned: Sequence[Sequence[Case]],
    name: str,
    title: str,
    answers: Iterable[Answer] = (),
) -> list[Score]:
    """Score the cases of all items, some items at a time, each shard written to `name-NNNNN.parquet`.

    Shards that are there are not scored again. `answers` are put beside the likelihoods; `title` is what the
    user reads. Returns the scores of all items.
    """
    written = {(answer.item, answer.arm): answer for answer in answers}
    with bench.progress.task(title, tokens_of(planned), "tokens") as task:
        for number, start in enumerate(range(0, len(planned), SHARD_ITEMS)):
            shard = planned[start : start + SHARD_ITEMS]
            path = bench.folder / f"{name}-{number:05d}.parquet"
            if path.exists():
                task.skip(tokens_of(shard))
                continue
            scores = score_cases(bench, [case for cases in shard for case in cases], task)
            write_records(
                path, [_with_answer(score, written.get((score.item, score.arm))) for score in scores], Score
            )
    return list(read_records(bench.folder, name, Score))


def _with_answer(score: Score, answer: Answer | None) -> Score:
    if answer is None:
        return score
    return replace(score, statement_exact=answer.exact, identifiers=answer.identifiers, answer=answer.text)


def _score(case: Case, found: TokenScores) -> Score:
    return Score(
        item=case.item.id,
        commit=case.item.commit,
        arm=case.arm,
        bits=-math.fsum(found.logprobs) / math.log(2),
        bytes=len(target_text(case.item.prefix, case.item.target).encode("utf-8")),
        tokens=len(case.target),
        top1=sum(found.top1),
        statement_exact=math.nan,
        identifiers=math.nan,
        answer="",
        logprobs=found.logprobs,
        right=found.top1,
        best=found.best,
    )
