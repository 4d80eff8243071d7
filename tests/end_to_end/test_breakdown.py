"""The likelihood of a finished run taken apart, from its artefacts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inhouse.evaluation.breakdown import breakdown, read_scored
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Split
from inhouse.workspace import Workspace
from tests.end_to_end.command import inhouse

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Run


def test_a_finished_run_is_taken_apart_without_scoring_again(undisturbed: Run) -> None:
    workspace = Workspace.find(undisturbed.home / ".inhouse")
    stages = {name: workspace.need(name, "") for name in ("scores", "dataset", "history", "corpus")}
    workspace.close()
    paths = {name: artefact.path for name, artefact in stages.items()}
    split = Split(**stages["history"].read_json("split.json"))
    scored = read_scored(**paths, split=split, tokenizer=Tokenizer.load(undisturbed.model))
    found = breakdown(scored)
    summary = stages["scores"].read_json("summary.json")
    items, tokens = summary["items"]["scored"], sum(score.tokens for score in scored.scores["base"])
    assert len(scored.items) == items
    assert found["calibration"]["base"]["tokens"] == tokens
    assert found["calibration"]["base"]["error"]["value"] > 0
    assert sum(group["tokens"] for group in found["by_identifier"].values()) == tokens
    assert found["by_identifier"]["known identifiers"]["tokens"] > 0
    assert sum(group["tuned - base"]["n"] for group in found["by_age"].values()) == items
    assert sum(period["tuned - base"]["n"] for period in found["drift"]["periods"]) == items
    for language, group in found["by_language"].items():
        assert group["arms"]["base"]["bits_per_byte"] == summary["by_language"][language]["arms"]["base"]


def test_the_arms_of_a_finished_run_compare_as_its_summary_says(undisturbed: Run) -> None:
    name = undisturbed.result["adapter"]["name"]
    ended = inhouse("compare", name, f"{name}:base", "--workspace", undisturbed.home, "--json")
    assert ended.code == 0, ended.err
    found = ended.json["suites"]["likelihood"]["bits_per_byte"]["differences"]
    expected = undisturbed.result["differences"]["tuned - base"]["bits_per_byte"]
    (difference,) = found.values()
    assert {key: difference[key] for key in expected} == pytest.approx(expected)
