"""What is served is what the engine says: the same tokens, streamed or not, alone or side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import httpx
import pytest

from inhouse.engines.base import GenerateRequest
from inhouse.models.tokenizer import Tokenizer
from inhouse.serving.service import Service
from tests.serving.conftest import NAMES, Served, make_adapter, serve
from tests.tiny import builtin_model

Answer = tuple[list[int], str, str, int]  # tokens, text, reason to finish, tokens of the prompt

PROMPTS = (
    "def area(width, height):", "class Reader:\n    def __init__(self", "import os, sys", "x = {", "\n", " ",
    "static int parse_header(", "return [int(value)", "# 漢字 🙂 naïve\n", "raise ValueError(", "# A",
    "The quick brown fox", "def f(a, b=1, *args, **kwargs) -> None:\n    ", "fn main() {\n    let",
    "<|im_end|>", "if __name__ ==", "assert result ==", "\tvoid *data;\n", "SELECT * FROM", "for (size_t i",
)  # fmt: skip


def _engine_answer(served: Served, adapter: str, prompt: tuple[int, ...], tokens: int) -> Answer:
    steps = list(served.engine.generate(GenerateRequest(prompt, tokens, adapter=adapter)))
    text = "".join(step.text for step in steps)
    return [step.id for step in steps], text, steps[-1].finish, len(prompt)


def _completion(served: Served, model: str, prompt: Any, tokens: int, *, stream: bool) -> Answer:
    ask = partial(served.client.completions.create, model=model, prompt=prompt)
    return _read(ask, tokens, stream, lambda choice: choice.text)


def _chat(served: Served, model: str, messages: Any, tokens: int, *, stream: bool) -> Answer:
    ask = partial(served.client.chat.completions.create, model=model, messages=messages)
    return _read(
        ask, tokens, stream, lambda choice: (choice.delta if stream else choice.message).content or ""
    )


def _read(ask: Any, tokens: int, stream: bool, text_of: Callable[[Any], str]) -> Answer:
    """Ask, and put the pieces together; the counts must be those of the tokens that came."""
    options: Any = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    reply = ask(max_tokens=tokens, temperature=0, extra_body={"return_token_ids": True}, **options)
    pieces = list(reply) if stream else [reply]
    choices = [choice for piece in pieces for choice in piece.choices]
    ids = [id_ for choice in choices for id_ in choice.token_ids]
    usage = pieces[-1].usage
    assert (usage.completion_tokens, usage.total_tokens) == (len(ids), usage.prompt_tokens + len(ids))
    return ids, "".join(map(text_of, choices)), choices[-1].finish_reason, usage.prompt_tokens


@pytest.mark.parametrize("name", ["tiny", "tiny-two"])
def test_twenty_prompts_give_exactly_the_engines_own_greedy_tokens(tiny: Served, name: str) -> None:
    answers = []
    for prompt in PROMPTS:
        ids = tuple(tiny.tokenizer.encode(prompt))
        expected = _engine_answer(tiny, NAMES[name], ids, 8)
        assert _completion(tiny, name, prompt, 8, stream=False) == expected
        assert _completion(tiny, name, list(ids), 8, stream=True) == expected
        messages = [{"role": "user", "content": prompt}]
        chat = tuple(tiny.tokenizer.chat(messages))
        expected_chat = _engine_answer(tiny, NAMES[name], chat, 8)
        assert _chat(tiny, name, messages, 8, stream=False) == expected_chat
        assert _chat(tiny, name, messages, 8, stream=True) == expected_chat
        answers += [expected, expected_chat]
    assert len(answers) == 40
    assert len({tuple(ids) for ids, *_ in answers}) > 20  # they do say different things


def test_every_name_answers_with_its_own_weights(tiny: Served) -> None:
    texts = {_completion(tiny, name, "def area", 12, stream=False)[1] for name in NAMES}
    assert len(texts) == len(NAMES)


def test_two_clients_that_stream_at_once_get_what_each_gets_alone(tiny: Served) -> None:
    long, short = ("tiny", "class Reader:", 250), ("tiny-one", "static int parse", 40)
    alone = [
        _completion(tiny, name, prompt, tokens, stream=True)[1] for name, prompt, tokens in (long, short)
    ]
    name, prompt, tokens = long
    stream = tiny.client.completions.create(
        model=name, prompt=prompt, max_tokens=tokens, temperature=0, stream=True
    )
    pieces = iter(stream)
    texts = [next(pieces).choices[0].text, next(pieces).choices[0].text]
    inside = _completion(tiny, *short[:2], short[2], stream=True)[1]
    health = httpx.get(tiny.url.removesuffix("/v1") + "/health").json()
    assert health["active"] == 1  # the short one came and went while the long one was being made
    texts += [piece.choices[0].text for piece in pieces]
    assert ["".join(texts), inside] == alone


def test_sampled_streams_of_a_random_model_hold_whole_characters_only(tiny: Served) -> None:
    options: Any = {"model": "tiny", "prompt": "def", "max_tokens": 150, "temperature": 2, "seed": 5}
    whole = tiny.client.completions.create(**options).choices[0].text
    pieces = [piece.choices[0].text for piece in tiny.client.completions.create(**options, stream=True)]
    assert "".join(pieces) == whole
    assert any(ord(character) > 127 for character in whole)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The embedded base model with a random adapter."""
    from inhouse.engines.torch_engine import TorchEngine

    model = builtin_model()
    tokenizer = Tokenizer.load(model.folder)
    engine = TorchEngine(model, tokenizer)
    folder = tmp_path_factory.mktemp("adapter")
    make_adapter(model, folder, seed=0)
    engine.load_adapter("digest", folder)
    names = {"base": "", "tuned": "digest"}
    service = Service(engine, tokenizer, names, None, 8192, 1, model_digest=model.digest)
    with ExitStack() as stack:
        yield serve(stack, service, engine, tokenizer)


@pytest.mark.model
def test_twenty_prompts_give_the_embedded_models_own_greedy_tokens(embedded: Served) -> None:
    for number, prompt in enumerate(PROMPTS):
        name, adapter = (("base", ""), ("tuned", "digest"))[number % 2]
        ids = tuple(embedded.tokenizer.encode(prompt))
        expected = _engine_answer(embedded, adapter, ids, 2)
        stream = number % 4 >= 2
        assert _completion(embedded, name, prompt, 2, stream=stream) == expected
