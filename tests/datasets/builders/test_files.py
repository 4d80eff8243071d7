"""Rows of files: the order of imports, gaps, tests beside their code, and questions that nobody else asks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.builders import all_builders, find_builder, shares
from inhouse.datasets.builders.contract import Bench, Builder, Past
from inhouse.datasets.builders.infill import Infill
from inhouse.datasets.builders.questions import Questions
from inhouse.datasets.builders.related import Related
from inhouse.datasets.builders.tests import PairedTests
from inhouse.datasets.imports import Resolver, dependency_order
from inhouse.datasets.material import SourceFile
from inhouse.errors import UserMistake
from inhouse.evaluation.documents import asked_questions
from inhouse.languages import detect
from inhouse.models.tokenizer import InfillMarks, Tokenizer
from inhouse.records import Example
from tests.datasets.builders.planted import CART, GUIDE, TESTS, UTIL
from tests.tiny import write_tokenizer


def _file(path: str, text: str) -> SourceFile:
    return SourceFile(path, text, detect(path, text), "", (f"of {path}",))


def _shop() -> list[SourceFile]:
    files = {
        "tests/test_cart.py": TESTS,
        "shop/cart.py": CART,
        "shop/util.py": UTIL,
        "shop/__init__.py": '"""The shop."""\n',
        "docs/guide.md": GUIDE,
    }
    return [_file(path, text) for path, text in files.items()]


def _trained(row: Example, tokenizer: Tokenizer) -> str:
    return tokenizer.decode([i for i, own in zip(row.input_ids, row.trained, strict=True) if own])


# ------------------------------------------------------------------ the contract


def test_a_builder_is_found_by_its_file_alone_and_says_what_it_makes_in_a_line() -> None:
    assert list(all_builders()) == [
        "change",
        "continuation",
        "critique",
        "implementation",
        "infill",
        "question",
        "refactor",
        "related",
        "replay",
        "retrieval",
        "task",
        "test",
        "ticket",
    ]
    for builder in all_builders().values():
        assert issubclass(builder, Builder)
        assert 20 <= len(builder.line) <= 110
        assert "\n" not in builder.line


def test_a_kind_that_nobody_makes_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        UserMistake, match=r"there are change, continuation, .*, ticket: poem; mend dataset.kinds"
    ):
        find_builder("poem")
    assert shares([("task", 1.0), ("change", 3.0), ("infill", 0.0)]) == {"task": 0.25, "change": 0.75}
    with pytest.raises(UserMistake, match="training needs a kind of example"):
        shares([("task", 0.0)])


# ------------------------------------------------------------------ imports


@pytest.mark.parametrize(
    ("path", "text", "others", "found"),
    [
        ("src/a/b.py", "from a.c import d\nimport os\n", ["src/a/c.py", "lib/a/c.py"], ["src/a/c.py"]),
        (
            "src/a/b.py",
            "from . import c, d\n",
            ["src/a/c.py", "src/a/d/__init__.py"],
            ["src/a/c.py", "src/a/d/__init__.py"],
        ),
        ("src/a/b.py", "from ..x import y\n", ["src/x.py", "src/a/x.py"], ["src/x.py"]),
        (
            "src/a.c",
            '#include "uv/unix.h"\n#include <stdio.h>\n',
            ["include/uv/unix.h"],
            ["include/uv/unix.h"],
        ),
        ("src/a.c", '#include "b.h"\n', ["test/b.h", "src/b.h"], ["src/b.h"]),
        (
            "lib/a.js",
            "const b = require('./b')\nimport c from './c/index.js'\n",
            ["lib/b.js", "lib/c/index.js", "c/index.js"],
            ["lib/b.js", "lib/c/index.js"],
        ),
        (
            "a.go",
            'package a\nimport "github.com/x/y/sub"\n',
            ["sub/one.go", "sub/one_test.go"],
            ["sub/one.go"],
        ),
        ("src/p/A.java", "import org.p.B;\n", ["src/org/p/B.java"], ["src/org/p/B.java"]),
    ],
)
def test_an_import_is_found_in_the_repository_and_the_nearest_counts(
    path: str, text: str, others: list[str], found: list[str]
) -> None:
    assert Resolver([path, *others]).imported(_file(path, text)) == found


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=4)))
def test_what_is_imported_comes_first_unless_it_imports_back(imported: dict[str, list[str]]) -> None:
    order = dependency_order(imported)
    assert sorted(order) == sorted(imported)
    for path, targets in imported.items():
        for target in set(targets) & set(imported):
            assert order.index(target) <= order.index(path) or path in _reached(target, imported)
    assert order == dependency_order(dict(reversed(imported.items())))


def _reached(start: str, imported: dict[str, list[str]]) -> set[str]:
    seen, waiting = set[str](), [start]
    while waiting:
        for target in imported.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def test_files_that_import_each_other_share_a_row_in_the_order_of_their_imports(tokenizer: Tokenizer) -> None:
    (row,) = Related(Bench(tokenizer, "shop", 2048)).rows(Past(_shop()))
    paths = ["shop/__init__.py", "shop/util.py", "shop/cart.py", "tests/test_cart.py"]
    places = [row.text.index(f"<file_sep>{path}\n") for path in paths]
    assert all(one < other for one, other in pairwise(places))
    assert row.text.count("<|endoftext|>") == 4
    assert row.lineage == tuple(f"of {path}" for path in paths)
    marked = row.text.replace("<|endoftext|>", "")
    trained = _trained(row, tokenizer)
    assert trained == "".join(file.text for path in paths for file in _shop() if file.path == path)
    assert "file_sep" not in trained
    assert len(marked) > len(trained)


def test_a_row_never_holds_more_than_its_tokens_and_a_lonely_file_gives_none(tokenizer: Tokenizer) -> None:
    for length in (64, 300, 500, 900):
        maker = Related(Bench(tokenizer, "shop", length))
        assert all(len(row.input_ids) <= length for row in maker.rows(Past(_shop())))
    maker = Related(Bench(tokenizer, "shop", 2048))
    assert list(maker.rows(Past([_file("a.py", "x = 1\n")]))) == []
    assert maker.tally.skipped == {"no related file fits beside it": 1}


# ------------------------------------------------------------------ infill


MARKS = InfillMarks(3, 4, 5, 0)  # the tiny model's pad, repository and file markers, and its document end


def test_the_two_forms_hold_the_file_and_loss_is_on_the_gap_and_its_end(tokenizer: Tokenizer) -> None:
    rows = list(
        Infill(Bench(tokenizer, "shop", 2048, infill=MARKS)).rows(Past([_file("shop/cart.py", CART)]))
    )
    assert len(rows) > 4
    head = tokenizer.document(repository="shop", path="shop/cart.py")
    forms = set()
    for row in rows:
        ids = list(row.input_ids[len(head) :])
        loss = row.trained.index(True) - len(head)
        assert row.trained == (False,) * (len(head) + loss) + (True,) * (len(ids) - loss)
        assert ids[0] == MARKS.prefix
        assert ids[-1] == MARKS.end
        suffix, middle = ids.index(MARKS.suffix), ids.index(MARKS.middle)
        behind = tokenizer.decode(ids[suffix + 1 : middle])
        before = tokenizer.decode(ids[1:suffix] if suffix > 1 else ids[middle + 1 : loss])
        gap = tokenizer.decode(ids[loss:-1])
        assert before + gap + behind == CART or not before
        forms.add(suffix > 1)
    assert forms == {True, False}


def test_a_gap_is_a_whole_node(tokenizer: Tokenizer) -> None:
    rows = Infill(Bench(tokenizer, "shop", 2048, infill=MARKS)).rows(Past([_file("shop/util.py", UTIL)]))
    gaps = {_trained(row, tokenizer) for row in rows}
    assert "round(amount * 100)" in gaps
    assert "os.system(command)" in gaps
    assert any(gap.strip().startswith("whole = round") for gap in gaps)
    assert any(gap.startswith("def cents") for gap in gaps)


def test_a_model_without_infill_tokens_has_no_infill_and_says_so(tokenizer: Tokenizer) -> None:
    assert tokenizer.infill is None
    maker = Infill(Bench(tokenizer, "shop", 512, infill=tokenizer.infill))
    assert list(maker.rows(Past(_shop()))) == []
    assert maker.tally.skipped == {"the model has no tokens for infill": 1}


def test_the_tokens_of_a_model_that_fills_gaps_are_found_by_name(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    names = {"<|pad|>": "<|fim_prefix|>", "<repo_name>": "<|fim_suffix|>", "<file_sep>": "<|fim_middle|>"}
    for path in (tmp_path / "tokenizer.json", tmp_path / "tokenizer_config.json"):
        text = path.read_text()
        for old, new in names.items():
            text = text.replace(old, new)
        path.write_text(text)
    assert Tokenizer.load(tmp_path).infill == InfillMarks(3, 4, 5, 0)


# ------------------------------------------------------------------ tests


def test_a_test_is_paired_with_the_function_that_it_names_in_both_directions(tokenizer: Tokenizer) -> None:
    rows = list(PairedTests(Bench(tokenizer, "shop", 2048)).rows(Past(_shop())))
    asked = [row.text.partition("<|im_start|>user\n")[2].partition("\n")[0] for row in rows]
    assert asked == [
        "Write a test of `cents` in `shop/util.py`, for `tests/test_cart.py`.",
        "Write the body of `cents` in `shop/util.py` so that this test of `tests/test_cart.py` passes.",
        "Write a test of `Cart.total_price` in `shop/cart.py`, for `tests/test_cart.py`.",
        "Write the body of `Cart.total_price` in `shop/cart.py` so that this test of "
        "`tests/test_cart.py` passes.",
    ]
    test, code = (_trained(row, tokenizer) for row in rows[:2])
    assert test == "```python\ndef test_cents_of_a_fraction():\n    assert cents(1.005) in (100, 101)\n```"
    assert code == "```python\n    whole = round(amount * 100)\n    return int(whole)\n```"
    assert rows[0].lineage == ("of tests/test_cart.py", "of shop/util.py")


def test_a_test_that_could_be_of_two_functions_has_no_pair(tokenizer: Tokenizer) -> None:
    code = "def one(a):\n    b = a\n    return b\n\n\ndef two(a):\n    b = a\n    return b\n"
    test = "from code import one, two\n\n\ndef test_numbers():\n    assert one(1) == two(1)\n"
    maker = PairedTests(Bench(tokenizer, "shop", 512))
    assert list(maker.rows(Past([_file("code.py", code), _file("test_code.py", test)]))) == []
    assert maker.tally.skipped == {"could be about several functions": 1}


# ------------------------------------------------------------------ questions


def test_training_never_asks_what_evaluation_asks_and_together_they_ask_everything(
    tokenizer: Tokenizer,
) -> None:
    files = _shop()
    maker = Questions(Bench(tokenizer, "shop", 512))
    rows = list(maker.rows(Past(files)))
    evaluated = {question.asked for question in asked_questions((file.path, file.text) for file in files)}
    trained = {row.text.partition("user\n")[2].partition("\nThis is about")[0] for row in rows}
    assert trained
    assert evaluated
    assert not trained & evaluated
    assert maker.tally.skipped["kept for evaluation"] == len(evaluated)


def test_a_mended_sentence_stays_on_its_side(tokenizer: Tokenizer) -> None:
    """The question about a section is held out by its title, not by the words that it quotes."""
    mended = GUIDE.replace("alone", "only").replace("until ten", "till ten")
    for text in (GUIDE, mended):
        asked = asked_questions([("docs/guide.md", text)])
        assert [q.answer for q in asked if q.kind == "heading"] == [
            q.answer for q in asked_questions([("docs/guide.md", GUIDE)]) if q.kind == "heading"
        ]
