from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.serving.server import Server, listen
from inhouse.serving.service import Service
from tests.serving.conftest import Served
from tests.serving.doubles import ParrotEngine
from tests.tiny import write_tokenizer

ROOT = Path(__file__).parent.parent.parent


# ------------------------------------------------------------ taking a port


def test_a_port_in_use_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserMistake) as caught:
            listen("127.0.0.1", port)
    expected = f"a port serves one program at a time: {port} is in use; choose another with --port, or 0."
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("host", "port", "given"),
    [("127.0.0.1", 65536, "65536"), ("127.0.0.1", -1, "-1"), ("no such host", 0, "no such host"),
     ("192.0.2.1", 0, "192.0.2.1")],
)  # fmt: skip
def test_an_address_that_cannot_be_had_is_one_sentence(host: str, port: int, given: str) -> None:
    with pytest.raises(UserMistake) as caught:
        listen(host, port)
    assert given in str(caught.value)


def test_port_0_takes_a_free_one_and_the_url_says_which(tokenizer: Tokenizer) -> None:
    service = Service(ParrotEngine(tokenizer, "x"), tokenizer, {"p": ""}, None, 100, 1, model_digest="0")
    with Server(service, listen("127.0.0.1", 0)) as server:
        assert server.only_this_machine
        assert server.url == f"http://127.0.0.1:{server.port}/v1"
        assert httpx.get(f"{server.url}/models").status_code == 200


def test_hosts_are_checked_on_loopback_and_not_where_others_may_call(tokenizer: Tokenizer) -> None:
    service = Service(ParrotEngine(tokenizer, "x"), tokenizer, {"p": ""}, None, 100, 1, model_digest="0")
    with Server(service, listen("0.0.0.0", 0)) as server:
        assert not server.only_this_machine
        url = f"http://127.0.0.1:{server.port}/v1/models"
        assert httpx.get(url, headers={"Host": "models.example"}).status_code == 200


# ------------------------------------------------------------ stopping


@pytest.mark.parametrize(("grace", "finishes"), [(30.0, True), (0.1, False)])
def test_stopping_lets_answers_finish_or_says_that_it_gave_them_up(
    tokenizer: Tokenizer, grace: float, finishes: bool
) -> None:
    engine = ParrotEngine(tokenizer, "one two", gated=True)
    service = Service(engine, tokenizer, {"p": ""}, None, 100, 1, model_digest="0")
    server = Server(service, listen("127.0.0.1", 0), grace_seconds=grace)
    with server, openai.OpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        stream = iter(client.completions.create(model="p", prompt="x", stream=True, max_tokens=50))
        next(stream)
        stopping = threading.Thread(target=server.__exit__, args=(None, None, None))
        stopping.start()
        time.sleep(0.4)
        with pytest.raises(openai.APIConnectionError):
            client.models.list()
        engine.permit(50)
        if finishes:
            assert "".join(piece.choices[0].text for piece in stream) == "one two"
        else:
            with pytest.raises(openai.APIError, match="the server is stopping"):
                list(stream)
        stopping.join(10)
    with listen("127.0.0.1", server.port):
        pass  # the port is free again


PROGRAM = """
import sys
from pathlib import Path
from inhouse.models.tokenizer import Tokenizer
from inhouse.serving.server import Server, listen
from inhouse.serving.service import Service
from tests.serving.doubles import ParrotEngine
tokenizer = Tokenizer.load(Path(sys.argv[1]))
engine = ParrotEngine(tokenizer, "word ", repeat=int(sys.argv[3]), gated=True)
service = Service(engine, tokenizer, {"p": ""}, None, 1000, 1, model_digest="0")
server = Server(service, listen("127.0.0.1", 0), grace_seconds=float(sys.argv[2]))
print(server.url, flush=True)
import threading, time
def make_tokens():
    while True:
        time.sleep(0.01)
        engine.permit(1)
threading.Thread(target=make_tokens, daemon=True).start()
server.run()
print("heavy:", sorted({"torch", "transformers"} & set(sys.modules)))
print("the end", flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[float, int], tuple[subprocess.Popen[str], str]]]:
    """Start a server in a process of its own; return it with its URL."""
    write_tokenizer(tmp_path)
    started: list[subprocess.Popen[str]] = []

    def start(grace: float, words: int) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(grace), str(words)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_gently_and_the_caller_goes_on(program: Any, number: signal.Signals) -> None:
    process, url = program(30.0, 20)
    port = int(url.removesuffix("/v1").rpartition(":")[2])
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        stream = iter(client.completions.create(model="p", prompt="x", stream=True, max_tokens=500))
        next(stream)
        process.send_signal(number)
        assert "".join(piece.choices[0].text for piece in stream) == "word " * 20
    assert process.wait(20) == 0
    assert process.stdout.read() == "heavy: []\nthe end\n"
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_second_signal_does_not_wait_for_answers(program: Any) -> None:
    process, url = program(300.0, 10_000)
    endless = {"model": "p", "prompt": "x", "stream": True, "max_tokens": 900}
    with httpx.stream("POST", f"{url}/completions", json=endless) as response:
        pieces = response.iter_bytes()  # kept: to drop it would be to go away
        next(pieces)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert process.stdout.read().endswith("the end\n")


def test_a_server_takes_the_next_request_on_the_same_connection(
    start: Callable[..., Served], tokenizer: Tokenizer
) -> None:
    served = start(ParrotEngine(tokenizer, "x"))
    with httpx.Client() as client:
        for path, status in (("/models", 200), ("/nothing", 404), ("/models/parrot", 200)):
            assert client.get(served.url + path).status_code == status
        assert client.post(served.url + "/completions", json={"model": "parrot"}).status_code == 400
        body = {"model": "parrot", "prompt": "x", "stream": True}
        assert client.post(served.url + "/completions", json=body).text.endswith("data: [DONE]\n\n")
        assert client.get(served.url + "/models").status_code == 200
