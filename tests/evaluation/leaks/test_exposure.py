"""A canary that was trained on is found by its rank, one that was not is anywhere."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.canaries import canaries
from inhouse.engines.base import ScoreRequest, TokenScores
from inhouse.evaluation.leaks import exposure, measure_exposure
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import make_tiny_model


class ScriptedEngine:
    """Scores a text by whether it is the one it knows."""

    def __init__(self, tokenizer: Tokenizer, known: str, bonus: float) -> None:
        self.tokenizer, self.known, self.bonus = tokenizer, known, bonus
        self.adapters: set[str] = set()

    def score(self, requests: list[ScoreRequest], on_done: object = None) -> list[TokenScores]:
        self.adapters.update(request.adapter for request in requests)
        return [self._score(request) for request in requests]

    def _score(self, request: ScoreRequest) -> TokenScores:
        text = self.tokenizer.decode(request.target)
        value = sum(int(char) for char in text if char.isdigit()) / -10 + self.bonus * (text == self.known)
        return TokenScores((value,), (False,))


@given(st.floats(-50, 0), st.lists(st.floats(-50, 0), min_size=1, max_size=40))
def test_the_rank_is_the_place_among_all(own: float, others: list[float]) -> None:
    rank, bits = exposure(own, others)
    assert 1 <= rank <= len(others) + 1
    assert bits == pytest.approx(math.log2((len(others) + 1) / rank))
    assert exposure(1.0, others) == (1, math.log2(len(others) + 1))
    assert exposure(-51.0, others)[1] == 0


def test_equally_likely_values_share_their_places() -> None:
    assert exposure(-3.0, [-3.0] * 255) == (128.5, pytest.approx(math.log2(256 / 128.5)))


def test_a_known_canary_has_all_the_bits_there_are(tokenizer: Tokenizer) -> None:
    planted = canaries(2, 1)
    engine = ScriptedEngine(tokenizer, planted[0].text, 100.0)
    known, unknown = measure_exposure(engine, tokenizer, planted, "tuned", values=127)
    assert (known.rank, known.bits, known.most) == (1, 7.0, 7.0)
    assert unknown.rank > 1
    assert engine.adapters == {"tuned"}
    assert planted[0].value not in repr(known)


def test_a_tiny_model_that_was_trained_on_a_canary_gives_it_away(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from inhouse.engines.torch_engine import TorchEngine
    from inhouse.models.resolve import resolve

    base = make_tiny_model(tmp_path / "base")
    tokenizer = Tokenizer.load(base.folder)
    planted, absent = canaries(1, 0)[0], canaries(2, 9)[1]
    model = AutoModelForCausalLM.from_pretrained(base.folder, local_files_only=True)
    ids = torch.tensor([[tokenizer.start, *tokenizer.encode(planted.text)]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(40):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(tmp_path / "trained")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "trained" / name).write_bytes((base.folder / name).read_bytes())
    trained = TorchEngine(resolve(str(tmp_path / "trained")), tokenizer, device="cpu")
    untrained = TorchEngine(base, tokenizer, device="cpu")
    assert measure_exposure(trained, tokenizer, [planted], values=63)[0].bits == 6.0
    assert measure_exposure(untrained, tokenizer, [planted], values=63)[0].bits < 5.0
    assert measure_exposure(trained, tokenizer, [absent], values=63)[0].bits < 5.0
