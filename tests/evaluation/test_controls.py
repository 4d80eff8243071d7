"""Controls with the real base model: what must help does, what cannot help does not.

One training of about 1,000 tokens on a planted repository serves two controls; all scoring, about 14,000
tokens, is done once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from rank_bm25 import BM25Okapi

from inhouse.digests import digest_text
from inhouse.evaluation.arms import RETRIEVED, Arm, Bench, Retriever
from inhouse.evaluation.likelihood import plan, score_shards
from inhouse.evaluation.measures import BITS, MEASURES, difference_of, value_of
from inhouse.evaluation.retention import check_retention
from inhouse.evaluation.significance import sign
from inhouse.progress import Progress
from inhouse.records import Hit
from inhouse.retrieval.chunking import chunk_file
from inhouse.retrieval.context import assemble
from inhouse.retrieval.index import Index
from inhouse.retrieval.query import code_query
from tests.evaluation.planted import plant
from tests.evaluation.tuning import tune
from tests.tiny import builtin_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.evaluation.retention import Retention
    from inhouse.evaluation.statistics import Estimate
    from inhouse.records import Item, Score

pytestmark = pytest.mark.model

ITEMS = 9
LINES = 6  # of a target
SHARE = 0.5
ARMS = (
    Arm("base", tuned=False),
    Arm("retrieval", tuned=False, text=RETRIEVED),
    Arm("bm25", tuned=False, text="bm25"),
    Arm("oracle", tuned=False, text="oracle"),
    Arm("tuned", tuned=True),
)


@dataclass(frozen=True)
class Controls:
    scores: Mapping[str, list[Score]]
    unrelated: Retention

    def difference(self, first: str, second: str) -> Estimate:
        return difference_of(self.scores[first], self.scores[second], MEASURES[BITS])


class PlainBm25:
    """The textbook ranking over the same chunks, put into the same share of the context."""

    def __init__(self, files: Mapping[str, str], bench: Bench) -> None:
        self.bench = bench
        self.chunks = [chunk for path, text in sorted(files.items()) for chunk in chunk_file(path, text)]
        self.ranking = BM25Okapi([words(f"{chunk.path} {chunk.text}") for chunk in self.chunks])

    def __call__(self, item: Item) -> str:
        scores = self.ranking.get_scores(words(code_query(item.message, item.path, item.prefix[-2000:])))
        order = sorted(range(len(scores)), key=lambda number: -scores[number])[:10]
        hits = [Hit(self.chunks[number], float(scores[number]), "") for number in order]
        budget = int(SHARE * self.bench.context_tokens)
        visible = self.bench.context(item, "", self.bench.context_tokens - budget)
        tokenizer = self.bench.tokenizer
        already = tokenizer.decode(visible)
        return assemble(hits, budget, lambda text: len(tokenizer.encode(text)), already=already).text


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.fixture(scope="module")
def controls(tmp_path_factory):
    from inhouse.engines.torch_engine import TorchEngine
    from inhouse.models.tokenizer import Tokenizer

    model = builtin_model()
    tokenizer = Tokenizer.load(model.folder)
    planted = plant()
    folder = tmp_path_factory.mktemp("controls")
    adapter = tune(model, tokenizer, "ledgerkit", planted.tree(), folder / "training", tokens=1024)
    engine = TorchEngine(model, tokenizer)
    engine.load_adapter("planted", adapter)
    bench = Bench(engine, tokenizer, "planted", "ledgerkit", 192, 0, folder, Progress.silent())
    index = Index.open(folder / "cut.db")
    index.update((path, digest_text(text), text) for path, text in sorted(planted.tree().items()))
    texts = {
        RETRIEVED: Retriever(index, bench, SHARE),
        "bm25": PlainBm25(planted.tree(), bench),
        "oracle": lambda item: item.target,
    }
    items = [shortened(item) for item in planted.items()[:ITEMS]]
    scores = score_shards(
        bench, plan(items, lambda item: bench.cases(item, ARMS, texts), 10**6), "own", "own"
    )
    index.close()
    return Controls(
        scores={arm.name: [score for score in scores if score.arm == arm.name] for arm in ARMS},
        unrelated=check_retention(bench, lambda _: False, 5_000),
    )


def shortened(item: Item) -> Item:
    return replace(item, target="".join(islice(item.target.splitlines(keepends=True), LINES)))


def test_planted_conventions_are_learnt(controls):
    gain = controls.difference("tuned", "base")
    assert gain.high < -0.05
    assert gain.commits == ITEMS


def test_an_adapter_of_another_repository_does_not_help(controls):
    """The same adapter, on code that shares nothing with what it was trained on."""
    unrelated = controls.unrelated.difference
    assert unrelated.commits >= 10
    assert sign(unrelated) >= 0
    assert unrelated.value > -0.02


def test_context_that_holds_the_answer_helps(controls):
    assert controls.difference("oracle", "base").high < -0.1
    assert controls.difference("oracle", "retrieval").high < 0


def test_retrieval_is_no_worse_than_plain_bm25(controls):
    worse = controls.difference("retrieval", "bm25")
    assert sign(worse) <= 0
    assert worse.value < 0.03 * value_of(controls.scores["bm25"], MEASURES[BITS]).value
