"""What people point at the server: the openai package and curl."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import openai
import pytest

from tests.serving.conftest import NAMES, Served

HELLO: Any = [{"role": "user", "content": "Write a function."}]


# ------------------------------------------------------------ openai


def test_models_are_listed_and_found_by_name(tiny: Served) -> None:
    assert [model.id for model in tiny.client.models.list()] == list(NAMES)
    assert tiny.client.models.retrieve("tiny-one").id == "tiny-one"
    with pytest.raises(openai.NotFoundError):
        tiny.client.models.retrieve("tiny-three")


def test_a_chat_answer_streamed_is_the_answer_at_once(tiny: Served) -> None:
    options: Any = {"model": "tiny-one", "messages": HELLO, "max_tokens": 20, "temperature": 0}
    whole = tiny.client.chat.completions.create(**options)
    *pieces, last = tiny.client.chat.completions.create(
        **options, stream=True, stream_options={"include_usage": True}
    )
    assert whole.choices[0].message.content == "".join(p.choices[0].delta.content or "" for p in pieces)
    assert pieces[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert last.usage == whole.usage
    assert last.choices == []


def test_a_completion_streamed_is_the_completion_at_once(tiny: Served) -> None:
    options: Any = {"model": "tiny", "prompt": "def area(", "max_tokens": 20, "temperature": 0}
    whole = tiny.client.completions.create(**options)
    pieces = list(tiny.client.completions.create(**options, stream=True))
    assert whole.choices[0].text == "".join(piece.choices[0].text for piece in pieces)
    assert pieces[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert whole.usage is not None
    assert whole.usage.prompt_tokens == len(tiny.tokenizer.encode("def area("))


def test_the_same_seed_gives_the_same_sample_and_another_one_another(tiny: Served) -> None:
    def ask(**options: Any) -> Any:
        return tiny.client.completions.create(model="tiny", prompt="def", max_tokens=12, **options)

    sampled = ask()
    assert ask(seed=sampled.inhouse["seed"]).choices[0].text == sampled.choices[0].text
    assert len({ask(seed=seed).choices[0].text for seed in range(4)}) == 4
    assert ask(seed=-(2**63)).choices[0].text == ask(seed=-(2**63)).choices[0].text


def test_an_unknown_model_is_not_found_and_the_nearest_is_named(tiny: Served) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean tiny-one") as caught:
        tiny.client.chat.completions.create(model="tiny-on", messages=HELLO)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_bad_parameter_is_a_bad_request(tiny: Served) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        tiny.client.chat.completions.create(model="tiny", messages=HELLO, n=2)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "n")
    with pytest.raises(openai.BadRequestError) as caught:
        tiny.client.completions.create(model="tiny", prompt="x", extra_body={"min_p": 0.1})
    assert caught.value.param == "min_p"
    with pytest.raises(openai.BadRequestError) as caught:
        tiny.client.completions.create(model="tiny", prompt="x " * 3000)
    assert caught.value.code == "context_length_exceeded"


def test_a_route_that_is_not_there_is_not_found(tiny: Served) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        tiny.client.embeddings.create(model="tiny", input="x")
    assert caught.value.code == "unknown_url"


# ------------------------------------------------------------ curl


def _curl(*words: str) -> str:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_curl_gets_models_answers_streams_and_errors(tiny: Served) -> None:
    assert [card["id"] for card in json.loads(_curl(f"{tiny.url}/models"))["data"]] == list(NAMES)
    body = {"model": "tiny-two", "messages": HELLO, "max_tokens": 5, "temperature": 0}
    post = ("-H", "Content-Type: application/json", f"{tiny.url}/chat/completions", "-d")
    answer = json.loads(_curl(*post, json.dumps(body)))
    assert answer["usage"]["completion_tokens"] == 5
    lines = _curl("--no-buffer", *post, json.dumps({**body, "stream": True})).split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    texts = [json.loads(line[6:])["choices"][0]["delta"].get("content", "") for line in lines[:-2]]
    assert "".join(texts) == answer["choices"][0]["message"]["content"]
    status = ("--output", "/dev/null", "--write-out", "%{http_code}")
    assert _curl(*status, *post, json.dumps({**body, "model": "nothing"})) == "404"
    assert _curl(*status, *post, json.dumps({**body, "n": 3})) == "400"
    assert _curl(*status, f"{tiny.url}/nothing") == "404"


def test_curl_reads_the_refusal_of_a_body_that_is_too_large(tiny: Served, tmp_path: Any) -> None:
    large = tmp_path / "large.json"
    large.write_text(json.dumps({"model": "tiny", "prompt": "x" * 5_000_000}))
    post = ("-H", "Content-Type: application/json", f"{tiny.url}/completions", "--data-binary", f"@{large}")
    assert json.loads(_curl(*post))["error"]["code"] == "request_too_large"
