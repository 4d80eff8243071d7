from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch

from inhouse.engines import torch_engine
from inhouse.engines.base import Capabilities, GenerateRequest, ScoreRequest, Token
from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import builtin_model, make_tiny_adapter, make_tiny_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.models.resolve import BaseModel

CODE = """\
class Reader:
    def read(self):
        return [int(value) for value in self.lines if value != ""]

def area(width, height):
    return width * height
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tokenizer(base: BaseModel) -> Tokenizer:
    return Tokenizer.load(base.folder)


@pytest.fixture(scope="module")
def engine(base: BaseModel, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> TorchEngine:
    engine = TorchEngine(base, tokenizer, device="cpu")
    for number, name in enumerate(("first", "second.v2")):
        engine.load_adapter(name, make_tiny_adapter(tmp_path_factory.mktemp("adapter"), base, seed=number))
    return engine


@pytest.fixture(scope="module")
def real() -> TorchEngine:
    model = builtin_model()
    return TorchEngine(model, Tokenizer.load(model.folder), device="cpu")


@pytest.fixture(scope="module")
def plain(base: BaseModel) -> Any:
    return load(base)


def load(base: BaseModel) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32, local_files_only=True)


def forward(model: Any, request: ScoreRequest, start: int) -> tuple[list[float], list[bool]]:
    """Score with a plain forward pass over one row and all its logits."""
    context = request.context or (start,)
    with torch.inference_mode():
        logits = model(torch.tensor([context + request.target])).logits[0].log_softmax(-1)
    places = range(len(context) - 1, len(context) + len(request.target) - 1)
    pairs = list(zip(places, request.target, strict=True))
    return [float(logits[at, id_]) for at, id_ in pairs], [
        int(logits[at].argmax()) == id_ for at, id_ in pairs
    ]


def requests_of(tokenizer: Tokenizer, count: int, adapters: Sequence[str] = ("",)) -> list[ScoreRequest]:
    """Return requests of many lengths; the last has no context."""
    ids = tokenizer.encode(CODE)
    shapes = [(3 * number + 1, 2 + number % 7) for number in range(count - 1)] + [(0, 5)]
    return [
        ScoreRequest(
            tuple(ids[:context]), tuple(ids[context : context + target]), adapters[n % len(adapters)]
        )
        for n, (context, target) in enumerate(shapes)
    ]


def prompts_of(tokenizer: Tokenizer, count: int, **settings: Any) -> list[GenerateRequest]:
    ids = tokenizer.encode(CODE)
    return [GenerateRequest(tuple(ids[: 4 * number + 1]), 24, **settings) for number in range(count)]


def text_of(tokens: Iterator[Token]) -> str:
    return "".join(token.text for token in tokens)


def greedy(model: Any, request: GenerateRequest, tokenizer: Tokenizer) -> list[int]:
    """Return what transformers generates, its end mark included."""
    row = model.generate(
        torch.tensor([request.prompt]),
        attention_mask=torch.ones(1, len(request.prompt), dtype=torch.long),
        max_new_tokens=request.max_new_tokens,
        do_sample=False,
        eos_token_id=sorted(tokenizer.ends),
        pad_token_id=tokenizer.pad,
    )[0]
    new: list[int] = row[len(request.prompt) :].tolist()
    return new


def test_an_engine_says_what_it_can(engine: TorchEngine) -> None:
    assert engine.capabilities == Capabilities(
        scores=True, adapters=True, device="cpu", dtype="float32", window=2048
    )


# ------------------------------------------------------------------ scores


def test_scores_are_those_of_a_plain_forward_pass(
    engine: TorchEngine, tokenizer: Tokenizer, plain: Any
) -> None:
    requests = requests_of(tokenizer, 20)
    for request, scores in zip(requests, engine.score(requests), strict=True):
        logprobs, top1 = forward(plain, request, tokenizer.start)
        assert scores.logprobs == pytest.approx(logprobs, abs=1e-5)
        assert list(scores.top1) == top1


def test_a_batch_scores_each_row_as_if_alone(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    requests = requests_of(tokenizer, 20, ("", "first", "second.v2"))
    together = engine.score(requests)
    for request, scores in zip(requests, together, strict=True):
        alone = engine.score([request])[0]
        assert scores.logprobs == pytest.approx(alone.logprobs, abs=1e-5)
        assert scores.top1 == alone.top1


def test_a_target_without_context_follows_the_end_of_a_document(
    engine: TorchEngine, tokenizer: Tokenizer
) -> None:
    target = tuple(tokenizer.encode("return x"))
    assert engine.score([ScoreRequest((), target)]) == engine.score([ScoreRequest((0,), target)])


def test_an_empty_target_has_no_scores(engine: TorchEngine) -> None:
    scores = engine.score([ScoreRequest((5, 6), ()), ScoreRequest((), ())])
    assert [each.logprobs for each in scores] == [(), ()]


def test_only_target_positions_become_logits_and_only_a_slice_at_a_time(
    engine: TorchEngine, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = requests_of(tokenizer, 20)
    whole = engine.score(requests)
    rows: list[int] = []
    head = engine._model.get_output_embeddings()
    handle = head.register_forward_hook(lambda module, inputs, output: rows.append(output.numel() // 512))
    monkeypatch.setattr(torch_engine, "_LOGIT_BYTES", 4 * 512 * 6)  # six rows of this vocabulary
    sliced = engine.score(requests)
    handle.remove()
    assert sum(rows) == sum(len(request.target) for request in requests)
    assert max(rows) == 6
    for one, other in zip(whole, sliced, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-6)


def test_batches_have_one_adapter_and_bounded_size_longest_first() -> None:
    requests = [GenerateRequest((1,), 1, adapter=name) for name in ("b", "a", "a", "a", "", "a")]
    lengths = [9, 2, 5, 4, 3, 4]
    assert list(torch_engine._batches(requests, lengths, 10, 8)) == [[4], [2, 3], [5, 1], [0]]
    assert list(torch_engine._batches(requests, lengths, 100, 3)) == [[4], [2, 3, 5], [1], [0]]
    assert list(torch_engine._batches(requests, lengths, 1, 3)) == [[4], [2], [3], [5], [1], [0]]


def test_done_is_told_once_for_each_request(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    done: list[int] = []
    engine.score(requests_of(tokenizer, 9), done.append)
    assert sorted(done) == list(range(9))
    done.clear()
    engine.complete(prompts_of(tokenizer, 5), done.append)
    assert sorted(done) == list(range(5))


# ------------------------------------------------------------------ greedy and sampled answers


def test_greedy_answers_are_those_of_transformers(
    engine: TorchEngine, tokenizer: Tokenizer, plain: Any
) -> None:
    for request in prompts_of(tokenizer, 5):
        assert [token.id for token in engine.generate(request)] == greedy(plain, request, tokenizer)


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.8, "top_p": 0.9, "seed": 7}, {"stop": ("e",)}])
def test_a_batch_answers_each_row_as_if_alone(
    engine: TorchEngine, tokenizer: Tokenizer, settings: dict[str, Any]
) -> None:
    requests = [
        dataclasses.replace(request, adapter=name, max_new_tokens=8 + number)
        for number, request in enumerate(prompts_of(tokenizer, 5, **settings))
        for name in ("", "first")
    ]
    texts = [answer.text for answer in engine.complete(requests)]
    assert texts == [text_of(engine.generate(request)) for request in requests]


def test_log_probabilities_are_those_of_scoring(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    request = dataclasses.replace(prompts_of(tokenizer, 3)[-1], temperature=1.5, seed=1)
    tokens = list(engine.generate(request))
    scored = engine.score([ScoreRequest(request.prompt, tuple(token.id for token in tokens))])[0]
    assert [token.logprob for token in tokens] == pytest.approx(scored.logprobs, abs=1e-4)


def test_seeds_decide_what_is_sampled(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    request = dataclasses.replace(prompts_of(tokenizer, 3)[-1], temperature=1.0)
    answers = [
        text_of(engine.generate(dataclasses.replace(request, seed=seed, max_new_tokens=12)))
        for seed in (1, 1, 2)
    ]
    assert answers[0] == answers[1] != answers[2]


def test_the_last_token_says_why_the_answer_ended(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    request = prompts_of(tokenizer, 4)[-1]
    tokens = list(engine.generate(request))
    assert [token.finish for token in tokens] == [""] * 23 + ["length"]
    whole = text_of(iter(tokens))
    stop = whole[5:8]
    stopped = list(engine.generate(dataclasses.replace(request, stop=(stop,))))
    assert text_of(iter(stopped)) == whole[: whole.index(stop)]
    assert stopped[-1].finish == "stop"


def test_an_end_mark_ends_the_answer_and_is_part_of_it(
    engine: TorchEngine, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = prompts_of(tokenizer, 4)[-1]
    third = list(engine.generate(request))[2].id
    monkeypatch.setattr(tokenizer, "ends", frozenset([third]))
    tokens = list(engine.generate(request))
    assert [token.finish for token in tokens] == [""] * (len(tokens) - 1) + ["stop"]
    assert tokens[-1].id == third
    assert len(tokens) <= 3


def test_a_cancelled_answer_ends_between_two_tokens(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    answers = iter([False, False, False, True])
    tokens = list(engine.generate(prompts_of(tokenizer, 4)[-1], lambda: next(answers)))
    assert [token.finish for token in tokens] == ["", "", ""]


def test_an_answer_that_nobody_reads_blocks_nobody(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    request = prompts_of(tokenizer, 4)[-1]
    abandoned = engine.generate(request)
    first = next(abandoned)
    assert next(engine.generate(request)) == first
    assert len(engine.score(requests_of(tokenizer, 2))) == 2


def test_an_answer_ends_where_the_window_is_full(engine: TorchEngine) -> None:
    tokens = list(engine.generate(GenerateRequest((9,) * 2045, 50)))
    assert len(tokens) <= 3
    assert tokens[-1].finish in ("length", "stop")


def test_what_is_longer_than_the_window_is_refused_before_anything_runs(engine: TorchEngine) -> None:
    with pytest.raises(UserMistake, match="reads at most 2048 tokens: 2049"):
        engine.generate(GenerateRequest((9,) * 2048, 1))
    with pytest.raises(UserMistake, match="reads at most 2048 tokens: 2049"):
        engine.score([ScoreRequest((9,) * 2000, (9,) * 49)])


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}, {"max_new_tokens": 0}]
)
def test_impossible_requests_are_refused_at_the_call(engine: TorchEngine, wrong: dict[str, Any]) -> None:
    with pytest.raises(UserMistake):
        engine.generate(dataclasses.replace(GenerateRequest((9,), 4), **wrong))


def test_threads_get_their_own_answers(engine: TorchEngine, tokenizer: Tokenizer) -> None:
    names = ("", "first", "second.v2", "first")
    requests = [dataclasses.replace(prompts_of(tokenizer, 3)[-1], adapter=name) for name in names]
    expected = [text_of(engine.generate(request)) for request in requests]
    answers = [""] * len(requests)

    def work(number: int) -> None:
        answers[number] = text_of(engine.generate(requests[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == expected
    assert len(set(expected)) == 3


# ------------------------------------------------------------------ the model itself


def test_a_tokenizer_of_another_model_is_refused(base: BaseModel, tokenizer: Tokenizer) -> None:
    larger = Tokenizer.load(base.folder)
    larger.vocabulary_size = 513
    with pytest.raises(UserMistake, match="has 512 embeddings for 513 tokens"):
        TorchEngine(base, larger)


def test_a_model_that_changes_its_logits_afterwards_is_refused(
    base: BaseModel, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        initializer_range=1.0,
        final_logit_softcapping=5.0,
    )
    model = Gemma2ForCausalLM(config)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", lambda *_, **__: model)
    with pytest.raises(UserMistake, match="changes them afterwards"):
        TorchEngine(base, tokenizer, device="cpu")


@pytest.mark.model
def test_the_embedded_model_answers_as_in_transformers(real: TorchEngine) -> None:
    tokenizer = real._tokenizer
    question = {"role": "user", "content": "Write a Python function that adds two numbers."}
    request = GenerateRequest(tuple(tokenizer.chat([question])), 8)
    tokens = list(real.generate(request))
    assert [token.id for token in tokens] == greedy(real._model, request, tokenizer)
    assert text_of(iter(tokens)).startswith("```python\ndef ")


@pytest.mark.model
def test_the_embedded_model_scores_as_in_transformers(real: TorchEngine) -> None:
    requests = requests_of(real._tokenizer, 3)
    for request, scores in zip(requests, real.score(requests), strict=True):
        logprobs, top1 = forward(real._model, request, real._tokenizer.start)
        assert scores.logprobs == pytest.approx(logprobs, abs=1e-4)
        assert list(scores.top1) == top1


@pytest.mark.model
def test_the_embedded_model_answers_a_batch_as_one_by_one(real: TorchEngine) -> None:
    requests = [dataclasses.replace(each, max_new_tokens=5) for each in prompts_of(real._tokenizer, 3)]
    texts = [answer.text for answer in real.complete(requests)]
    assert texts == [text_of(real.generate(request)) for request in requests]
