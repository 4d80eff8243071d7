"""The prompted arm: conventions and examples in the prompt, at the cost of the file's beginning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.evaluation.arms import ARMS
from inhouse.evaluation.conventions import profile
from inhouse.evaluation.prompted import (
    PROMPTED,
    PROMPTED_ARM,
    PromptText,
    example_functions,
    score_prompted,
)
from inhouse.records import Score
from inhouse.shards import read_records

ROOM = 400


@pytest.fixture(scope="module")
def files(planted):
    return sorted(planted.tree().items())


@pytest.fixture
def text(files, tokenizer):
    return PromptText(profile(files), example_functions(files, 0), tokenizer, ROOM)


def test_the_text_fits_its_room_whatever_that_is(files, tokenizer, planted) -> None:
    item = planted.items()[0]
    conventions, examples = profile(files), example_functions(files, 0)
    for room in (0, 1, 40, 150, 400, 1_000):
        written = PromptText(conventions, examples, tokenizer, room)(item)
        assert len(tokenizer.encode(written)) <= room


def test_a_longer_context_has_room_for_more(text, tokenizer, planted) -> None:
    item = planted.items()[0]
    sizes = [len(tokenizer.encode(text(item, scale))) for scale in (0.5, 1.0, 2.0)]
    assert sizes[0] <= ROOM // 2 < sizes[1] <= ROOM < sizes[2] <= 2 * ROOM


def test_conventions_come_first_and_are_comments_of_the_language(text, planted) -> None:
    lines = text(planted.items()[0]).splitlines()
    assert lines[0].startswith("# ")
    assert "LedgerFault" in text(planted.items()[0])


def test_the_text_hangs_on_the_language_only(text, planted) -> None:
    first, second = planted.items()[:2]
    assert text(first) == text(second) != ""
    assert text(replace(first, language="go")) == ""


def test_every_arm_has_the_same_number_of_tokens(text, bench, planted) -> None:
    for item in planted.items()[:6]:
        base, prompted = bench.cases(item, [ARMS[0], PROMPTED_ARM], {PROMPTED: text})
        assert len(prompted.context) <= bench.context_tokens
        assert prompted.target == base.target
        assert prompted.adapter == ""
        assert prompted.context != base.context


def test_examples_are_whole_documented_functions_of_the_tree_and_tests_come_last(files) -> None:
    documented = (
        'def area(width, height):\n    """Return it."""\n    check(width)\n    return width * height\n'
    )
    tree = [("tests/test_area.py", documented.replace("area", "test_area")), ("src/area.py", documented)]
    assert example_functions(tree, 0) == {"python": [documented, documented.replace("area", "test_area")]}
    bare = documented.replace('    """Return it."""\n', "    check(height)\n")
    assert example_functions([("src/area.py", bare)], 0) == {}


def test_a_killed_scoring_goes_on_with_the_shards_that_are_there(text, bench, planted, engine) -> None:
    items = planted.items()[:10]
    found = score_prompted(bench, items, text)
    assert [score.item for score in found] == [item.id for item in items]
    assert {score.arm for score in found} == {"prompted"}
    kept = sorted(path.name for path in bench.folder.iterdir())
    (bench.folder / kept[-1]).unlink()
    assert repr(score_prompted(bench, items, text)) == repr(found)  # NaN is not equal to itself
    assert repr(list(read_records(bench.folder, "scores", Score))) == repr(found)
