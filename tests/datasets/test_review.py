"""Review: the sample is the same again, the page shows what is learnt, and a dropped row stays dropped."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from inhouse.config import load_settings
from inhouse.datasets.formats import example
from inhouse.datasets.likelihood import LEAST, Rated
from inhouse.datasets.review import read_drops, sampled, write_review
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example
from inhouse.shards import read_records
from tests.datasets.project import make_dataset, make_project, make_settings, prepare


def _row(tokenizer: Tokenizer, number: int) -> Example:
    parts = tokenizer.encode("asked <b>\n"), tokenizer.encode(f"answer & {number}\n")
    return example("task", "train", tokenizer, parts, ("o",), str(number))


def test_the_sample_is_a_share_that_the_seed_decides(tokenizer: Tokenizer) -> None:
    rows = [_row(tokenizer, number) for number in range(40)]
    assert len(sampled(rows, 0.05, 0)) == 2
    assert sampled(rows, 0.05, 0) == sampled(rows[::-1], 0.05, 0)
    assert len({tuple(row.id for row in sampled(rows, 0.05, seed)) for seed in range(5)}) > 1
    assert sampled(rows, 0.0, 0) == []
    assert len(sampled(rows[:3], 0.05, 0)) == 1


def test_the_page_escapes_code_and_tells_what_carries_loss(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_review(tmp_path, [_row(tokenizer, 1)], tokenizer)
    page = (tmp_path / "review.html").read_text()
    assert '<span class="plain">asked &lt;b&gt;' in page
    assert '<span class="learnt">answer &amp; 1' in page
    assert read_drops(tmp_path / "review.csv") == frozenset()


def test_the_page_says_how_to_decide_in_words_that_the_settings_know(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    write_review(tmp_path, [_row(tokenizer, 1)], tokenizer)
    page = (tmp_path / "review.html").read_text()
    for step in ("Copy <code>review.csv</code>", "<code>drop</code>", "inhouse dataset build"):
        assert step in page
    shown = re.search(r"<pre>(dataset:\n.*?)</pre>", page, re.DOTALL)
    assert shown is not None
    (tmp_path / "inhouse.yaml").write_text(shown[1])
    assert load_settings(tmp_path / "inhouse.yaml").dataset.review == Path("review.csv")
    assert "Least and most likely" not in page


def test_the_least_and_the_most_likely_rows_are_shown_with_what_became_of_them(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    ends = [Rated(_row(tokenizer, 7), 4.25, LEAST)], [Rated(_row(tokenizer, 8), 0.5, "")]
    write_review(tmp_path, [], tokenizer, ends)
    page = (tmp_path / "review.html").read_text()
    assert "<h3>Least likely task: 4.250 bits per byte, dropped</h3>" in page
    assert "<h3>Most likely task: 0.500 bits per byte</h3>" in page
    assert page.index("answer &amp; 7") < page.index("answer &amp; 8")
    assert (tmp_path / "review.csv").read_text() == "id,kind,decision,note\n"


@pytest.mark.parametrize("content", ["id,decision\n1,maybe\n", "name\nx\n", None])
def test_a_file_without_decisions_is_refused_in_a_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "decisions.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserMistake, match=r"dataset\.review"):
        read_drops(path)


def test_a_row_that_was_dropped_is_not_in_the_next_dataset(tokenizer: Tokenizer, tmp_path: Path) -> None:
    prepared = prepare(make_project(tmp_path / "shop.git").path, make_settings(), tmp_path / "prepared")
    first = make_dataset(prepared, tokenizer, make_settings(), tmp_path / "first")
    with (first / "review.csv").open(newline="") as file:
        asked = list(csv.DictReader(file))
    assert asked
    decided = tmp_path / "decided.csv"
    with decided.open("w", newline="") as file:
        writer = csv.DictWriter(file, asked[0])
        writer.writeheader()
        writer.writerows(row | {"decision": "Drop", "note": "a name"} for row in asked[:1])
    settings = make_settings(dataset={"review": str(decided)})  # type: ignore[dict-item]
    second = make_dataset(prepared, tokenizer, settings, tmp_path / "second")
    ids = [{row.id for row in read_records(folder, "examples", Example)} for folder in (first, second)]
    assert asked[0]["id"] in ids[0]
    assert asked[0]["id"] not in ids[1]
    assert len(ids[0] & ids[1]) >= len(ids[0]) // 2
    assert "dropped in review" in (second / "accounting.json").read_text()
