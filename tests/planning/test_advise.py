"""`inhouse advise`: estimates without weights, and one sentence for what cannot be answered."""

from __future__ import annotations

import json

import pytest

from inhouse.cli.main import main
from inhouse.training.method import known_methods


def test_every_method_is_estimated_for_a_model_that_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "--memory", "--model", "Qwen/Qwen2.5-Coder-7B", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in answer["methods"]] == list(known_methods())
    for row in answer["methods"]:
        assert row["bytes"]["total_bytes"] == sum(v for k, v in row["bytes"].items() if k != "total_bytes")


def test_a_method_that_does_not_fit_comes_with_settings_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["advise", "--memory", "--model", "qwen2.5-coder-7b", "--method", "lora", "--gpu", "rtx-4090"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "lora does not fit rtx-4090-24gb; would fit: recompute activations (" in out
    assert main([*words, "--recompute", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["methods"]
    assert row["fits"] == {"rtx-4090-24gb": True}
    assert row["would_fit"] == {}


def test_a_model_without_biases_is_not_offered_bitfit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "--memory", "--gpu", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "CPU, float32" in out
    assert "bitfit" not in out


def test_serving_grows_with_requests(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = []
    for requests in ("1", "8"):
        words = [
            "advise",
            "--memory",
            "--serving",
            "--model",
            "llama-3.1-8b",
            "--requests",
            requests,
            "--json",
        ]
        assert main(words) == 0
        sizes.append(json.loads(capsys.readouterr().out)["bytes"])
    assert sizes[1]["keys_and_values"] == 8 * sizes[0]["keys_and_values"] == 8 * 2_048 * 131_072
    assert sizes[0]["weights"] == sizes[1]["weights"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "nothing-7b"], "did you mean"),
        (["--gpu", "a100"], "a100 is several"),
        (["--method", "lorra"], "did you mean lora"),
        (["--length", "0"], "--length is at least 1"),
    ],
)
def test_a_mistake_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advise", "--memory", *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
