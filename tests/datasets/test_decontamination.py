"""Benchmarks: planted copies are found, each by its rule; other code is left alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from inhouse.config import Settings
from inhouse.datasets.candidates import Candidate
from inhouse.datasets.contamination import Seen
from inhouse.datasets.decontamination import HELDOUT, Benchmarks, benchmark_digests, benchmark_files
from inhouse.datasets.material import Placed
from inhouse.errors import UserMistake
from inhouse.records import Example, Item

PROMPT = '''def largest_gap(values):
    """Return the largest difference between neighbours of a sorted list of numbers."""
'''
SOLUTION = """    ordered = sorted(values)
    best = 0
    for left, right in zip(ordered, ordered[1:]):
        if right - left > best:
            best = right - left
    return best
"""
CLEAN = '''def greet(name):
    """Say hello to somebody, whose name is given, and return nothing at all."""
    print("hello", name)
'''


def _row(text: str) -> Example:
    return Example("1", "continuation", "train", text, (1,), (True,), ("somewhere",), 1.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    rows = [
        {"task_id": "own/1", "prompt": PROMPT, "canonical_solution": SOLUTION, "entry_point": "largest_gap"},
        {"task_id": "own/2", "prompt": "return the seven longest words of any text"},
        {"task_id": "own/3", "prompt": "add two"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def benchmarks(file: Path) -> Benchmarks:
    return Benchmarks({"own": file})


def test_a_whole_text_is_found_whatever_its_white_space(benchmarks: Benchmarks) -> None:
    hit = benchmarks.find(_row("x = 1\n" + SOLUTION.replace("    ", "\t") + "y = 2\n"))
    assert hit is not None
    assert (hit.benchmark, hit.item, hit.how, hit.lineage) == ("own", "own/1", "exact", ("somewhere",))


def test_what_shares_words_with_a_held_out_item_is_listed_and_both_stay() -> None:
    """A signature that new code shares with old code is no copy: its own rule lets the item pass."""
    shared = "def on_event(self, sender, name, value, priority, handled, source, target, when, why):\n"
    old = shared + "".join(f"    self.old_{number} = sender.{number}\n" for number in range(12))
    new = shared + "".join(f"    return value.new_{number}(why)\n" for number in range(12))
    seen = Seen()
    seen.add([Placed("a.py", "d", "o", old)])
    item = Item("7", "heldout", "c", 0, "a.py", "python", "", "", new, True)
    (kept,) = seen.check([Candidate(item, (), 0)])
    assert kept.removed == ""
    overlap = Benchmarks.of_heldout([item])
    hit = overlap.find(_row(old))
    assert hit is not None
    assert (hit.benchmark, hit.item, hit.how, hit.lineage) == (HELDOUT, "7", "12 words", ("somewhere",))
    assert overlap.find(_row(CLEAN)) is None
    assert overlap.find(_row("x = 1\n" + new)) is not None
    account = {"items": 1, "items_too_short": 0, "rows 12 words": 1, "rows exact": 1}
    assert overlap.account() == {HELDOUT: account}


def test_a_short_text_is_found_too(benchmarks: Benchmarks) -> None:
    hit = benchmarks.find(_row("# return the seven longest words of any text\n"))
    assert hit is not None
    assert (hit.item, hit.how) == ("own/2", "exact")
    assert benchmarks.find(_row("# add two\n")) is None  # three words stand anywhere


def test_twelve_words_in_a_row_are_enough_and_eleven_are_not(benchmarks: Benchmarks) -> None:
    words = "return the largest difference between neighbours of a sorted list of numbers".split()  # noqa: SIM905
    hit = benchmarks.find(_row(f"# {' '.join(words)}\nz = 0\n"))
    assert hit is not None
    assert (hit.how, hit.evidence) == ("12 words", " ".join(words))
    assert benchmarks.find(_row(f"# {' '.join(words[1:])}\nz = 0\n")) is None


def test_a_solution_with_another_name_is_found_as_similar_in_a_longer_row(benchmarks: Benchmarks) -> None:
    near = SOLUTION.replace("zip(ordered", "zip(values")
    hit = benchmarks.find(_row(f"import os\n\n{CLEAN}\n\nif True:\n{near}\n\nimport sys\n"))
    assert hit is not None
    assert hit.how == "similar"
    assert 0.6 <= hit.similarity < 1


def test_other_code_and_tables_of_numbers_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_text(json.dumps({"id": 7, "test": f"check({list(range(40))})"}) + "\n")
    benchmarks = Benchmarks({"numbers": path})
    assert benchmarks.find(_row(f"TABLE = {list(range(90))}\n")) is None
    assert benchmarks.find(_row(CLEAN)) is None
    assert benchmarks.hits == []


def test_every_hit_is_counted(benchmarks: Benchmarks) -> None:
    benchmarks.find(_row(SOLUTION))
    benchmarks.find(_row(f"{CLEAN}\n\n{SOLUTION}"))
    benchmarks.find(_row(CLEAN))
    assert benchmarks.account() == {"own": {"items": 3, "items_too_short": 1, "rows exact": 2}}


def test_human_eval_is_compared_with_by_default_and_can_be_left_out() -> None:
    benchmarks = Benchmarks.of(Settings())
    assert benchmarks.account() == {"HumanEval": {"items": 164, "items_too_short": 0}}
    path = benchmark_files(Settings())["HumanEval"]
    problem = json.loads(gzip.decompress(path.read_bytes()).decode().split("\n")[0])
    hit = benchmarks.find(_row("# found somewhere\n" + problem["prompt"]))
    assert hit is not None
    assert (hit.item, hit.how) == ("HumanEval/0", "exact")
    off = Settings.model_validate({"dataset": {"human_eval": False}})
    assert Benchmarks.of(off).account() == {}


def test_mbpp_in_one_json_list_is_read_where_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sanitized-mbpp.json"
    path.write_text(
        json.dumps([{"task_id": 11, "prompt": PROMPT, "code": SOLUTION, "test_list": ["assert f()"]}])
    )
    settings = Settings.model_validate({"generation": {"mbpp": str(path)}, "dataset": {"human_eval": False}})
    hit = Benchmarks.of(settings).find(_row(SOLUTION))
    assert hit is not None
    assert (hit.benchmark, hit.item) == ("MBPP", "11")


def test_a_dataset_hangs_on_what_the_benchmarks_hold(file: Path) -> None:
    settings = Settings.model_validate({"dataset": {"human_eval": False, "benchmarks": [str(file)]}})
    first = benchmark_digests(settings)
    file.write_text(file.read_text() + json.dumps({"id": "4", "prompt": CLEAN}) + "\n")
    assert benchmark_digests(settings) != first
    file.unlink()
    assert benchmark_digests(settings) == {"own.jsonl": "missing"}


@pytest.mark.parametrize("content", ["no json", "[1, 2]\n", '"text"\n', '{"id": 1}\n', ""])
def test_a_file_that_is_no_benchmark_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(UserMistake, match="a benchmark"):
        Benchmarks({"bad": path})
    with pytest.raises(UserMistake, match="a benchmark"):
        Benchmarks({"bad": tmp_path / "missing.jsonl"})
