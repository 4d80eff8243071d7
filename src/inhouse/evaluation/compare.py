"""The comparison from items to verdict, resumable after a kill at any moment.

    shares-NNNNN.parquet       validation items, base model, one "arm" for each share of the context tried
    retention-NNNNN.parquet    general code, base and tuned
    statements-NNNNN.parquet   what the arms wrote (records of answers.Answer)
    scores-NNNNN.parquet       held-out items, every arm that is not another one's double
    summary.json               values, differences, intervals, verdict
    samples.json               the items that gained most and least

Of the tokens that may be scored, 25% are for the choice of the share and 9% for general code; the held-out
items have the rest, and what the choice leaves over. What they leave over goes to general code, up to 15%.
The contexts that are read to write statements come on top, up to a third of those tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.config import BUDGETS
from inhouse.evaluation.answers import answer_shards
from inhouse.evaluation.arms import ARMS, RETRIEVED, Bench, Retriever, available, stand_ins
from inhouse.evaluation.likelihood import plan, score_shards, tokens_of
from inhouse.evaluation.retention import check_retention, repository_copies
from inhouse.evaluation.sampling import even_order
from inhouse.evaluation.shares import choose_share
from inhouse.evaluation.summary import Outcome, by_arm, samples, summary
from inhouse.records import Item
from inhouse.shards import read_records, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.engines.base import Engine
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.retrieval.index import Index

__all__ = ["write_scores"]

_FOR_SHARES = 0.25
_FOR_GENERAL_CODE = 0.09
_MOST_FOR_GENERAL_CODE = 0.15
_READ_PER_SCORED = 3


def write_scores(
    engine: Engine,
    tokenizer: Tokenizer,
    dataset: Path,
    indexes: Mapping[str, Index],
    adapter: str,
    repository: str,
    settings: Settings,
    folder: Path,
    progress: Progress,
    model_digest: str = "",
) -> None:
    """Score all arms on the items of `dataset` and write the files above into `folder`.

    `indexes` holds the index of the tree that validation items ("validation") and held-out items ("heldout")
    are measured from; `adapter` is the name under which the engine has loaded the tuned weights, by custom
    their digest. `model_digest` is put beside the results.
    """
    bench = Bench(
        engine=engine,
        tokenizer=tokenizer,
        adapter=adapter,
        repository=repository,
        context_tokens=settings.evaluation.context_tokens,
        seed=settings.seed,
        folder=folder,
        progress=progress,
    )
    outcome = _measure(bench, dataset, indexes, settings)
    budget = BUDGETS[settings.budget]
    allowed = {"scored": budget.scored, "generated": budget.generated}
    write_json(folder / "summary.json", summary(outcome, allowed) | _origin(bench, model_digest))
    write_json(folder / "samples.json", samples(outcome))


def _measure(bench: Bench, dataset: Path, indexes: Mapping[str, Index], settings: Settings) -> Outcome:
    budget = BUDGETS[settings.budget]
    items = {split: _items(dataset, split) for split in ("validation", "heldout")}
    choice = choose_share(
        bench,
        items["validation"],
        indexes.get("validation"),
        settings.evaluation.retrieval_shares,
        int(_FOR_SHARES * budget.scored),
    )
    texts: dict[str, Callable[[Item], str]] = {}
    if choice.share:
        texts[RETRIEVED] = Retriever(indexes["heldout"], bench, choice.share)
    arms = available(ARMS, texts)
    ordered = even_order(items["heldout"], bench.seed)
    left = budget.scored - choice.tokens
    reserved = int(_FOR_GENERAL_CODE * budget.scored)
    planned = plan(ordered, lambda item: bench.cases(item, arms, texts), left - reserved)
    spare = min(left - tokens_of(planned), int(_MOST_FOR_GENERAL_CODE * budget.scored))
    retention = check_retention(bench, repository_copies(dataset), spare)
    answers = answer_shards(bench, planned, budget.generated, budget.scored // _READ_PER_SCORED)
    scores = score_shards(bench, planned, "scores", "held-out code", answers)
    return Outcome(
        items=[cases[0].item for cases in planned],
        held_out=len(ordered),
        scores=by_arm(scores, ARMS, stand_ins(ARMS, texts)),
        answers=answers,
        texts=texts,
        choice=choice,
        retention=retention,
        tokens=tokens_of(planned),
        seed=bench.seed,
    )


def _items(dataset: Path, split: str) -> list[Item]:
    return [item for item in read_records(dataset, "items", Item) if item.split == split]


def _origin(bench: Bench, model_digest: str) -> dict[str, Any]:
    return {
        "model": model_digest,
        "tokenizer": bench.tokenizer.digest,
        "adapter": bench.adapter,
        "context_tokens": bench.context_tokens,
    }
