from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from inhouse.engines.base import GenerateRequest
from inhouse.engines.torch_generation import Answer, Rows
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

LOGITS = torch.tensor([0.5, 0.2, 0.2, 0.1]).log()


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    write_tokenizer(tmp_path)
    return Tokenizer.load(tmp_path)


def draws(tokenizer: Tokenizer, count: int = 4000, **settings: float) -> list[float]:
    """Return how often each token is chosen."""
    request = GenerateRequest((1,), 1, **settings)  # type: ignore[arg-type]
    answer = Answer(request, tokenizer, 1, torch.device("cpu"))
    chosen = [answer.choose(LOGITS, 0) for _ in range(count)]
    return [chosen.count(token) / count for token in range(4)]


def test_sampling_follows_the_models_distribution(tokenizer: Tokenizer) -> None:
    # four standard errors of 4,000 draws are at most 0.032
    assert draws(tokenizer, temperature=1.0) == pytest.approx([0.5, 0.2, 0.2, 0.1], abs=0.032)


def test_temperature_divides_the_logits(tokenizer: Tokenizer) -> None:
    squared = [0.25 / 0.34, 0.04 / 0.34, 0.04 / 0.34, 0.01 / 0.34]
    assert draws(tokenizer, temperature=0.5) == pytest.approx(squared, abs=0.032)


def test_the_nucleus_is_the_smallest_set_that_holds_top_p(tokenizer: Tokenizer) -> None:
    assert draws(tokenizer, 500, temperature=1.0, top_p=0.3)[1:] == [0, 0, 0]
    assert draws(tokenizer, 500, temperature=1.0, top_p=0.5)[1:] == [0, 0, 0]
    assert draws(tokenizer, temperature=1.0, top_p=0.6) == pytest.approx([5 / 7, 2 / 7, 0, 0], abs=0.032)


def test_temperature_zero_takes_the_likeliest(tokenizer: Tokenizer) -> None:
    assert draws(tokenizer, 5, temperature=0.0) == [1, 0, 0, 0]


def test_a_seed_gives_the_same_answer_again(tokenizer: Tokenizer) -> None:
    first = draws(tokenizer, 50, temperature=1.0, seed=3)
    assert draws(tokenizer, 50, temperature=1.0, seed=3) == first
    assert draws(tokenizer, 50, temperature=1.0, seed=4) != first


def test_every_end_mark_ends_the_answer_and_is_no_text(tokenizer: Tokenizer) -> None:
    for end in (0, 2):
        answer = Answer(GenerateRequest((1,), 9), tokenizer, 9, torch.device("cpu"))
        assert answer.add(tokenizer.encode("a")[0]) == ("a", "")
        assert answer.add(end) == ("", "stop")
        assert answer.text == "a"


def test_the_limit_ends_the_answer(tokenizer: Tokenizer) -> None:
    answer = Answer(GenerateRequest((1,), 9, stop=("ab",)), tokenizer, 1, torch.device("cpu"))
    assert answer.add(tokenizer.encode("a")[0]) == ("a", "length")


def test_padding_does_not_move_rows_of_a_model_with_absolute_positions() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=64, n_positions=32, n_embd=32, n_layer=2, n_head=2, initializer_range=0.5)
    model = GPT2LMHeadModel(config).eval()
    prompts = [(5, 6, 7, 8, 9, 10), (11, 12)]
    with torch.inference_mode():
        together = Rows(prompts, 0, model)
        together.next_logits()
        together.extend([3, 4], [0, 1])
        logits = together.next_logits()
        for number, (prompt, new) in enumerate(zip(prompts, (3, 4), strict=True)):
            alone = model(torch.tensor([[*prompt, new]])).logits[0, -1]
            assert torch.allclose(logits[number], alone, atol=1e-4)
