"""Two words in a repository give a measured, registered adapter, a report and one JSON object."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.command import inhouse, start
from tests.end_to_end.conftest import Run
from tests.end_to_end.state import artefact_digests, registry_digests

ARMS = ["base", "retrieval", "tuned", "tuned_retrieval"]
DIFFERENCES = [
    "tuned - base",
    "retrieval - base",
    "tuned - retrieval",
    "tuned_retrieval - retrieval",
    "tuned_retrieval - tuned",
]


def test_the_result_keeps_its_contract(undisturbed: Run) -> None:
    result = undisturbed.result
    assert list(result["arms"]) == ARMS
    assert sorted(result["differences"]) == sorted(DIFFERENCES)
    for measures in [*result["arms"].values(), *result["differences"].values()]:
        for measure in measures.values():
            assert {"value", "low", "high", "n"} <= set(measure)
            assert measure["value"] is None or measure["low"] <= measure["value"] <= measure["high"]
    assert result["budget"]["name"] == "smoke"
    assert set(result["seconds"]) - {"this_command"} == set(result["peak_memory_bytes"])
    assert all(value > 0 for value in result["peak_memory_bytes"].values())
    assert result["verdict"].endswith(".")


def test_documents_in_are_documents_kept_and_removed(undisturbed: Run) -> None:
    corpus = undisturbed.result["corpus"]
    assert corpus["in"] == corpus["kept"] + sum(corpus["removed"].values()) > 100
    status = inhouse("status", "--removed", "--json", "--workspace", undisturbed.home).json
    assert len(status["removed"]) == sum(corpus["removed"].values())
    assert all(row["reason"] for row in status["removed"])


def test_the_difference_of_two_arms_is_that_of_their_values(undisturbed: Run) -> None:
    arms, differences = undisturbed.result["arms"], undisturbed.result["differences"]
    for name, measures in differences.items():
        first, second = name.split(" - ")
        values = [arms[arm]["bits_per_byte"]["value"] for arm in (first, second)]
        assert measures["bits_per_byte"]["value"] == pytest.approx(
            values[0] - values[1],
            abs=1.1e-5,  # six significant digits each
        )


def test_the_report_is_one_file_that_needs_no_other(undisturbed: Run) -> None:
    page = Path(undisturbed.result["report"]).read_text()
    assert undisturbed.result["adapter"]["name"] in page
    assert re.findall(r"(?:src|href)\s*=|url\(|@import|<script", page) == []
    assert page.count("<article") == 10  # five best, five worst


def test_a_second_run_changes_nothing_and_trains_nothing(undisturbed: Run) -> None:
    before = artefact_digests(undisturbed.home), registry_digests(undisturbed.home)
    ended = inhouse(*undisturbed.words(undisturbed.home))
    assert ended.code == 0, ended.err
    assert (artefact_digests(undisturbed.home), registry_digests(undisturbed.home)) == before
    assert ended.json["arms"] == undisturbed.result["arms"]
    assert "weights: present" in ended.err


def test_the_number_of_workers_does_not_change_a_byte(undisturbed: Run, tmp_path: Path) -> None:
    words = [word if word != "run" else "dataset" for word in undisturbed.words(tmp_path)]
    ended = inhouse(*words, "--workers", "1")
    assert ended.code == 0, ended.err
    expected = artefact_digests(undisturbed.home)
    for name, digest in artefact_digests(tmp_path).items():
        assert expected[name] == digest


def test_nothing_after_the_cut_reaches_training(undisturbed: Run) -> None:
    """Every line of the later commits that was nowhere before must be absent from every training example."""
    from inhouse.records import Example
    from inhouse.shards import read_records

    (folder,) = (undisturbed.home / ".inhouse" / "artefacts" / "dataset").iterdir()
    (history,) = (undisturbed.home / ".inhouse" / "artefacts" / "history").iterdir()
    split = json.loads((history / "split.json").read_text())

    def lines(revision: str) -> set[str]:
        command = ["git", "-C", undisturbed.repository, "log", "-p", "--format=", revision]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return {line[1:].strip() for line in text.splitlines() if line.startswith("+") and len(line) > 40}

    later = lines(split["tip"]) - lines(split["validation_cut"])
    assert len(later) > 100
    examples = [item for item in read_records(folder, "examples", Example) if item.split == "train"]
    trained = "\n".join(example.text for example in examples)
    assert [line for line in later if line in trained] == []
    before = lines(split["validation_cut"])
    assert sum(line in trained for line in before) > 50  # the search itself finds what is there


def test_search_answers_from_the_tip(undisturbed: Run) -> None:
    found = inhouse("search", "LedgerFault", "-k", "3", "--json", "--workspace", undisturbed.home).json[
        "results"
    ]
    assert len(found) == 3
    assert found[0]["path"] == "ledger/faults.py"
    assert {"path", "start_line", "end_line", "symbol", "score", "why"} == set(found[0])
    piped = inhouse("search", "-k", "3", "--json", "--workspace", undisturbed.home, stdin="LedgerFault")
    assert piped.json["results"] == found


def test_the_registered_adapter_shows_what_made_it(undisturbed: Run) -> None:
    (row,) = inhouse("adapters", "--json", "--workspace", undisturbed.home).json["adapters"]
    assert (row["name"], row["digest"]) == tuple(undisturbed.result["adapter"].values())
    manifest = inhouse("adapters", row["name"], "--workspace", undisturbed.home).json
    assert {"base", "tokenizer", "dataset", "repository", "recipe", "seeds", "libraries", "scores"} <= set(
        manifest
    )
    assert manifest["scores"]["arms"] == undisturbed.result["arms"]


def test_nothing_but_json_reaches_standard_output_and_progress_is_plain_when_piped(undisturbed: Run) -> None:
    assert "\x1b[" not in undisturbed.progress
    for stage in ("history", "corpus", "weights", "held-out"):
        assert (
            stage in undisturbed.progress
            or stage in (undisturbed.home / ".inhouse/logs/inhouse.log").read_text()
        )


def test_ctrl_c_says_that_nothing_is_lost(undisturbed: Run, tmp_path: Path) -> None:
    process = start(*undisturbed.words(tmp_path))
    deadline = time.monotonic() + 60
    while not (tmp_path / ".inhouse" / "artefacts").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: stopped; finished work is kept")
    assert json.loads(out)["exit_code"] == 130
