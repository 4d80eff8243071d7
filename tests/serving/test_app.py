from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from inhouse.models.tokenizer import Tokenizer
from tests.serving.conftest import Served
from tests.serving.doubles import BrokenEngine, ParrotEngine

SECRET = "xyzzy"
CHAT = {"model": "parrot", "messages": [{"role": "user", "content": SECRET}]}
COMPLETION = {"model": "parrot", "prompt": SECRET}
UNICODE = "naïve 🙂 漢字かな 👩‍👩‍👧 e\u0301 \U0001f1e6\U0001f1f9 end"


@pytest.fixture
def parrot(start: Callable[..., Served], tokenizer: Tokenizer) -> Served:
    return start(ParrotEngine(tokenizer, UNICODE))


def _error(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return dict(body["error"])


def _post(served: Served, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(served.url + path, json=body, timeout=60)


def _events(response: httpx.Response) -> list[Any]:
    """Return what a stream said; the closing mark as it stands."""
    blocks = response.text.split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [block if block == "data: [DONE]" else json.loads(block[6:]) for block in blocks]


# ------------------------------------------------------------ every error has one shape


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/", 404, "unknown_url"),
        ("GET", "/docs", 404, "unknown_url"),
        ("GET", "/openapi.json", 404, "unknown_url"),
        ("POST", "/v1/embeddings", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/chat/completions", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/models/nothing", 404, "model_not_found"),
        ("GET", "/v1/models/a/b", 404, "model_not_found"),
        ("GET", "/v1/models/", 404, "model_not_found"),
    ],
)
def test_a_request_to_nowhere(parrot: Served, method: str, path: str, status: int, code: str) -> None:
    response = httpx.request(method, parrot.url.removesuffix("/v1") + path)
    assert (response.status_code, _error(response)["code"]) == (status, code)
    assert ("allow" in response.headers) == (status == 405)
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("content", "type_", "code"),
    [
        (b'{"model": "parrot"', "application/json", "invalid_json"),
        (b"[]", "application/json", "invalid_value"),
        (b'"text"', "application/json", "invalid_value"),
        (b"", "application/json", "invalid_value"),
        (json.dumps(CHAT).encode(), "text/plain", "invalid_value"),
        (json.dumps(CHAT).encode(), "application/x-www-form-urlencoded", "invalid_value"),
        (b'{"model": "\xff"}', "application/json", None),
        (b"[" * 100_000, "application/json", None),
    ],
)
def test_a_body_that_is_no_json_object(parrot: Served, content: bytes, type_: str, code: str | None) -> None:
    response = httpx.post(parrot.url + "/chat/completions", content=content, headers={"Content-Type": type_})
    assert (response.status_code, _error(response)["code"]) == (400, code)


def test_a_body_that_is_not_declared_is_refused_so_that_a_page_elsewhere_cannot_send_one(
    parrot: Served,
) -> None:
    response = httpx.post(parrot.url + "/chat/completions", content=json.dumps(CHAT))
    assert "content-type" not in response.request.headers
    assert (response.status_code, _error(response)["code"]) == (400, "invalid_value")
    assert parrot.log == []


def test_a_wrong_parameter_is_400_and_not_422(parrot: Served) -> None:
    response = _post(parrot, "/chat/completions", {**CHAT, "n": 2})
    assert (response.status_code, _error(response)["param"]) == (400, "n")


def test_lone_surrogates_are_no_bug_of_the_server(parrot: Served) -> None:
    def post(body: dict[str, str]) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return httpx.post(parrot.url + "/completions", content=json.dumps(body), headers=headers)

    response = post({"model": "\ud800", "prompt": "x"})
    assert (response.status_code, _error(response)["code"]) == (404, "model_not_found")
    assert post({"model": "parrot", "\ud800": "x"}).status_code == 400
    assert post({"model": "parrot", "prompt": "\ud800"}).status_code == 200


def test_a_large_body_is_413_and_a_foreign_host_is_403(
    start: Callable[..., Served], tokenizer: Tokenizer
) -> None:
    served = start(ParrotEngine(tokenizer, "x"), max_body_bytes=10_000)
    response = _post(served, "/completions", {**COMPLETION, "prompt": "x" * 50_000})
    assert (response.status_code, _error(response)["code"]) == (413, "request_too_large")
    endless = httpx.post(served.url + "/completions", content=iter([b"x" * 5_000] * 10))  # no Content-Length
    assert endless.status_code == 413
    response = httpx.get(served.url + "/models", headers={"Host": "evil.example"})
    assert (response.status_code, _error(response)["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize("stream", [False, True])
def test_a_bug_is_told_without_its_words_and_logged_with_its_place(
    start: Callable[..., Served], tokenizer: Tokenizer, stream: bool
) -> None:
    served = start(BrokenEngine(tokenizer, "one two three four"))
    response = _post(served, "/completions", {**COMPLETION, "stream": stream})
    error = _error(response) if not stream else _events(response)[-1]["error"]
    assert response.status_code == (200 if stream else 500)
    assert (error["type"], error["code"]) == ("server_error", "bug")
    assert "Traceback" not in response.text
    assert SECRET not in response.text + "".join(served.log)
    assert served.log[0].startswith("bug: ValueError\n")
    assert "doubles.py" in served.log[0]
    _wait_until(lambda: len(served.log) > 1)  # the line about the request follows the answer
    assert served.log[1].endswith("given up")


# ------------------------------------------------------------ answers


def test_health_and_models(parrot: Served) -> None:
    assert httpx.get(parrot.url.removesuffix("/v1") + "/health").json() == {
        "status": "ok", "models": 1, "active": 0, "waiting": 0,
    }  # fmt: skip
    card = {"id": "parrot", "object": "model", "created": 1, "owned_by": "inhouse"}
    assert httpx.get(parrot.url + "/models").json() == {"object": "list", "data": [card]}
    assert httpx.get(parrot.url + "/models/parrot").json() == card


def test_a_reply_has_exactly_the_fields_of_the_api_and_our_own(parrot: Served, tokenizer: Tokenizer) -> None:
    reply = _post(parrot, "/chat/completions", {**CHAT, "seed": 3}).json()
    written = len(tokenizer.encode(UNICODE))
    read = len(tokenizer.chat([{"role": "user", "content": SECRET}]))
    assert re.fullmatch("chatcmpl-[0-9a-f]{24}", reply.pop("id"))
    assert abs(reply.pop("created") - time.time()) < 60
    assert reply == {
        "object": "chat.completion",
        "model": "parrot",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": UNICODE, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        "inhouse": {
            "model_digest": "0", "adapter_digest": None, "seed": 3, "retrieved": [],
            "retrieval_budget": None, "retrieved_tokens": 0,
        },
    }  # fmt: skip


def test_a_stream_opens_with_the_role_and_closes_with_reason_counts_and_mark(parrot: Served) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": 3}
    response = _post(parrot, "/chat/completions", {**CHAT, **options})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    first, *pieces, last, counts, mark = _events(response)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "inhouse" in first
    assert [list(piece["choices"][0]["delta"]) for piece in pieces] == [["content"]] * len(pieces)
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "length")
    assert {piece["choices"][0]["finish_reason"] for piece in (first, *pieces)} == {None}
    assert {piece["usage"] for piece in (first, *pieces, last)} == {None}
    assert (counts["choices"], counts["usage"]["completion_tokens"]) == ([], 3)
    assert mark == "data: [DONE]"
    assert (
        len({(piece["id"], piece["created"], piece["object"]) for piece in (first, *pieces, last, counts)})
        == 1
    )


def test_a_stream_without_the_option_does_not_speak_of_usage(parrot: Served) -> None:
    for path, body in (("/chat/completions", CHAT), ("/completions", COMPLETION)):
        assert '"usage"' not in _post(parrot, path, {**body, "stream": True}).text


@pytest.mark.parametrize("kind", ["chat", "completion"])
def test_characters_of_several_tokens_are_never_broken(
    parrot: Served, tokenizer: Tokenizer, kind: str
) -> None:
    assert len(tokenizer.encode(UNICODE)) > 2 * len(UNICODE)  # so every piece of one token would be broken
    if kind == "chat":
        events = _events(_post(parrot, "/chat/completions", {**CHAT, "stream": True, "max_tokens": 500}))[:-1]
        texts = [event["choices"][0]["delta"].get("content", "") for event in events]
    else:
        events = _events(_post(parrot, "/completions", {**COMPLETION, "stream": True, "max_tokens": 500}))[
            :-1
        ]
        texts = [event["choices"][0]["text"] for event in events]
    assert "".join(texts) == UNICODE
    assert "\ufffd" not in "".join(texts)
    assert len([text for text in texts if text]) > 20


@pytest.mark.parametrize(
    ("stop", "left"),
    [
        ("字か", "naïve 🙂 漢"),
        (["nowhere", " 漢字"], "naïve 🙂"),
        (["naïve 🙂 漢", "ve", "字"], "naï"),
        ("n", ""),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_ends_before_the_stop_string_that_comes_first(
    parrot: Served, stop: Any, left: str, stream: bool
) -> None:
    body = {**COMPLETION, "stop": stop, "max_tokens": 500, "stream": stream}
    response = _post(parrot, "/completions", body)
    choices = [e["choices"][0] for e in (_events(response)[:-1] if stream else [response.json()])]
    assert "".join(choice["text"] for choice in choices) == left
    assert choices[-1]["finish_reason"] == "stop"


def test_the_log_says_who_how_much_and_how_long_and_never_what(parrot: Served) -> None:
    _post(parrot, "/completions", {**COMPLETION, "user": SECRET, "stop": [SECRET]})
    _post(parrot, "/completions", {**COMPLETION, "model": SECRET})
    _post(parrot, "/completions", {**COMPLETION, SECRET: 1})
    httpx.get(f"{parrot.url}/{SECRET}?{SECRET}")
    [line] = parrot.log
    assert re.fullmatch(r"cmpl-[0-9a-f]{24} parrot: \d+ \+ 16 tokens, \d+ ms, length", line)


# ------------------------------------------------------------ waiting and going away


@contextmanager
def _raw(served: Served, body: dict[str, Any]) -> Iterator[socket.socket]:
    """Send a completion request over a socket of our own, which the block may close."""
    host, port = served.url.removeprefix("http://").removesuffix("/v1").split(":")
    content = json.dumps(body).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
        yield connection


def _wait_for_load(served: Served, active: int, waiting: int) -> None:
    def reached() -> bool:
        health = httpx.get(served.url.removesuffix("/v1") + "/health").json()
        return (health["active"], health["waiting"]) == (active, waiting)

    _wait_until(reached)


def _wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_ends_its_generation(
    start: Callable[..., Served], tokenizer: Tokenizer, stream: bool
) -> None:
    engine = ParrotEngine(tokenizer, "word ", repeat=1000, gated=True)
    served = start(engine)
    with _raw(served, {**COMPLETION, "max_tokens": 1500, "stream": stream}) as connection:
        engine.permit(5)
        if stream:
            assert b"200 OK" in connection.recv(4096)
        _wait_for_load(served, 1, 0)
        while engine.made < 5:
            time.sleep(0.001)
    time.sleep(0.2)  # the server learns that the connection is closed
    engine.permit(1)
    _wait_for_load(served, 0, 0)
    assert engine.made == 5
    assert served.log[0].endswith("given up")


def test_a_client_that_goes_away_while_waiting_gives_its_place_back(
    start: Callable[..., Served], tokenizer: Tokenizer
) -> None:
    engine = ParrotEngine(tokenizer, "word", gated=True)
    served = start(engine, active=1, waiting=1)
    with _raw(served, {**COMPLETION, "stream": True}):
        _wait_for_load(served, 1, 0)
        with _raw(served, COMPLETION):
            _wait_for_load(served, 1, 1)
            refused = _post(served, "/completions", COMPLETION)
            assert (refused.status_code, _error(refused)["code"]) == (429, "queue_full")
            assert int(refused.headers["retry-after"]) > 0
        _wait_for_load(served, 1, 0)
        with _raw(served, COMPLETION) as connection:
            _wait_for_load(served, 1, 1)
            engine.permit(100)
            assert b"200 OK" in connection.recv(4096)
    assert len(engine.requests) == 2
