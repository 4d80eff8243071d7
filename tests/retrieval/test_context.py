"""Context never costs more than it may, says nothing twice, and every mark leads back to the lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.digests import digest_text
from inhouse.languages import parse
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Hit
from inhouse.retrieval.chunking import chunk_by, chunk_file
from inhouse.retrieval.context import Context, assemble, for_task
from inhouse.retrieval.context.layout import by_dependency
from inhouse.retrieval.index import Index
from tests.tiny import builtin_model, write_tokenizer

_TEXT = "import os\n\n\n" + "\n\n".join(
    f"def function_{number}(first, second):\n    total = first + {number}\n    return os.sep * total\n"
    for number in range(8)
)
_TREE = {
    "app/errors.py": '''\
"""What goes wrong in the ledger."""


class LedgerFault(Exception):
    """An entry that cannot be booked."""


def explain(fault):
    """Say why an entry was refused."""
    return f"refused: {fault}"
''',
    "app/ledger.py": '''\
import json
from pathlib import Path

from app.errors import LedgerFault, explain


class Ledger:
    """All entries of a year."""

    def __init__(self, path):
        self.path = Path(path)
        self.entries = []

    def book(self, entry):
        """Book an entry in the ledger, or refuse it."""
        if not entry.amount:
            raise LedgerFault(explain(entry))
        self.entries.append(entry)

    def save(self):
        """Write the ledger to its path."""
        self.path.write_text(json.dumps(self.entries))


def total(ledger):
    """Add up a ledger."""
    return sum(entry.amount for entry in ledger.entries)
''',
    "lib/ledger.c": """\
#include "ledger.h"

/* Book an entry in the ledger. */
int ledger_book(struct ledger *ledger, int amount)
{
    if (amount == 0)
        return -1;
    ledger->total += amount;
    return 0;
}
""",
    "docs/ledger.md": "# The ledger\n\nAn entry is booked once.\n\n## Saving\n\nIt is saved as JSON.\n",
    "config.yaml": "ledger:\n  path: year.json\n",
}
_TASK = "book an entry in the ledger is refused, LedgerFault says nothing, save the path"
_MARK = re.compile(r"(?:#|//|<!--) (?P<path>\S+?):(?P<first>\d+)-(?P<last>\d+)(?: in .*?)?(?: -->)?")


@cache
def _index() -> Index:
    index = Index.open(Path(mkdtemp()) / "index.db")
    index.update((path, digest_text(text), text) for path, text in _TREE.items())
    return index


@cache
def _tokenizer() -> Tokenizer:
    folder = Path(mkdtemp())
    write_tokenizer(folder)
    return Tokenizer.load(folder)


def _hits(text: str = _TEXT, path: str = "a.py") -> list[Hit]:
    return [Hit(chunk, 1.0, "") for chunk in chunk_file(path, text) if chunk.symbol]


def _by_tokens(text: str) -> int:
    return len(_tokenizer().encode(text))


def _by_words(text: str) -> int:
    return len(text.split())


def _by_seventh(text: str) -> int:
    return len(text) // 7 + 1


_COUNTS = st.sampled_from([len, _by_tokens, _by_words, _by_seventh])


def _marked(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield path, first line and lines of everything that the marks say is copied."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if found := _MARK.fullmatch(line):
            first, last = int(found["first"]), int(found["last"])
            yield found["path"], first, lines[number + 1 : number + 2 + last - first]


# ------------------------------------------------------------------ for a model that goes on writing


@given(st.permutations(_hits()), st.integers(0, 400), _COUNTS)
def test_the_budget_is_never_exceeded(hits: list[Hit], budget: int, count: Callable[[str], int]) -> None:
    context = assemble(hits, budget, count)
    assert context.tokens <= budget
    assert context.tokens == (count(context.text) if context.text else 0)
    places = [(chunk.path, chunk.start) for chunk in context.chunks]
    assert len(set(places)) == len(places)


def test_the_best_hit_stands_last_and_each_says_where_it_is_from() -> None:
    context = assemble(_hits()[:2], 10_000, len)
    assert [chunk.symbol for chunk in context.chunks] == ["function_1", "function_0"]
    assert context.text.startswith("# a.py:9-11\n")
    assert context.text.index("function_1") < context.text.index("function_0")


def test_what_the_model_sees_anyway_is_left_out() -> None:
    hits = _hits()[:2]
    context = assemble(hits, 10_000, len, already=f"    {hits[0].chunk.text}")
    assert [chunk.symbol for chunk in context.chunks] == ["function_1"]
    assert context.left_out["visible"] == 1


def test_a_body_that_does_not_fit_becomes_its_first_lines_and_then_its_signature() -> None:
    body = "def long(first):\n" + "".join(f"    step_{number}()\n" for number in range(40))
    hits = _hits(body, "b.py")
    whole = assemble(hits, 10_000, len).text
    shorter = assemble(hits, 300, len)
    signature = assemble(hits, 45, len).text
    assert whole.count("step_") == 40
    assert 3 <= shorter.text.count("step_") < 40
    assert shorter.left_out["shortened"] == 1
    assert shorter.text.startswith(f"# b.py:1-{shorter.pieces[0].end_line}\n")
    assert signature == "# b.py:1-41\ndef long(first):\n"
    assert assemble(hits, 10, len).text == ""


def test_overlapping_chunks_are_not_shown_twice() -> None:
    text = "".join(f"value_{number} = {number}\n" for number in range(200))
    chunks = chunk_by(parse("a.py", text), "a.py", text, "sliding", max_tokens=200)
    context = assemble([Hit(chunk, 1.0, "") for chunk in chunks], 100_000, len)
    assert len(chunks) > 4
    assert sorted(line for line in context.text.split("\n") if line.startswith("value")) == sorted(
        text.splitlines()
    )


def test_a_decorator_is_no_signature() -> None:
    text = "@cached\n@traced('x')\ndef long(first):\n" + "".join(f"    step_{n}()\n" for n in range(40))
    assert assemble(_hits(text, "b.py"), 45, len).text == "# b.py:1-43\ndef long(first):\n"


@pytest.mark.parametrize(
    ("path", "text", "mark"),
    [
        ("a.c", "int f(void) {\n  return 1;\n}\n", "// a.c:1-3\n"),
        ("a.md", "# Title\n\nWords.\n", "<!-- a.md:1-3 -->\n"),
        ("a.rst", "Title\n=====\n\nWords.\n", ".. a.rst:1-4\n"),
        ("a.css", "p { color: red }\n", "/* a.css:1-1 */\n"),
        ("a.sql", "select 1;\n", "-- a.sql:1-1\n"),
        ("a.toml", "a = 1\n", "# a.toml:1-1\n"),
    ],
)
def test_marks_are_comments_of_the_language(path: str, text: str, mark: str) -> None:
    hits = [Hit(chunk, 1.0, "") for chunk in chunk_file(path, text)]
    assert assemble(hits, 1_000, len).text.startswith(mark)


# ------------------------------------------------------------------ for a reader with a task


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1_500), _COUNTS)
def test_the_budget_of_a_task_is_never_exceeded(budget: int, count: Callable[[str], int]) -> None:
    context = for_task(_index(), _TASK, budget, count, commit="0123456789abcdef")
    assert context.tokens <= budget
    assert context.tokens == (count(context.text) if context.text else 0)
    assert bool(context.text) == bool(context.pieces)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 1_200), st.integers(1, 300), st.sampled_from([len, _by_tokens]))
def test_more_room_never_loses_the_best_file(budget: int, more: int, count: Callable[[str], int]) -> None:
    best = _index().search(_TASK, 1)[0].chunk.path

    def shown(room: int) -> bool:
        return best in {piece.path for piece in for_task(_index(), _TASK, room, count).pieces}

    assert shown(budget + more) or not shown(budget)
    assert shown(200)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 3_000), st.sampled_from([_TASK, "save", "LedgerFault", "app/ledger.py", "total"]))
def test_marks_lead_back_to_exactly_the_lines_and_none_is_shown_twice(budget: int, task: str) -> None:
    seen: Counter[tuple[str, int]] = Counter()
    context = for_task(_index(), task, budget, len)
    for path, first, lines in _marked(context.text):
        assert lines == _TREE[path].split("\n")[first - 1 : first - 1 + len(lines)]
        seen.update((path, first + number) for number in range(len(lines)))
    assert max(seen.values(), default=1) == 1
    shown = {
        (piece.path, line)
        for piece in context.pieces
        if piece.form == "body"
        for line in range(piece.start_line, piece.end_line + 1)
    }
    assert shown <= seen.keys()
    blank = {place for place in seen.keys() - shown if not _TREE[place[0]].split("\n")[place[1] - 1].strip()}
    assert seen.keys() - shown == blank


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3_000))
def test_files_stand_together_and_their_pieces_by_place(budget: int) -> None:
    pieces = for_task(_index(), _TASK, budget, len).pieces
    forms = [piece.form == "path" for piece in pieces]
    assert forms == sorted(forms)
    files = [(path, list(group)) for path, group in groupby(pieces, key=lambda piece: piece.path)]
    assert len({path for path, _ in files}) == len(files)
    for _, group in files:
        assert all(one.start_line < other.start_line for one, other in pairwise(group))


def test_the_same_question_gives_the_same_bytes() -> None:
    assert for_task(_index(), _TASK, 900, len) == for_task(_index(), _TASK, 900, len)


def test_definitions_stand_before_their_users_and_imports_before_bodies() -> None:
    text = for_task(_index(), "book an entry in the ledger", 100_000, len, commit="0123456789abcdef").text
    assert text.startswith(("# commit 0123456789ab\n\n# ", "// commit 0123456789ab\n\n// "))
    assert text.index("class LedgerFault") < text.index("raise LedgerFault")
    small = for_task(_index(), "save: write the ledger to its path", 330, len)
    assert small.text.index("from pathlib import Path\n") < small.text.index("Path(path)")


def test_a_method_stands_under_the_signature_of_its_class() -> None:
    context = for_task(_index(), "add up a ledger", 500, len)
    lines = context.text.split("\n")
    for number, line in enumerate(lines):
        if line.startswith("    def ") and re.search(r"  # \d+-\d+$", line):
            assert any(above.startswith("class Ledger") for above in lines[:number])


def test_every_hit_is_shown_or_counted() -> None:
    hits = _hits()
    for budget in range(0, 900, 50):
        context = assemble(hits, budget, len)
        left = sum(context.left_out[reason] for reason in ("visible", "repeated", "no_room"))
        assert len(context.chunks) + left == len(hits)


def test_forms_grow_with_the_budget() -> None:
    def forms(budget: int) -> set[str]:
        return {piece.form for piece in for_task(_index(), _TASK, budget, len).pieces}

    assert forms(3) == set()
    assert forms(20) == {"path"}
    assert forms(100_000) == {"body"}


def test_what_the_task_quotes_is_not_given_back() -> None:
    quoted = _TREE["app/errors.py"]
    context = for_task(_index(), f"why is this so?\n{quoted}", 100_000, len)
    assert "def explain" not in context.text
    assert context.left_out["visible"] >= 1


def test_a_task_that_finds_nothing_gives_nothing() -> None:
    context = for_task(_index(), "qqq zzz", 1_000, len)
    assert (context.text, context.tokens, context.pieces) == ("", 0, ())


def test_the_rest_of_a_function_that_was_cut_is_shown_with_it(tmp_path: Path) -> None:
    steps = "".join(f"    step_{number} = work({number})\n\n" for number in range(150))
    text = f"def enormous(first):\n    the_needle = 1\n{steps}    return step_149\n"
    index = Index.open(tmp_path / "index.db")
    index.update([("a.py", digest_text(text), text)])
    assert len(chunk_file("a.py", text)) > 1
    context = for_task(index, "the_needle", 100_000, len)
    index.close()
    assert [(first, len(lines)) for _, first, lines in _marked(context.text)] == [(1, text.count("\n"))]


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdef"))),
)
def test_files_are_ordered_whatever_needs_what(ranked: list[str], needs: dict[str, frozenset[str]]) -> None:
    ordered = by_dependency(ranked, needs)
    assert sorted(ordered) == sorted(ranked)
    forward = {path: {other for other in others if other < path} for path, others in needs.items()}
    place = {path: number for number, path in enumerate(by_dependency(ranked, forward))}
    assert all(
        place[other] < place[path] for path in ranked for other in forward.get(path, ()) if other in place
    )
    assert by_dependency(ranked, {}) == ranked


def test_a_large_budget_is_counted_a_few_times_only() -> None:
    text = "\n\n".join(
        f"def function_{number}(first):\n    value = {number}\n    return value * first + {number}"
        for number in range(3_000)
    )
    asked = 0

    def count(one: str) -> int:
        nonlocal asked
        asked += len(one)
        return len(one)

    context = assemble([Hit(chunk, 1.0, "") for chunk in chunk_file("a.py", text)], 150_000, count)
    assert context.tokens > 140_000
    assert asked < 12 * 150_000


@pytest.mark.model
def test_a_real_tokenizer_is_obeyed_to_the_token() -> None:
    tokenizer = Tokenizer.load(builtin_model().folder)

    def count(text: str) -> int:
        return len(tokenizer.encode(text))

    for budget in range(0, 600, 7):
        context: Context = for_task(_index(), _TASK, budget, count)
        assert context.tokens == count(context.text) <= budget
        assert context.tokens > 0.6 * budget or budget < 20 or not context.left_out["no_room"]


def test_a_path_is_not_listed_beside_what_is_shown_of_its_file(tmp_path: Path) -> None:
    """With room for a small signature only, the best hit's file is named once."""
    names = ", ".join(f"argument_{number}: int" for number in range(12))
    body = "".join(f"    step_{number}(terminal, pager)\n" for number in range(12))
    writer = f"class PagerWriter:\n    def write_pager(self, x):\n{body}"
    text = f"{writer}\n\ndef pager_of_the_terminal({names}):\n{body}"
    index = Index.open(tmp_path / "i.db")
    index.update([("pager.py", "d", text)])
    for budget in range(5, 60):
        found = for_task(index, "pager of the terminal", budget, lambda text: len(text.split())).text
        assert found.count("# pager.py\n") <= 1, budget
