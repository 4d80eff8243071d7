from __future__ import annotations

from typing import Any

import pytest

from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Chunk
from inhouse.retrieval.context import Context
from inhouse.serving.protocol import ApiError, ChatRequest, CompletionRequest
from inhouse.serving.service import Prepared, Service
from tests.serving.doubles import ParrotEngine

CONTEXT = 400
CHUNK = Chunk("src/area.py", "python", "area", (), (), 3, 9, 0, 10, "def area(width, height):\n")


class Library:
    """Finds the same line as often as it fits, and remembers what it was asked."""

    def __init__(self, tokenizer: Tokenizer, line: str = "def area(width, height):\n") -> None:
        self._tokenizer = tokenizer
        self._line = line
        self.asked: list[tuple[str, int, str]] = []

    def __call__(self, query: str, budget: int, already: str) -> Context:
        self.asked.append((query, budget, already))
        times = 0
        while len(self._tokenizer.encode(self._line * (times + 1))) <= budget:
            times += 1
        text = self._line * times
        return Context(text, len(self._tokenizer.encode(text)), (CHUNK,) * bool(times))


def _service(tokenizer: Tokenizer, library: Library | None = None, names: Any = None) -> Service:
    names = {"base": "", "tuned": "d1"} if names is None else names
    engine = ParrotEngine(tokenizer, "x")
    return Service(engine, tokenizer, names, library, CONTEXT, 7, model_digest="m")


def _chat(service: Service, *messages: tuple[str, str], **options: Any) -> Prepared:
    turns = [{"role": role, "content": content} for role, content in messages]
    return service.prepare_chat(ChatRequest.model_validate({"model": "base", "messages": turns, **options}))


def _completion(service: Service, prompt: Any, **options: Any) -> Prepared:
    body = {"model": "base", "prompt": prompt, **options}
    return service.prepare_completion(CompletionRequest.model_validate(body))


def _refusal(caught: pytest.ExceptionInfo[ApiError]) -> tuple[int, str | None, str | None]:
    error = caught.value.body["error"]
    return caught.value.status, error["param"], error["code"]


# ------------------------------------------------------------ names


def test_every_name_is_listed_and_with_an_index_once_more_with_retrieval(tokenizer: Tokenizer) -> None:
    def listed(service: Service) -> list[str]:
        return [card.id for card in service.models().data]

    assert listed(_service(tokenizer)) == ["base", "tuned"]
    with_index = _service(tokenizer, Library(tokenizer))
    assert listed(with_index) == ["base", "tuned", "base+retrieval", "tuned+retrieval"]
    assert with_index.model("tuned+retrieval").created == 7


def test_a_name_that_is_no_model_is_refused_with_all_names_and_the_nearest(tokenizer: Tokenizer) -> None:
    service = _service(tokenizer)
    for name, hint in (
        ("tunde", "; did you mean tuned?"),
        ("base+retrieval", None),
        ("", None),
        ("d1", None),
    ):
        with pytest.raises(ApiError) as caught:
            service.model(name)
        assert _refusal(caught) == (404, "model", "model_not_found")
        assert "The names are: base, tuned" in str(caught.value)
        assert hint is None or hint in str(caught.value)


def test_the_public_name_chooses_the_adapter_by_its_digest(tokenizer: Tokenizer) -> None:
    service = _service(tokenizer, Library(tokenizer))
    for name, digest in (("base", ""), ("tuned", "d1"), ("tuned+retrieval", "d1")):
        prepared = _completion(service, "x", model=name)
        assert prepared.request.adapter == digest
        assert prepared.head.info.adapter_digest == (digest or None)
        assert (prepared.head.model, prepared.head.info.model_digest) == (name, "m")


@pytest.mark.parametrize("names", [{}, {"": ""}, {"x+retrieval": ""}])
def test_a_service_without_usable_names_is_refused(tokenizer: Tokenizer, names: dict[str, str]) -> None:
    with pytest.raises(UserMistake):
        _service(tokenizer, names=names)


# ------------------------------------------------------------ sampling


def test_defaults_are_those_of_the_openai_api_and_the_seed_is_told(tokenizer: Tokenizer) -> None:
    first, second = (_completion(_service(tokenizer), "x") for _ in range(2))
    assert (first.request.temperature, first.request.top_p, first.request.stop) == (1.0, 1.0, ())
    assert first.request.max_new_tokens == 16
    assert first.request.seed != second.request.seed
    assert first.head.info.seed == first.request.seed


def test_given_values_reach_the_engine(tokenizer: Tokenizer) -> None:
    options = {"temperature": 0, "top_p": 0.5, "seed": -3, "stop": ["a", "b"], "max_tokens": 5}
    request = _completion(_service(tokenizer), "x", **options).request
    assert (request.temperature, request.top_p, request.seed) == (0.0, 0.5, -3)
    assert (request.stop, request.max_new_tokens) == (("a", "b"), 5)
    assert _chat(_service(tokenizer), ("user", "x"), max_completion_tokens=5).request.max_new_tokens == 5


# ------------------------------------------------------------ prompts and lengths


def test_a_completion_prompt_is_read_as_it_stands(tokenizer: Tokenizer) -> None:
    service = _service(tokenizer)
    assert _completion(service, "def <|im_end|>").request.prompt == tuple(tokenizer.encode("def <|im_end|>"))
    assert _completion(service, [3, 4, 5]).request.prompt == (3, 4, 5)
    assert _completion(service, "").request.prompt == (tokenizer.start,)


def test_a_token_that_does_not_exist_is_refused(tokenizer: Tokenizer) -> None:
    for wrong in (-1, tokenizer.vocabulary_size):
        with pytest.raises(ApiError) as caught:
            _completion(_service(tokenizer), [0, wrong])
        assert _refusal(caught) == (400, "prompt", "invalid_value")


def test_a_conversation_is_rendered_by_the_models_own_template(tokenizer: Tokenizer) -> None:
    turns = [("developer", "be brief"), ("user", "a"), ("assistant", "b"), ("user", "c")]
    rendered = [{"role": role.replace("developer", "system"), "content": text} for role, text in turns]
    assert _chat(_service(tokenizer), *turns).request.prompt == tuple(tokenizer.chat(rendered))


def test_a_chat_answer_may_fill_the_context_and_no_more(tokenizer: Tokenizer) -> None:
    request = _chat(_service(tokenizer), ("user", "hello")).request
    assert len(request.prompt) + request.max_new_tokens == CONTEXT


def test_the_length_limit_is_exact_and_says_both_counts(tokenizer: Tokenizer) -> None:
    service = _service(tokenizer)
    assert _completion(service, [5] * (CONTEXT - 3), max_tokens=3).request.max_new_tokens == 3
    assert _completion(service, [5] * (CONTEXT - 3)).request.max_new_tokens == 3  # the usual 16 do not fit
    with pytest.raises(ApiError, match="is 400 tokens, the prompt has 398 and 3 were asked for") as caught:
        _completion(service, [5] * (CONTEXT - 2), max_tokens=3)
    assert _refusal(caught) == (400, "prompt", "context_length_exceeded")
    with pytest.raises(ApiError, match=r"is 400 tokens, the messages have \d{3,}; shorten") as caught:
        _chat(service, ("user", "hello " * CONTEXT))
    assert _refusal(caught) == (400, "messages", "context_length_exceeded")


# ------------------------------------------------------------ retrieval


@pytest.mark.parametrize(
    ("model", "switch", "on"),
    [
        ("base", None, False), ("base", True, True), ("base", {"budget": 50}, True), ("base", False, False),
        ("base+retrieval", None, True), ("base+retrieval", False, False),
        ("base+retrieval", {"budget": 50}, True),
    ],
)  # fmt: skip
def test_retrieval_is_switched_by_name_and_the_request_has_the_last_word(
    tokenizer: Tokenizer, model: str, switch: Any, on: bool
) -> None:
    info = _completion(_service(tokenizer, Library(tokenizer)), "x", model=model, retrieval=switch).head.info
    assert bool(info.retrieved) is on
    assert info.retrieval_budget == ((50 if isinstance(switch, dict) else CONTEXT // 4) if on else None)


def test_retrieval_without_an_index_is_refused_and_not_left_out(tokenizer: Tokenizer) -> None:
    with pytest.raises(ApiError) as caught:
        _completion(_service(tokenizer), "x", retrieval=True)
    assert _refusal(caught) == (400, "retrieval", "no_index")


@pytest.mark.parametrize("budget", [*range(1, 40), 60, 99, 100, 150])
@pytest.mark.parametrize("kind", ["chat", "chat with a system message", "completion"])
def test_retrieved_text_never_takes_more_than_its_budget(
    tokenizer: Tokenizer, kind: str, budget: int
) -> None:
    service = _service(tokenizer, Library(tokenizer))
    system = [("system", "Be brief.")] * ("system" in kind)

    def ask(retrieval: Any) -> Prepared:
        if kind == "completion":
            return _completion(service, "def area", retrieval=retrieval)
        return _chat(service, *system, ("user", "hello"), retrieval=retrieval)

    plain, prepared = ask(False), ask({"budget": budget})
    added = len(prepared.request.prompt) - len(plain.request.prompt)
    info = prepared.head.info
    assert 0 <= added <= budget == info.retrieval_budget
    assert (added, bool(info.retrieved)) == (info.retrieved_tokens, added > 0)
    spans = [(span.path, span.start_line, span.end_line) for span in info.retrieved]
    assert spans == [("src/area.py", 3, 9)] * len(spans)
    line, heading = 12, 40  # about the size of one line and of the heading with its marks
    assert added > budget - line or budget < line + heading


def test_retrieved_text_leaves_the_answer_its_place(tokenizer: Tokenizer) -> None:
    service = _service(tokenizer, Library(tokenizer))
    prepared = _completion(service, [5] * 300, retrieval={"budget": 390}, max_tokens=60)
    assert prepared.head.info.retrieval_budget == 40
    assert len(prepared.request.prompt) + 60 <= CONTEXT
    full = _completion(service, [5] * 340, retrieval=True, max_tokens=60)
    assert (full.head.info.retrieval_budget, full.head.info.retrieved) == (0, [])
    assert full.request.prompt == (5,) * 340
    chat = _chat(service, ("user", "hello"), retrieval={"budget": 390})
    assert chat.head.info.retrieval_budget is not None
    assert chat.request.max_new_tokens >= chat.head.info.retrieval_budget


def test_in_a_completion_retrieved_text_stands_before_the_prompt(tokenizer: Tokenizer) -> None:
    prepared = _completion(_service(tokenizer, Library(tokenizer)), "def volume", retrieval={"budget": 40})
    text = tokenizer.decode(prepared.request.prompt)
    assert text.endswith("height):\ndef volume")
    assert prepared.request.prompt[-len(tokenizer.encode("def volume")) :] == tuple(
        tokenizer.encode("def volume")
    )


def test_in_a_chat_retrieved_text_begins_the_system_message(tokenizer: Tokenizer) -> None:
    service = _service(tokenizer, Library(tokenizer))
    turns = [("system", "Be brief."), ("user", "hello")]
    text = tokenizer.decode(_chat(service, *turns, retrieval={"budget": 99}).request.prompt, markers=True)
    assert text.startswith("<|im_start|>system\nThese excerpts from the repository may help:\n\ndef area(")
    assert text.endswith(
        "height):\n\n\nBe brief.<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    )
    alone = _chat(service, ("user", "hello"), retrieval={"budget": 99}).request.prompt
    assert tokenizer.decode(alone, markers=True).count("<|im_start|>") == 3


def test_the_query_is_the_last_question_or_the_text_before_the_cursor(tokenizer: Tokenizer) -> None:
    library = Library(tokenizer)
    service = _service(tokenizer, library)
    _chat(service, ("user", "first"), ("assistant", "then"), ("user", "where is area?"), retrieval=True)
    query, _, already = library.asked[-1]
    assert query == "where is area?"
    assert already == "first\nthen\nwhere is area?"
    _completion(service, tokenizer.encode("class Reader:\n    def area"), retrieval=True)
    query, _, already = library.asked[-1]
    assert "area" in query
    assert already == "class Reader:\n    def area"


def test_a_model_without_a_chat_template_says_which_route_to_take(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tokenizer, "has_chat_template", property(lambda self: False))
    with pytest.raises(ApiError, match="no chat template; use /v1/completions"):
        _chat(_service(tokenizer), ("user", "x"))
