"""Batches with shared prompts: each answer is the one that it would be alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from transformers.cache_utils import DynamicLayer

from inhouse.engines import torch_engine
from inhouse.engines.base import GenerateRequest
from inhouse.engines.torch_engine import TorchEngine
from inhouse.engines.torch_generation import Rows, _Buffered
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import make_tiny_adapter, make_tiny_model

if TYPE_CHECKING:
    from inhouse.models.resolve import BaseModel

TEXTS = ("def area(width, height):\n", "class Reader:\n    def read(self):\n", "int main", "x")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def engine(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> TorchEngine:
    engine = TorchEngine(base, Tokenizer.load(base.folder), device="cpu")
    engine.load_adapter("tuned", make_tiny_adapter(tmp_path_factory.mktemp("adapter"), base))
    return engine


def requests(engine: TorchEngine) -> list[GenerateRequest]:
    """Four prompts, each asked greedily and three times at random, of the base and of the adapter."""
    prompts = [tuple(engine._tokenizer.encode(text)) for text in TEXTS]
    greedy = [GenerateRequest(prompt, 12 + 5 * place) for place, prompt in enumerate(prompts)]
    drawn = [
        replace(one, temperature=0.9, top_p=top_p, seed=seed)
        for one in greedy
        for seed, top_p in ((1, 1.0), (2, 0.9), (3, 0.5))
    ]
    return [replace(one, adapter=name) for name in ("", "tuned") for one in (*greedy, *drawn)]


def test_an_answer_in_a_batch_with_shared_prompts_is_the_one_alone(engine: TorchEngine) -> None:
    asked = requests(engine)
    alone = [engine.complete([one])[0] for one in asked]
    assert engine.complete(asked) == alone
    assert len({one.tokens for one in alone}) > len(TEXTS)


def test_what_is_told_of_an_answer_is_what_streaming_says(engine: TorchEngine) -> None:
    for one in requests(engine)[:8]:
        steps = list(engine.generate(one))
        answer = engine.complete([one])[0]
        assert answer.tokens == tuple(step.id for step in steps)
        assert answer.text == "".join(step.text for step in steps)
        assert answer.finish == steps[-1].finish


def test_a_shared_prompt_is_read_once(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    class Watched(Rows):
        def next_logits(self) -> torch.Tensor:
            shapes.append(tuple(self._new.shape))
            return super().next_logits()

    monkeypatch.setattr(torch_engine, "Rows", Watched)
    prompt = tuple(engine._tokenizer.encode(TEXTS[0]))
    engine.complete([GenerateRequest(prompt, 4, temperature=1.0, seed=seed) for seed in range(6)])
    assert shapes[0] == (1, len(prompt))
    assert all(rows <= 6 and new == 1 for rows, new in shapes[1:])


def test_buffered_keys_and_values_are_those_of_the_library() -> None:
    draw = torch.Generator().manual_seed(0)
    ours, theirs = _Buffered(), DynamicLayer()
    for new in (7, 1, 1, 80, 1, 1):
        step = [torch.randn((3, 2, new, 4), generator=draw) for _ in range(2)]
        for mine, other in zip(ours.update(*step), theirs.update(*step), strict=True):
            assert torch.equal(mine, other)
    for rows in ([2, 0], [1, 1, 0], [2, 1, 0]):
        for layer in (ours, theirs):
            layer.batch_select_indices(torch.tensor(rows))
        step = [torch.randn((len(rows), 2, 1, 4), generator=draw) for _ in range(2)]
        for mine, other in zip(ours.update(*step), theirs.update(*step), strict=True):
            assert torch.equal(mine, other)
    assert ours.get_seq_length() == theirs.get_seq_length() == 94


def test_rows_that_were_dropped_do_not_write_into_those_that_stay() -> None:
    layer = _Buffered()
    first = layer.update(torch.zeros(2, 1, 3, 4), torch.zeros(2, 1, 3, 4))[0]
    layer.batch_select_indices(torch.tensor([0, 0]))
    keys, _ = layer.update(torch.ones(2, 1, 1, 4), torch.ones(2, 1, 1, 4))
    assert first.shape == (2, 1, 3, 4)
    assert float(first.sum()) == 0.0
    assert float(keys.sum()) == 8.0
