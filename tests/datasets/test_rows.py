"""Rows of each kind: what the model sees, where the loss is, and what is not made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inhouse.config import Evaluation, Settings
from inhouse.datasets.builders.changes import Changes
from inhouse.datasets.builders.continuation import Continuation
from inhouse.datasets.builders.contract import Bench, Past
from inhouse.datasets.builders.implementations import Implementations
from inhouse.datasets.candidates import Candidate, ChangedFile
from inhouse.datasets.formats import item_context, item_target
from inhouse.datasets.items import Cutter
from inhouse.datasets.material import SourceFile, Version
from inhouse.datasets.rows import row_length
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Change, Hunk, Item

PYTHON = '''\
import os


# Adds up.
@cached
def total(values):
    """Return the sum."""
    result = 0
    for value in values:
        result += value
    return result


class Reader:
    def read(self, size):
        """Read a part
        of the file.
        """
        data = self.file.read(size)
        self.position += len(data)
        return data

    def undocumented(self):
        a = 1
        b = 2
        c = 3
        return a + b + c

    def short(self):
        """Return one."""
        return 1
'''
C = """\
/* Adds two numbers,
   slowly. */
static int
add(int a, int b)
{
  while (b-- > 0)
    a++;
  return a;
}
"""


def _file(text: str, path: str = "src/a.py", language: str = "python", message: str = "") -> SourceFile:
    return SourceFile(path, text, language, message, ("occurrence",))


def _functions(count: int, lines: int = 6) -> str:
    body = "".join(f"    total = total + {line}\n" for line in range(lines))
    return "".join(f"def f{n}(total):\n{body}    return total\n\n\n" for n in range(count))


# ------------------------------------------------------------------ continuation


def test_a_short_file_is_one_row_from_markers_to_end_mark(tokenizer: Tokenizer) -> None:
    (row,) = Continuation(Bench(tokenizer, "shop", 512)).rows(Past([_file("x = 1\n", message="Begin")]))
    assert row.text == "<repo_name>shop\nCommit: Begin\n<file_sep>src/a.py\nx = 1\n<|endoftext|>"
    head = tokenizer.document(repository="shop", path="src/a.py", message="Begin")
    assert row.trained == (False,) * len(head) + (True,) * (len(row.input_ids) - len(head))
    assert row.lineage == ("occurrence",)


def test_every_window_of_a_long_file_opens_with_markers_and_only_the_last_is_closed(
    tokenizer: Tokenizer,
) -> None:
    maker = Continuation(Bench(tokenizer, "shop", 200))
    text = _functions(12)
    rows = maker.file_rows(_file(text))
    assert len(rows) > 3
    assert all(row.text.startswith("<repo_name>shop\n<file_sep>src/a.py\ndef f") for row in rows)
    assert [row.text.endswith("<|endoftext|>") for row in rows] == [False] * (len(rows) - 1) + [True]
    assert max(len(row.input_ids) for row in rows) <= 200
    shown = "\n\n\n".join(
        row.text.partition("a.py\n")[2].removesuffix("<|endoftext|>").rstrip() for row in rows
    )
    assert shown == text.rstrip()
    assert maker.tally.windowed == 1
    assert maker.tally.tokens_seen == sum(len(row.input_ids) for row in rows)


def test_a_long_file_waits_until_every_file_had_its_turn(tokenizer: Tokenizer) -> None:
    files = [_file(_functions(30), "long.py"), _file("x = 1\n", "short.py")]
    maker = Continuation(Bench(tokenizer, "shop", 120))
    paths = [row.text.split("<file_sep>")[1].partition("\n")[0] for row in maker.rows(Past(files))]
    assert paths[:6] == ["long.py"] * 4 + ["short.py", "long.py"]
    assert paths.count("long.py") > 8
    assert maker.tally.tokens_waiting == 0


def test_rows_that_nobody_asked_for_are_counted(tokenizer: Tokenizer) -> None:
    maker = Continuation(Bench(tokenizer, "shop", 120))
    rows = maker.rows(Past([_file(_functions(30))]))
    given = [next(rows), next(rows)]
    taken = sum(len(row.input_ids) for row in given)
    assert maker.tally.tokens_waiting == maker.tally.tokens_seen - taken > 0


def test_a_shortened_row_ends_with_a_whole_line_and_without_an_end_mark(tokenizer: Tokenizer) -> None:
    maker = Continuation(Bench(tokenizer, "shop", 512))
    (row,) = maker.rows(Past([_file(_functions(2))]))
    short = maker.shorten(row, 120)
    assert short is not None
    assert len(short.input_ids) <= 120
    assert row.text.startswith(short.text + "\n")
    assert short.id != row.id
    assert maker.shorten(row, short.trained.index(True) + 20) is None


def test_a_licence_in_every_file_is_learnt_once(tokenizer: Tokenizer) -> None:
    licence = "/* Copyright {} Ada\n * Do with this what you like, but keep this line.\n */\n\n"
    files = [_file(licence.format(year) + C, f"{year}.c", "c") for year in (2019, 2020)]
    maker = Continuation(Bench(tokenizer, "shop", 512))
    first, second = (row.text.partition(".c\n")[2] for row in maker.rows(Past(files)))
    assert first.startswith("/* Copyright 2019 Ada\n")
    assert second == C + "<|endoftext|>"
    assert maker.tally.skipped == {"known header": 1}


def test_a_file_of_comments_only_is_kept(tokenizer: Tokenizer) -> None:
    (row,) = Continuation(Bench(tokenizer, "shop", 512)).rows(Past([_file("# One.\n# Two.\n")]))
    assert "# One.\n# Two.\n<|endoftext|>" in row.text


def test_a_blank_file_and_a_file_of_one_endless_line_give_no_row(tokenizer: Tokenizer) -> None:
    maker = Continuation(Bench(tokenizer, "shop", 128))
    assert list(maker.rows(Past([_file("\n \n\n"), _file("x" * 5000)]))) == []
    assert maker.tally.tokens_truncated == maker.tally.tokens_seen > 1000


# ------------------------------------------------------------------ implementation


def test_the_body_is_asked_for_and_only_the_answer_carries_loss(tokenizer: Tokenizer) -> None:
    total, read = Implementations(Bench(tokenizer, "shop", 512)).rows(Past([_file(PYTHON)]))
    assert total.text == (
        "<|im_start|>user\nWrite the body of `total` in `src/a.py`.\n\n```python\n"
        '# Adds up.\n@cached\ndef total(values):\n    """Return the sum."""\n```<|im_end|>\n'
        "<|im_start|>assistant\n```python\n"
        "    result = 0\n    for value in values:\n        result += value\n    return result\n"
        "```<|im_end|>\n"
    )
    answer = tokenizer.decode([id_ for id_, loss in zip(total.input_ids, total.trained, strict=True) if loss])
    assert answer.startswith("```python\n    result = 0\n")
    assert "`Reader.read`" in read.text


def test_a_c_function_begins_with_the_comment_above_it(tokenizer: Tokenizer) -> None:
    (row,) = Implementations(Bench(tokenizer, "shop", 512)).rows(Past([_file(C, "lib/add.c", "c")]))
    question, answer = row.text.split("<|im_start|>assistant\n")
    assert "```c\n/* Adds two numbers,\n   slowly. */\nstatic int\nadd(int a, int b)\n{\n```" in question
    assert answer.startswith("```c\n  while (b-- > 0)\n    a++;\n  return a;\n}\n```")


def test_tests_and_functions_that_are_longer_than_a_row_are_left_out(tokenizer: Tokenizer) -> None:
    maker = Implementations(Bench(tokenizer, "shop", 100))
    assert list(maker.rows(Past([_file(PYTHON, "tests/test_a.py"), _file(PYTHON)]))) == []
    assert maker.tally.skipped["longer than a row"] == 2
    assert maker.tally.tokens_seen == maker.tally.tokens_truncated > 200


def test_files_take_turns_of_four_functions_from_all_over_them(tokenizer: Tokenizer) -> None:
    text = "".join(C.replace("add", f"add_{n}") for n in range(7))
    files = [_file(text, "lib/add.c", "c"), _file(PYTHON)]
    rows = Implementations(Bench(tokenizer, "shop", 512)).rows(Past(files))
    names = [row.text.split("`")[1] for row in rows]
    assert names[:4] == ["add_0", "add_1", "add_3", "add_5"]
    assert names[4:] == ["total", "Reader.read", "add_2", "add_4", "add_6"]


def test_a_model_without_a_chat_template_has_no_implementations(tokenizer: Tokenizer) -> None:
    class Plain(Tokenizer):
        def __init__(self) -> None:
            self.__dict__ = {**tokenizer.__dict__, "_template": None}

    maker = Implementations(Bench(Plain(), "shop", 512))
    assert list(maker.rows(Past([_file(PYTHON)]))) == []
    assert maker.tally.skipped == {"the model has no chat template": 1}


# ------------------------------------------------------------------ changes


def _candidate(commit: int, number: int, removed: str = "") -> Candidate:
    item = Item(
        id=f"{commit}.{number}",
        split="train",
        commit=f"c{commit}",
        date=0,
        path="src/a.py",
        language="python",
        message=f"Commit {commit}",
        prefix=_functions(3),
        target=f"def g{number}(value):\n    return value + {commit}\n",
        known_path=False,
    )
    return Candidate(item, ("file", "message"), 7, removed)


def test_a_change_is_trained_on_in_the_form_in_which_it_is_scored(tokenizer: Tokenizer) -> None:
    candidate = _candidate(1, 1)
    row = Changes(Bench(tokenizer, "shop", 512, Evaluation(context_tokens=200))).example(candidate, "train")
    context = item_context(candidate.item, tokenizer, 200, "shop")
    assert row.input_ids == (*context, *item_target(candidate.item, tokenizer))
    assert row.trained.index(True) == len(context)
    assert row.lineage == ("file", "message")


def test_a_context_gives_way_where_rows_are_short(tokenizer: Tokenizer) -> None:
    row = Changes(Bench(tokenizer, "shop", 90, Evaluation(context_tokens=384))).example(
        _candidate(1, 1), "train"
    )
    assert len(row.input_ids) <= 90
    assert row.text.endswith("return value + 1")


class _Changed(ChangedFile):
    """A changed file whose candidates are known."""

    def __init__(self, commit: str, found: list[Candidate]) -> None:
        change = Change(commit, "M", "src/a.py", "", "d", "d", (Hunk(1, 1, 1, 1),))
        super().__init__(Version(change, "file", "", ""), 0, "", (), known=False)
        object.__setattr__(self, "found", found)

    def candidates(self, split: str, cutter: Cutter) -> Iterator[Candidate]:
        """Yield them."""
        assert split == "train"
        yield from self.found


def test_commits_take_turns_of_two_and_unusable_runs_are_counted(tokenizer: Tokenizer) -> None:
    first = [_candidate(1, number) for number in range(4)]
    second = [_candidate(2, 0, "under 40 bytes"), _candidate(2, 1)]
    maker = Changes(Bench(tokenizer, "shop", 512, Evaluation(context_tokens=200)))
    changed = [_Changed("c1", first[:1]), _Changed("c1", first[1:]), _Changed("c2", second)]
    rows = list(maker.rows(Past(changed=changed)))  # type: ignore[arg-type]
    targets = [row.text.rpartition("def ")[2] for row in rows]
    assert [(target[1], target[-1]) for target in targets] == [
        ("0", "1"),
        ("2", "1"),
        ("1", "2"),
        ("1", "1"),
        ("3", "1"),
    ]
    assert maker.tally.skipped == {"under 40 bytes": 1}
    assert maker.tally.tokens_truncated == 5 * 7
    assert maker.tally.tokens_seen == sum(len(row.input_ids) for row in rows) + 5 * 7


# ------------------------------------------------------------------ length


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({}, 512),
        ({"budget": "full"}, 1024),
        ({"evaluation": {"context_tokens": 2000}}, 2112),
        ({"training": {"sequence_length": 256}}, 256),
    ],
)
def test_a_row_holds_an_item_unless_the_user_says_less(settings: dict[str, object], length: int) -> None:
    assert row_length(Settings.model_validate(settings)) == length
