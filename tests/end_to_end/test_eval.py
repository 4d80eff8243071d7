"""`inhouse eval` and `inhouse tasks` as a user meets them: a tiny model before every suite that can run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.end_to_end.command import Ended, inhouse
from tests.end_to_end.conftest import Run

SETTINGS = """\
execution: {max_tasks: 1}
generation: {max_new_tokens: 8, chat_tokens: 8, samples: 2}
"""


@pytest.fixture(scope="module")
def run(undisturbed: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The finished run in a workspace of this file's own."""
    home = tmp_path_factory.mktemp("examined") / "home"
    shutil.copytree(undisturbed.home, home)
    return replace(undisturbed, home=home)


def _eval(run: Run, *more: object) -> Ended:
    where = [run.repository, "--model", run.model, "--budget", "smoke", "--workspace", run.home]
    return inhouse("eval", *where, "--limit", 2, *more)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("settings") / "inhouse.yaml"
    file.write_text(SETTINGS, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def examined(run: Run, settings: Path) -> Ended:
    """Tasks mined, all suites run, gates checked."""
    where = [run.repository, "--budget", "smoke", "--workspace", run.home]
    mined = inhouse("tasks", "mine", *where, "--settings", settings, "--json")
    assert mined.code == 0, mined.err
    assert mined.json["counts"]["tasks"] >= 2
    return _eval(run, "--settings", settings, "--gate", "--json")


def test_a_gate_that_cannot_be_told_stops_the_release_and_is_named(examined: Ended) -> None:
    assert examined.code == 1
    assert len(examined.errors) == 1
    assert "general_code" in examined.errors[0]
    card = examined.json
    stopped = [gate["name"] for gate in card["gates"] if gate["blocks"]]
    assert "general_code" in stopped
    assert Path(card["card"]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_every_number_says_n_interval_arm_seed_digests_and_isolation(examined: Ended) -> None:
    card = examined.json
    assert {"likelihood", "general_code", "execution", "chat", "cost", "conventions"} <= set(card["results"])
    assert card["seed"] == 0
    assert len(card["base_digest"]) == len(card["adapter_digest"]) == 64
    assert set(card["measured"]) == set(card["results"])
    assert card["measured"]["execution"]["isolation"] in ("bubblewrap", "sandlock")
    for measures in card["results"].values():
        for measure in measures.values():
            assert all({"value", "low", "high", "n"} <= set(arm) for arm in measure["arms"].values())


def test_the_prompted_arm_is_scored_on_the_items_of_the_others(examined: Ended) -> None:
    arms = examined.json["results"]["likelihood"]["bits_per_byte"]["arms"]
    assert {"base", "prompted", "tuned"} <= set(arms)
    assert arms["prompted"]["n"] == arms["base"]["n"] > 0


def test_prose_that_came_after_the_cut_is_scored_for_every_arm_beside_the_questions(examined: Ended) -> None:
    measures = examined.json["results"]["documents"]
    assert "answer_exact" in measures
    arms = measures["bits_per_byte (docstrings)"]["arms"]
    assert {"base", "prompted", "tuned"} <= set(arms)
    assert {arm["n"] for arm in arms.values()} == {2}  # --limit
    assert not measures["bits_per_byte (docstrings)"]["leading"]


def test_canaries_are_planted_and_asked_for_without_any_task(undisturbed: Run, tmp_path: Path) -> None:
    planted, home = tmp_path / "inhouse.yaml", tmp_path / "home"
    planted.write_text("dataset: {canaries: 2, canary_repeats: 3}\n", encoding="utf-8")
    shutil.copytree(undisturbed.home, home)
    where = ["--model", undisturbed.model, "--budget", "smoke", "--workspace", home, "--settings", planted]
    ended = inhouse("eval", undisturbed.repository, *where, "--suite", "leaks", "--json")
    assert ended.code == 0, ended.err
    arms = ended.json["results"]["leaks"]["exposure"]["arms"]
    assert {name: arm["n"] for name, arm in arms.items()} == {"base": 2, "tuned": 2}
    assert "tasks mine" in ended.json["skipped"]["leaks in answers"]


def test_judging_again_generates_nothing_and_says_the_same(run: Run, settings: Path, examined: Ended) -> None:
    again = _eval(run, "--settings", settings, "--no-samples", "--json")
    assert again.code == 0, again.err
    assert "answers of" not in again.err
    assert again.json["results"] == examined.json["results"]
    assert (bool(examined.json["samples"]), again.json["samples"]) == (True, [])


def test_one_arm_of_one_suite_needs_no_adapter_and_no_held_out_code(run: Run, tmp_path: Path) -> None:
    ended = inhouse(
        "eval", run.repository, "--model", run.model, "--budget", "smoke",
        "--workspace", tmp_path, "--suite", "chat", "--arm", "base", "--limit", 1, "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.json["adapter_digest"] == ""
    assert list(ended.json["results"]["chat"]["parsable code"]["arms"]) == ["base"]
    assert not (tmp_path / ".inhouse" / "artefacts" / "weights").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--suite", "executions"], "execution"),
        (["--suite", "chat", "--arm", "tunned"], "tuned"),
        (["--limit", "0"], "--limit"),
        (["--suite", "user:nowhere.jsonl"], "nowhere.jsonl"),
        (["--suite", "mbpp"], "generation.mbpp"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_what_there_is(run: Run, words: list[str], named: str) -> None:
    ended = _eval(run, *words)
    assert (ended.code, len(ended.errors)) == (2, 1)
    assert named in ended.errors[0]


def test_tasks_are_listed_and_shown_and_an_unknown_one_is_refused(run: Run, examined: Ended) -> None:
    where = ["--workspace", run.home]
    listed = inhouse("tasks", "list", *where, "--json").json["tasks"]
    assert inhouse("tasks", "show", listed[0]["id"], *where).code == 0
    refused = inhouse("tasks", "show", "0" * 12, *where)
    assert (refused.code, len(refused.errors)) == (2, 1)


def test_the_likelihood_is_taken_apart(run: Run, settings: Path, examined: Ended) -> None:
    found = _eval(run, "--settings", settings, "--suite", "likelihood", "--json")
    assert found.code == 0, found.err
    parts = found.json["breakdown"]
    assert {"calibration", "by_language", "by_age", "by_identifier", "drift"} == set(parts)
    assert parts["by_language"]["python"]["arms"]["base"]["bits_per_byte"]["n"] > 0
    assert parts == examined.json["breakdown"]
