"""What a run has made is served: base and adapter by name, streamed or not, with retrieval or without."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator

import pytest
from openai import NotFoundError, OpenAI

from tests.end_to_end.command import start
from tests.end_to_end.conftest import Run


@pytest.fixture(scope="module")
def server(undisturbed: Run) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = start("serve", "--workspace", undisturbed.home, "--model", undisturbed.model, "--port", "0")
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"listening on (\S+)", line)
        if found:
            yield process, found[1]
            break
    else:
        pytest.fail("the server did not start")
    process.kill()
    process.communicate()


def _client(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60)


def test_base_and_adapter_answer_streamed_and_whole(
    undisturbed: Run, server: tuple[subprocess.Popen[str], str]
) -> None:
    client = _client(server[1])
    adapter = undisturbed.result["adapter"]["name"]
    names = [model.id for model in client.models.list()]
    assert names == ["tiny", adapter, "tiny+retrieval", f"{adapter}+retrieval"]
    for name in names:
        words = {"model": name, "prompt": "def area(", "max_tokens": 8, "temperature": 0}
        whole = client.completions.create(**words)
        streamed = "".join(part.choices[0].text for part in client.completions.create(stream=True, **words))
        assert whole.usage is not None
        assert 1 <= whole.usage.completion_tokens <= 8
        assert streamed == whole.choices[0].text


def test_retrieval_says_what_it_showed(undisturbed: Run, server: tuple[subprocess.Popen[str], str]) -> None:
    reply = _client(server[1]).chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "raise LedgerFault"}],
        max_tokens=4,
        extra_body={"retrieval": {"budget": 300}},
    )
    extra = reply.model_extra or {}
    retrieved = extra["inhouse"]["retrieved"]
    assert retrieved
    for span in retrieved:
        lines = (undisturbed.repository / span["path"]).read_text().splitlines()
        assert any("LedgerFault" in line for line in lines[span["start_line"] - 1 : span["end_line"]])


def test_a_name_that_is_no_model_is_404(server: tuple[subprocess.Popen[str], str]) -> None:
    with pytest.raises(NotFoundError):
        _client(server[1]).completions.create(model="gpt-4", prompt="x")


def test_it_stops_when_told_and_says_nothing_ugly(server: tuple[subprocess.Popen[str], str]) -> None:
    process, _ = server
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err
