"""Newer documents: every arm on the same items, resumable, told by commit, beside the comparison on code."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from inhouse.digests import digest_text
from inhouse.evaluation.arms import ARMS, RETRIEVED, Retriever
from inhouse.evaluation.conventions import profile
from inhouse.evaluation.newer import SCORES, example_passages, newer_items, score_newer, why_none
from inhouse.evaluation.prompted import PROMPTED, PROMPTED_ARM, PromptText
from inhouse.evaluation.results import kind_of, results
from inhouse.evaluation.suites.documents import newer_documents
from inhouse.records import Item, Score
from inhouse.shards import read_records, write_json, write_records

ALL = (ARMS[0], PROMPTED_ARM, *ARMS[1:])
GUIDE = """# Guide

Short.

Amounts are kept in minor units, because cents that are floats get lost on the way.

## More

Every service fails with the same exception, whose code is looked up in one table of this guide.
"""
DOCUMENTS = {
    "docs/guide.md": GUIDE,
    "docs/plan.rst": "Plan\n----\n\n" + "Refunds are voided by night shifts. " * 3,
}


def _items(planted):
    """Return twelve items of six commits: nine of documents, three docstrings."""
    target = "Refunds of batch number {} are voided by the night shift, for the ledger is closed by then.\n"
    return [
        Item(
            id=digest_text(str(number)),
            split="documents",
            commit=f"{number // 2:040d}",
            date=number,
            path="src/a.py" if number % 4 == 3 else "docs/guide.md",
            language="python" if number % 4 == 3 else "markdown",
            message="Explain the ledger",
            prefix=f"# Ledger\n\n{planted.items()[number].prefix[:200]}\n",
            target=target.format(number),
            known_path=True,
        )
        for number in range(12)
    ]


@pytest.fixture
def dataset(tmp_path_factory, planted):
    folder = tmp_path_factory.mktemp("dataset")
    write_records(folder / "documents.parquet", _items(planted), Item)
    return folder


@pytest.fixture
def texts(planted, tokenizer, index, bench):
    examples = example_passages(sorted(DOCUMENTS.items()), 0)
    prompt = PromptText(profile(sorted(planted.tree().items())), examples, tokenizer, 250)
    return {RETRIEVED: Retriever(index, bench, 0.25), PROMPTED: prompt}


def test_every_arm_is_scored_on_every_item_with_the_same_number_of_tokens(bench, dataset, texts) -> None:
    items = newer_items(dataset, None, 0)
    scores = score_newer(bench, items, ALL, texts)
    assert Counter(score.arm for score in scores) == {arm.name: 12 for arm in ALL}
    assert {score.item for score in scores} == {item.id for item in items}
    assert max(len(request.context) for request in bench.engine.scored) <= bench.context_tokens
    bits = {arm.name: sum(score.bits for score in scores if score.arm == arm.name) for arm in ALL}
    assert len({round(value, 6) for value in bits.values()}) == len(ALL)


def test_a_killed_scoring_goes_on_behind_the_last_shard(bench, dataset, texts) -> None:
    items = newer_items(dataset, None, 0)
    bench.engine.patience = 8 * len(ALL) + 3
    with pytest.raises(KeyboardInterrupt):
        score_newer(bench, items, ALL, texts)
    first = len(bench.engine.scored)
    bench.engine.patience = 1_000
    score_newer(bench, items, ALL, texts)
    assert len(bench.engine.scored) - first == 4 * len(ALL)
    assert len(list(read_records(bench.folder, SCORES, Score))) == 12 * len(ALL)


def test_judgements_are_grouped_by_commit_and_name_their_file(bench, dataset, texts) -> None:
    score_newer(bench, newer_items(dataset, None, 0), ALL, texts)
    found = list(newer_documents(bench.folder, dataset))
    assert {one.suite for one in found} == {"documents"}
    assert {one.measure for one in found} == {
        f"{name} ({part})"
        for name in ("bits_per_byte", "next_token_accuracy")
        for part in ("documents", "docstrings")
    }
    assert len({one.group for one in found}) == 6
    assert found[0].note == f"docs/guide.md at {'0' * 12}"
    measures = results(found)["documents"]
    arms = measures["bits_per_byte (documents)"]["arms"]
    assert {name: (arm["n"], arm["commits"]) for name, arm in arms.items()} == {
        arm.name: (9, 6) for arm in ALL
    }
    assert measures["bits_per_byte (docstrings)"]["arms"]["tuned"]["n"] == 3
    difference = measures["bits_per_byte (documents)"]["differences"]["tuned - base"]
    assert {"value", "low", "high", "p", "detectable", "sentence"} <= set(difference)


def test_prose_leads_nothing_so_that_the_comparison_on_code_stays_as_it_is(bench, dataset, texts) -> None:
    """Were it a leading measure, Holm's correction of the others would change with it."""
    score_newer(bench, newer_items(dataset, None, 0), ALL, texts)
    prose = list(newer_documents(bench.folder, dataset))
    code = [replace(one, suite="likelihood", measure=one.measure.partition(" (")[0]) for one in prose]
    asked = [replace(one, measure="answer_exact", top=one.sample, bottom=1.0) for one in prose]
    for part in ("documents", "docstrings"):
        kind = kind_of(f"bits_per_byte ({part})")
        assert (kind.leading, kind.lower_is_better, kind.unit) == (False, True, "bits per byte")
    alone, together = results([*code, *asked]), results([*code, *asked, *prose])
    assert together["likelihood"] == alone["likelihood"]


def test_a_limit_takes_items_of_all_commits(dataset) -> None:
    items = newer_items(dataset, 6, 0)
    assert len({item.commit for item in items}) == 6 == len(items)
    assert [item.date for item in items] == sorted(item.date for item in items)


def test_passages_are_shown_by_language_and_only_whole_short_ones_with_a_sentence() -> None:
    found = example_passages(sorted(DOCUMENTS.items()), 0)
    assert set(found) == {"markdown", "rst"}
    assert found["markdown"][0] in (
        "Amounts are kept in minor units, because cents that are floats get lost on the way.\n",
        "Every service fails with the same exception, whose code is looked up in one table of this guide.\n",
    )
    assert example_passages([("a.py", '"""Doc."""\n'), ("b.md", "| a | b |\n" * 20)], 0) == {}


def test_a_dataset_without_them_says_why_in_a_sentence(tmp_path) -> None:
    account = {
        "candidates": 5, "commits": 2, "kept": 0, "commits_kept": 0, "tokens_cut": 0, "languages": {},
        "removed": {"seen before": 3, "under 40 bytes": 2},
    }  # fmt: skip
    write_json(tmp_path / "accounting.json", {"documents": account})
    assert newer_items(tmp_path, None, 0) == []
    assert why_none(tmp_path) == (
        "newer document items: 0 of 5 candidates kept (0 of 2 commits); "
        "removed: 3 seen before, 2 under 40 bytes"
    )
