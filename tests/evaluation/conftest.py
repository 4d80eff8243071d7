"""A tokenizer, an engine that counts, an index and items, made once and quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inhouse.digests import digest_text
from inhouse.evaluation.arms import Bench
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.retrieval.index import Index
from tests.evaluation.counting import CountingEngine
from tests.evaluation.planted import plant
from tests.tiny import write_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.evaluation.planted import Planted


CONTEXT_TOKENS = 1_000  # the tokenizer below knows little more than bytes


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return Tokenizer.load(folder)


@pytest.fixture(scope="session")
def planted() -> Planted:
    return plant()


@pytest.fixture(scope="session")
def index(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = Index.open(tmp_path_factory.mktemp("index") / "cut.db")
    opened.update((path, digest_text(text), text) for path, text in sorted(planted.tree().items()))
    yield opened
    opened.close()


@pytest.fixture
def engine(tokenizer: Tokenizer, planted: Planted) -> CountingEngine:
    counting = CountingEngine(tokenizer)
    counting.learn("tuned", list(planted.tree().values()))
    return counting


@pytest.fixture
def bench(engine: CountingEngine, tokenizer: Tokenizer, tmp_path: Path) -> Bench:
    return Bench(
        engine=engine,
        tokenizer=tokenizer,
        adapter="tuned",
        repository="ledgerkit",
        context_tokens=CONTEXT_TOKENS,
        seed=0,
        folder=tmp_path,
        progress=Progress.silent(),
    )
