from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from inhouse.errors import UserMistake
from inhouse.retrieval.vectors import VectorsUnavailable
from inhouse.retrieval.vectors.remote import RemoteVectors


class Server:
    """Answers like OpenAI's, or as a test says: with a status, bytes, or what it makes of the texts."""

    def __init__(self):
        self.asked, self.headers, self.answers = [], [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body))
                outer.headers.append(self.headers)
                outer._answer(self, body["input"])

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, handler, texts):
        answer = self.answers.pop(0) if self.answers else rows_of
        if callable(answer):
            answer = json.dumps({"data": answer(texts)}).encode()
        if isinstance(answer, float):
            time.sleep(answer)
            return
        status, headers, content = answer if isinstance(answer, tuple) else (200, {}, answer)
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def rows_of(texts):
    rows = [{"index": n, "embedding": [len(text), 1.0, 0]} for n, text in enumerate(texts)]
    return rows[::-1]  # the order is given by the index alone


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("inhouse.retrieval.vectors.remote._FIRST_PAUSE", 0.01)
    server = Server()
    yield server
    server.close()


def test_batches_come_back_in_order_and_of_length_one(server):
    texts = ["x" * n for n in range(1, 151)]
    source = RemoteVectors(server.url, "m")
    found = source.documents(texts)
    assert [len(body["input"]) for _, body in server.asked] == [64, 64, 22]
    assert server.asked[0][0] == "/v1/embeddings"
    assert {key: value for key, value in server.asked[0][1].items() if key != "input"} == {
        "model": "m",
        "encoding_format": "float",
    }
    expected = np.array([[n, 1, 0] for n in range(1, 151)])
    assert np.allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    assert found.dtype == np.float32
    assert source.dimension == 3


def test_the_dimension_is_asked_for_once(server):
    source = RemoteVectors(server.url, "m")
    assert (source.dimension, source.dimension, len(server.asked)) == (3, 3, 1)


def test_prompts_stand_before_texts_and_in_the_name(server):
    source = RemoteVectors(server.url, "m", prompts=("q: ", "d: "))
    source.queries(["a"])
    source.documents(["b"])
    assert [body["input"] for _, body in server.asked] == [["q: a"], ["d: b"]]
    assert source.name != RemoteVectors(server.url, "m").name


def test_the_key_comes_from_the_environment_and_is_not_shown(server, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "s3cret")
    server.answers = [(401, {}, b"wrong key")]
    with pytest.raises(VectorsUnavailable, match="401 wrong key") as caught:
        RemoteVectors(server.url, "m", key="OUR_KEY").documents(["a"])
    assert server.headers[0]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(caught.value)
    assert len(server.asked) == 1  # a refusal is not asked again
    RemoteVectors(server.url, "m").documents(["a"])
    assert server.headers[1]["Authorization"] is None
    with pytest.raises(UserMistake, match="NOT_THERE"):
        RemoteVectors(server.url, "m", key="NOT_THERE")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, status):
    server.answers = [(status, {"Retry-After": "0"}, b"wait"), (status, {}, b"wait")]
    assert RemoteVectors(server.url, "m").documents(["abc"]).shape == (1, 3)
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_given_up(server):
    server.answers = [(503, {}, b"loading\nmodel")] * 9
    with pytest.raises(VectorsUnavailable, match="503 loading model"):
        RemoteVectors(server.url, "m").documents(["a"])
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: rows_of(texts)[1:],  # one is missing
        lambda texts: [*rows_of(texts), *rows_of(texts)],
        lambda texts: [{"index": 0, "embedding": [1.0, 2.0]} for _ in texts],  # one place twice
        lambda texts: [{"index": n, "embedding": [1.0] * (n + 1)} for n, _ in enumerate(texts)],
        lambda texts: [{"index": n, "embedding": [float("nan"), 1.0]} for n, _ in enumerate(texts)],
        lambda texts: [{"index": n, "embedding": [1e999, 1.0]} for n, _ in enumerate(texts)],
        lambda texts: [{"index": n, "embedding": []} for n, _ in enumerate(texts)],
        lambda texts: [{"index": n, "embedding": ["a", {}]} for n, _ in enumerate(texts)],
        lambda texts: [{"index": n, "embedding": 1.0} for n, _ in enumerate(texts)],
        lambda texts: [{"index": n, "embedding": [None, 1]} for n, _ in enumerate(texts)],
        lambda texts: "words",
        b"<html>",
        b"[1]",
        b"null",
        b'{"error": {"message": "no"}}',
        b"",
    ],
)
def test_an_answer_that_is_no_vectors_is_one_error(server, answer):
    server.answers = [answer]
    with pytest.raises(VectorsUnavailable):
        RemoteVectors(server.url, "m").documents(["a", "b"])


def test_a_dimension_that_changes_is_an_error(server):
    source = RemoteVectors(server.url, "m")
    source.documents(["a"])
    server.answers = [lambda texts: [{"index": n, "embedding": [1.0, 2.0]} for n, _ in enumerate(texts)]]
    with pytest.raises(VectorsUnavailable, match="2 numbers after vectors of 3"):
        source.queries(["b"])


def test_silence_ends_and_a_server_that_is_down_is_one_error(server):
    server.answers = [5.0] * 4
    begin = time.monotonic()
    with pytest.raises(VectorsUnavailable, match=r"timed out|no answer"):
        RemoteVectors(server.url, "m", timeout=0.1).documents(["a"])
    assert time.monotonic() - begin < 3
    server.close()
    with pytest.raises(VectorsUnavailable, match="refused"):
        RemoteVectors(server.url, "m").documents(["a"])


def test_a_redirection_takes_neither_texts_nor_key_elsewhere(server, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "s3cret")
    other = Server()
    server.answers = [(307, {"Location": f"{other.url}/embeddings"}, b"")]
    with pytest.raises(VectorsUnavailable, match="307"):
        RemoteVectors(server.url, "m", key="OUR_KEY").documents(["a"])
    assert other.asked == []
    other.close()


def test_an_endless_answer_is_not_read_to_its_end(server, monkeypatch):
    monkeypatch.setattr("inhouse.retrieval.vectors.remote._MAX_ANSWER", 1 << 20)
    server.answers = [b" " * (2 << 20)]
    with pytest.raises(VectorsUnavailable, match="more than 1 MB"):
        RemoteVectors(server.url, "m").documents(["a"])


def test_texts_are_sent_so_that_every_server_can_read_them(server):
    RemoteVectors(server.url, "m").documents(["", "x" * 1_000_000, "a\ud800b"])
    first, second, third = server.asked[0][1]["input"]
    assert (first, len(second), third) == (" ", 8_000, "a?b")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/v1", "http://", "https://me:pass@host/v1", "http://host/v1?key=1"],
)
def test_only_a_plain_web_address_is_taken(url):
    with pytest.raises(UserMistake, match="https://host/v1") as caught:
        RemoteVectors(url, "m")
    assert "pass@" not in str(caught.value)


def test_a_model_has_to_be_named():
    with pytest.raises(UserMistake, match="is asked for a model"):
        RemoteVectors("http://host/v1", "")
