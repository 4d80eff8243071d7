from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inhouse.serving.protocol import ChatRequest, CompletionRequest, GenerationOptions, validation_error

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
COMPLETION = {"model": "m", "prompt": "def"}


def _refusal(
    kind: type[ChatRequest] | type[CompletionRequest], body: dict[str, Any]
) -> dict[str, str | None]:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(body)
    error = validation_error(caught.value.errors())
    assert error.status == 400
    return error.body["error"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2), ("logit_bias", {"50256": -100}), ("tools", [{"type": "function"}]),
        ("tool_choice", "required"), ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {}}),
        ("logprobs", True), ("top_logprobs", 2), ("frequency_penalty", 0.5), ("presence_penalty", -1),
        ("functions", [{"name": "f"}]), ("function_call", {"name": "f"}), ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}), ("prediction", {"type": "content"}), ("reasoning_effort", "high"),
        ("store", True), ("metadata", {"a": "b"}), ("service_tier", "flex"), ("web_search_options", {}),
    ],
)  # fmt: skip
def test_an_unsupported_chat_parameter_is_refused_by_its_name(name: str, value: object) -> None:
    refusal = _refusal(ChatRequest, {**CHAT, name: value})
    assert (refusal["param"], refusal["code"]) == (name, "unsupported_parameter")
    assert refusal["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 3), ("suffix", "end"), ("echo", True), ("best_of", 2), ("logprobs", 0), ("logit_bias", {"1": 1})],
)
def test_an_unsupported_completion_parameter_is_refused_by_its_name(name: str, value: object) -> None:
    refusal = _refusal(CompletionRequest, {**COMPLETION, name: value})
    assert (refusal["param"], refusal["code"]) == (name, "unsupported_parameter")


def test_a_refusal_says_the_only_value_that_is_supported() -> None:
    assert (
        _refusal(ChatRequest, {**CHAT, "n": 2})["message"] == "n is not supported except as 1; leave it out"
    )


NEUTRAL_IN_CHAT = {
    "n": 1, "logit_bias": {}, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True,
    "response_format": {"type": "text"}, "logprobs": False, "top_logprobs": 0, "frequency_penalty": 0.0,
    "presence_penalty": 0, "functions": [], "function_call": "none", "modalities": ["text"], "store": False,
    "metadata": {}, "service_tier": "auto", "user": "someone", "seed": -5, "stop": None, "stream": False,
}  # fmt: skip
NEUTRAL_IN_COMPLETIONS = {"n": 1, "suffix": "", "echo": False, "best_of": 1, "logit_bias": {}}


def test_neutral_values_and_null_are_accepted_for_all_of_them() -> None:
    ChatRequest.model_validate({**CHAT, **NEUTRAL_IN_CHAT})
    ChatRequest.model_validate({**CHAT, **dict.fromkeys(NEUTRAL_IN_CHAT)})
    CompletionRequest.model_validate({**COMPLETION, **NEUTRAL_IN_COMPLETIONS})
    CompletionRequest.model_validate(
        {**COMPLETION, **dict.fromkeys(NEUTRAL_IN_COMPLETIONS), "logprobs": None}
    )


def test_an_unknown_parameter_is_refused_with_its_nearest_neighbour() -> None:
    refusal = _refusal(ChatRequest, {**CHAT, "temprature": 0})
    assert refusal["message"] == "unknown parameter: temprature; did you mean temperature?"
    assert (refusal["param"], refusal["code"]) == ("temprature", "unknown_parameter")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temperature": 2.1}, "temperature"), ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"), ({"temperature": "0"}, "temperature"),
        ({"top_p": 0}, "top_p"), ({"top_p": 1.01}, "top_p"), ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"), ({"max_tokens": True}, "max_tokens"), ({"seed": 2**63}, "seed"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"), ({"stop": ""}, "stop"), ({"stop": [1]}, "stop"),
        ({"stop": 7}, "stop"), ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x"), ({"model": 3}, "model"),
        ({"retrieval": {"budget": 0}}, "retrieval.budget"), ({"retrieval": "yes"}, "retrieval"),
        ({"retrieval": {"size": 3}}, "retrieval.size"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_its_place(body: dict[str, Any], param: str) -> None:
    for kind, rest in ((ChatRequest, CHAT), (CompletionRequest, COMPLETION)):
        assert _refusal(kind, {**rest, **body})["param"] == param


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "tool", "content": "x"}, "messages[0].role"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "assistant", "content": None}, "messages[0].content"),
        ({"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}, "messages[0].tool_calls"),
        ({"role": "user", "content": "x", "name": "bob"}, "messages[0].name"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "messages[0].content",
        ),
        ({"role": "user", "content": [{"type": "text", "text": 1}]}, "messages[0].content"),
        ({"role": "user", "content": ["x"]}, "messages[0].content"),
        ("hello", "messages[0]"),
    ],
)
def test_a_message_that_cannot_be_read_whole_is_refused(message: object, param: str) -> None:
    assert _refusal(ChatRequest, {"model": "m", "messages": [message]})["param"] == param


def test_text_parts_become_one_text_and_developer_becomes_system() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    body = ChatRequest.model_validate(
        {
            "model": "m",
            "messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": parts}],
        }
    )
    assert [message.plain() for message in body.messages] == [
        {"role": "system", "content": "x"},
        {"role": "user", "content": "one\ntwo"},
    ]


def test_an_answer_sent_back_as_the_client_got_it_is_accepted() -> None:
    answer = {"role": "assistant", "content": "x", "refusal": None, "tool_calls": None, "annotations": []}
    ChatRequest.model_validate({"model": "m", "messages": [*CHAT["messages"], answer]})


def test_no_message_and_two_limits_are_refused() -> None:
    assert _refusal(ChatRequest, {"model": "m", "messages": []})["param"] == "messages"
    assert _refusal(ChatRequest, {"model": "m"})["code"] == "missing_required_parameter"
    assert (
        _refusal(ChatRequest, {**CHAT, "max_tokens": 1, "max_completion_tokens": 1})["param"] == "max_tokens"
    )


@pytest.mark.parametrize(
    ("given_", "read"),
    [("def", "def"), (["def"], "def"), ([5, 6], (5, 6)), ([[5, 6]], (5, 6)), ("", ""), ([""], "")],
)
def test_a_prompt_is_a_text_or_token_ids(given_: object, read: object) -> None:
    assert CompletionRequest.model_validate({"model": "m", "prompt": given_}).prompt == read


@pytest.mark.parametrize(
    "prompt", [["a", "b"], [[1], [2]], [], [[]], [True], [1.0], [None], {"a": 1}, None, 7]
)
def test_any_other_prompt_is_refused(prompt: object) -> None:
    assert _refusal(CompletionRequest, {"model": "m", "prompt": prompt})["param"] == "prompt"


def test_stop_is_one_string_or_up_to_four() -> None:
    read = [
        CompletionRequest.model_validate({**COMPLETION, "stop": s}).stop for s in (None, "a", ["a", "b"], [])
    ]
    assert read == [(), ("a",), ("a", "b"), ()]


def test_retrieval_is_a_switch_or_a_budget() -> None:
    def read(value: object) -> object:
        options = CompletionRequest.model_validate({**COMPLETION, "retrieval": value}).retrieval
        return options and (options.enabled, options.budget)

    assert [read(value) for value in (None, True, False, {"budget": 9}, {"enabled": False})] == [
        None, (True, None), (False, None), (True, 9), (False, None),
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*ChatRequest.model_fields, *CompletionRequest.model_fields]), JSON))
def test_whatever_the_values_a_body_is_accepted_or_refused_in_the_one_shape(body: dict[str, Any]) -> None:
    for kind in (ChatRequest, CompletionRequest):
        try:
            kind.model_validate(body)
        except ValidationError as caught:
            refusal = validation_error(caught.errors()).body["error"]
            assert refusal["message"]
            assert refusal["code"]


def test_the_documentation_names_every_parameter_that_is_supported() -> None:
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    shared = set(GenerationOptions.model_fields) | {"max_completion_tokens", "prompt"}
    assert [name for name in sorted(shared - {"model"}) if f"`{name}" not in page] == []
