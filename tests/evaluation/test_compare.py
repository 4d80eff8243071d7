"""The comparison as a whole: budgets kept, killed runs resumed, the same bytes every time."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from inhouse.config import BUDGETS, Settings
from inhouse.digests import digest_file, digest_text
from inhouse.evaluation.compare import write_scores
from inhouse.progress import Progress
from inhouse.records import Example, Item, Score
from inhouse.retrieval.index import Index
from inhouse.shards import read_records, write_records
from tests.evaluation.counting import CountingEngine

ARMS = ["base", "retrieval", "tuned", "tuned_retrieval"]
MEASURES = ["bits_per_byte", "next_token_accuracy", "statement_exact", "statement_identifiers"]
SETTINGS = Settings.model_validate(
    {"budget": "demo", "evaluation": {"context_tokens": 500, "retrieval_shares": [0.4, 0.6]}}
)


@pytest.fixture(scope="module")
def dataset(planted, tmp_path_factory):
    """Validation and held-out items that share no commit, and the training texts."""
    return write_dataset(tmp_path_factory.mktemp("dataset"), planted, planted.items()[:13])


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    with_nothing = Index.open(tmp_path_factory.mktemp("index") / "empty.db")
    with_nothing.update([])
    return with_nothing


@pytest.fixture(scope="module")
def finished(tokenizer, planted, dataset, index, tmp_path_factory):
    """An undisturbed run: its folder and its engine."""
    folder = tmp_path_factory.mktemp("scores")
    return folder, compare(folder, dataset, {"validation": index, "heldout": index}, tokenizer, planted)


def write_dataset(folder, planted, heldout, validation=3):
    halves = [replace(item, target="".join(item.target.splitlines(True)[:6])) for item in heldout]
    items = [
        replace(item, split="validation" if n < validation else "heldout") for n, item in enumerate(halves)
    ]
    texts = planted.tree().values()
    examples = [Example(digest_text(text), "continuation", "train", text, (), (), (), 1.0) for text in texts]
    write_records(folder / "items.parquet", items, Item)
    write_records(folder / "examples.parquet", examples, Example)
    return folder


def compare(folder, dataset, indexes, tokenizer, planted, patience=math.inf):
    engine = CountingEngine(tokenizer, patience)
    engine.learn("digest", list(planted.tree().values()))
    write_scores(
        engine,
        tokenizer,
        dataset,
        indexes,
        "digest",
        "ledgerkit",
        SETTINGS,
        folder,
        Progress.silent(),
        "model",
    )
    return engine


def read(folder, name="summary.json"):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def digests(folder):
    return {path.name: digest_file(path) for path in sorted(folder.iterdir())}


def test_the_summary_answers_the_question(finished):
    summary = read(finished[0])
    assert list(summary["arms"]) == ARMS
    assert sorted(summary["arms"]["base"]) == sorted(MEASURES)
    assert sorted(summary["differences"]) == sorted(
        ["tuned - base", "retrieval - base", "tuned - retrieval", "tuned_retrieval - retrieval",
         "tuned_retrieval - tuned"]
    )  # fmt: skip
    gain = summary["differences"]["tuned - base"]["bits_per_byte"]
    assert gain["high"] < 0
    assert gain["n"] == gain["commits"] == 10
    assert summary["verdict"].startswith("On 10 held-out items of 10 commits, tuning saves ")
    assert summary["retrieval_used"] is True
    assert summary["retrieval_share"] in (0.4, 0.6)
    assert list(summary["shares_tried"]) == ["0", "0.4", "0.6"]
    assert all(found["n"] == 3 for found in summary["shares_tried"].values())
    assert summary["items"] == {"available": 10, "scored": 10, "commits": 10, "generated": 10}
    assert (summary["model"], summary["adapter"], summary["seed"]) == ("model", "digest", 0)
    assert summary["retention"]["n"] == summary["retention"]["modules"] > 3
    assert summary["retention"]["python"].count(".") == 2


def test_every_value_lies_in_its_interval_and_says_its_n(finished):
    summary = read(finished[0])
    for measures in [*summary["arms"].values(), *summary["differences"].values()]:
        for found in measures.values():
            assert found["low"] <= found["value"] <= found["high"]
            assert (found["n"], found["commits"]) == (10, 10)
            assert all(value == float(f"{value:.6g}") for value in found.values())


def test_values_follow_from_the_stored_scores(finished):
    folder = finished[0]
    scores = list(read_records(folder, "scores", Score))
    arms = read(folder)["arms"]
    assert len(scores) == 4 * 10
    for arm in ARMS:
        own = [score for score in scores if score.arm == arm]
        assert arms[arm]["bits_per_byte"]["value"] == pytest.approx(
            sum(score.bits for score in own) / sum(score.bytes for score in own), rel=1e-5
        )
        assert arms[arm]["statement_exact"]["value"] == pytest.approx(
            sum(score.statement_exact for score in own) / 10, rel=1e-5
        )
        assert all(score.answer for score in own)


def test_breakdowns_add_up_to_the_whole(finished):
    summary = read(finished[0])
    for name in ("by_language", "by_month"):
        parts = summary[name].values()
        assert sum(part["arms"]["base"]["n"] for part in parts) == 10
        assert all(set(part["arms"]) == set(ARMS) for part in parts)
    assert list(summary["by_language"]) == ["python"]
    assert list(summary["by_month"]) == sorted(summary["by_month"])
    assert len(summary["by_month"]) >= 3


def test_samples_show_the_extremes_side_by_side(finished):
    samples = read(finished[0], "samples.json")
    gains = {title: [sample["gain"] for sample in samples[title]] for title in ("best", "worst")}
    assert gains["best"] == sorted(gains["best"], reverse=True)
    assert gains["worst"] == sorted(gains["worst"])
    assert min(gains["best"]) >= max(gains["worst"])
    assert [len(samples[title]) for title in ("best", "worst")] == [5, 5]
    for sample in samples["best"]:
        assert list(sample["arms"]) == ARMS
        assert sample["gain"] == pytest.approx(
            sample["arms"]["base"]["bits_per_byte"] - sample["arms"]["tuned"]["bits_per_byte"], abs=1e-4
        )
        assert sample["target"].startswith(sample["lead"] + sample["statement"])
        assert sample["retrieved"]
        assert all(isinstance(arm["answer"], str) for arm in sample["arms"].values())


def test_tokens_are_counted_as_they_were_spent(finished):
    folder, engine = finished
    budget = read(folder)["budget"]
    spent = sum(len(request.context) + len(request.target) for request in engine.scored)
    scored = budget["scored"]
    assert scored["used"] == scored["shares"] + scored["retention"] + scored["heldout"] == spent
    assert scored["used"] <= scored["allowed"] == BUDGETS["demo"].scored
    assert 0.05 * scored["allowed"] < scored["retention"] <= 0.15 * scored["allowed"]
    assert budget["generated"]["used"] <= budget["generated"]["allowed"] == BUDGETS["demo"].generated
    assert budget["generated"]["prompt_tokens"] == sum(len(request.prompt) for request in engine.asked)


def test_a_run_that_is_killed_anywhere_ends_with_the_same_bytes(
    finished, tokenizer, planted, dataset, index, tmp_path
):
    folder, engine = finished
    indexes = {"validation": index, "heldout": index}
    work = len(engine.scored) + len(engine.asked)
    for patience in (5, 20, 60):
        with pytest.raises(KeyboardInterrupt):
            compare(tmp_path, dataset, indexes, tokenizer, planted, patience)
    last = compare(tmp_path, dataset, indexes, tokenizer, planted)
    done = 5 + 20 + 60 + len(last.scored) + len(last.asked)
    assert digests(tmp_path) == digests(folder)
    assert done - work <= 3 * 8 * 4 * 2  # at most the shard in work was lost each time


def test_a_budget_that_is_too_small_gives_an_even_sample(tokenizer, planted, index, tmp_path):
    items = [item for copy in range(9) for item in _twins(planted.items(), copy)]
    dataset = write_dataset(tmp_path, planted, items, validation=0)
    folder = tmp_path / "scores"
    folder.mkdir()
    compare(folder, dataset, {"heldout": index}, tokenizer, planted)
    summary = read(folder)
    counts = summary["items"]
    assert counts["available"] == 153
    assert counts["scored"] < 153
    assert counts["commits"] == min(
        17, counts["scored"]
    )  # a second one of a commit only after all the firsts
    assert (
        f"The budget suffices for {counts['scored']} of 153 held-out items: an even sample over commits."
        in (summary["notes"])
    )
    used = summary["budget"]["scored"]
    assert 0.9 * used["allowed"] < used["used"] <= used["allowed"]
    assert summary["shares_tried"] == {}
    assert (
        summary["notes"][0]
        == "No validation item could be scored, so the smallest share, 0.4, was taken untried."
    )


def _twins(items, copy):
    return [
        replace(item, id=digest_text(f"{item.id}{copy}"), target=item.target.replace("begin", f"begin{copy}"))
        for item in items
    ]


def test_retrieval_that_is_not_used_is_not_scored_and_said_to_be_so(
    tokenizer, planted, dataset, empty, index, tmp_path
):
    engine = compare(tmp_path, dataset, {"validation": empty, "heldout": index}, tokenizer, planted)
    summary = read(tmp_path)
    assert (summary["retrieval_used"], summary["retrieval_share"]) == (False, 0.0)
    assert summary["arms"]["retrieval"] == summary["arms"]["base"]
    assert summary["arms"]["tuned_retrieval"] == summary["arms"]["tuned"]
    nothing = summary["differences"]["retrieval - base"]["bits_per_byte"]
    assert (nothing["value"], nothing["low"], nothing["high"]) == (0.0, 0.0, 0.0)
    assert summary["differences"]["tuned_retrieval - retrieval"] == summary["differences"]["tuned - base"]
    assert "; retrieval is not used; " in summary["verdict"]
    assert {score.arm for score in read_records(tmp_path, "scores", Score)} == {"base", "tuned"}
    targets = [request for request in engine.scored if "log_event" in tokenizer.decode(request.target)]
    assert len(targets) == 3 * 3 + 2 * 10  # shares of validation items, then two arms
    assert all(sample["retrieved"] == "" for sample in read(tmp_path, "samples.json")["best"])


def test_the_share_never_depends_on_held_out_items(tokenizer, planted, dataset, index, tmp_path):
    """Other held-out items, the same validation items: the very same choice and the very same requests."""
    engines = []
    for name, heldout in (("some", planted.items()[:9]), ("few", planted.items()[:4])):
        folder = tmp_path / name
        folder.mkdir()
        own = write_dataset(folder, planted, heldout)
        (folder / "scores").mkdir()
        engines.append(
            compare(folder / "scores", own, {"validation": index, "heldout": index}, tokenizer, planted)
        )
    summaries = [read(tmp_path / name / "scores") for name in ("some", "few")]
    assert summaries[0]["shares_tried"] == summaries[1]["shares_tried"]
    assert summaries[0]["retrieval_share"] == summaries[1]["retrieval_share"]
    assert engines[0].scored[:9] == engines[1].scored[:9]


def test_few_commits_are_not_enough_for_a_verdict(tokenizer, planted, index, tmp_path):
    dataset = write_dataset(tmp_path, planted, planted.items()[:6])
    folder = tmp_path / "scores"
    folder.mkdir()
    compare(folder, dataset, {"validation": index, "heldout": index}, tokenizer, planted)
    summary = read(folder)
    assert summary["verdict"].startswith(
        "Whether anything helps cannot be told from 3 held-out items of 3 commits"
    )
    assert summary["best_arm"] == ""
    assert "Intervals from fewer than 5 commits are not to be trusted." in summary["notes"]


def test_without_held_out_items_there_is_an_answer_too(tokenizer, planted, index, tmp_path):
    dataset = write_dataset(tmp_path, planted, planted.items()[:3])
    folder = tmp_path / "scores"
    folder.mkdir()
    compare(folder, dataset, {"validation": index, "heldout": index}, tokenizer, planted)
    summary = read(folder)
    assert summary["arms"]["base"]["bits_per_byte"]["value"] is None
    assert "there are no held-out items" in summary["verdict"]
    assert read(folder, "samples.json") == {"best": [], "worst": []}
