"""Tasks of one's own from the command line: answered, judged, logged for inspect-ai; mistakes in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.end_to_end.command import ROOT, Ended, inhouse
from tests.evaluation.suites.test_user_tasks import ADD, ASKED
from tests.tiny import make_tiny_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    subprocess.run([sys.executable, ROOT / "examples" / "make_history.py", folder / "ledger"], check=True)
    make_tiny_model(folder / "tiny")
    (folder / "own.jsonl").write_text(json.dumps(ASKED) + "\n" + json.dumps(ADD) + "\n")
    return folder


def evaluate(place: Path, tasks: str, *more: object) -> Ended:
    where = [place / "ledger", "--model", place / "tiny", "--workspace", place / "home"]
    return inhouse(
        "eval", *where, "--budget", "smoke", "--suite", f"user:{place / tasks}", "--arm", "base", *more
    )


@pytest.fixture(scope="module")
def answered(place: Path) -> Ended:
    return evaluate(place, "own.jsonl", "--json")


def test_a_file_of_tasks_is_a_suite(answered: Ended, place: Path) -> None:
    assert answered.code == 0, answered.err
    (measures,) = answered.json["results"].values()
    assert measures["pass@1"]["arms"]["base"]["n"] == 2
    assert answered.json["isolation"] in ("bubblewrap", "sandlock")


@pytest.mark.skipif(find_spec("inspect_ai") is None, reason="needs the extra inspect")
def test_a_log_for_inspect_is_written_of_what_is_stored(answered: Ended, place: Path) -> None:
    from inspect_ai.log import read_eval_log

    ended = evaluate(place, "own.jsonl", "--inspect-log", place / "logs", "--json")
    assert ended.code == 0, ended.err
    assert "answers of" not in ended.err
    assert ended.json["results"] == answered.json["results"]
    (file,) = ended.json["inspect_logs"]
    found = read_eval_log(file)
    assert {sample.target for sample in found.samples} == {ASKED["reference"], ADD["reference"]}
    assert found.eval.metadata["model_digest"] == ended.json["base_digest"]
    assert found.eval.metadata["isolation"] == ended.json["isolation"]
    said = evaluate(place, "own.jsonl", "--inspect-log", place / "logs")
    assert f"inspect view --log-dir {place / 'logs'}" in said.out


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"prompt": "Do it.", "reference": "x"}, "needs tests: without them nothing says what is right"),
        (ADD | {"reference": "    return 0"}, "the reference of a task of your own must pass its tests"),
    ],
)
def test_a_task_that_cannot_be_judged_is_one_sentence_with_its_line(
    place: Path, line: dict[str, str], sentence: str
) -> None:
    (place / "wrong.jsonl").write_text(json.dumps(ASKED) + "\n" + json.dumps(line) + "\n")
    ended = evaluate(place, "wrong.jsonl")
    assert (ended.code, len(ended.errors)) == (2, 1)
    assert sentence in ended.errors[0]
    assert "wrong.jsonl" in ended.errors[0]
    assert "Traceback" not in ended.err
