"""A context holds what fits, counts nothing twice, and says which calls can be followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.languages import parse
from inhouse.records import Chunk
from inhouse.retrieval.chunking import chunk_by, estimate_tokens
from inhouse.retrieval.comparison.contexts import Followed, References, show
from inhouse.retrieval.comparison.questions import Target
from inhouse.retrieval.facts import read_file
from inhouse.retrieval.sqlite import SqliteStore

_TEXT = "".join(f"line_{n} = {n}\n" for n in range(100))


def _chunks(strategy: str, path: str = "a.py", text: str = _TEXT) -> list[Chunk]:
    return chunk_by(parse(path, text), path, text, strategy, max_tokens=100, max_bytes=300)


@pytest.mark.parametrize("strategy", ["definition", "sliding", "file"])
@pytest.mark.parametrize("budget", [1, 10, 57, 200, 10_000])
def test_a_budget_is_filled_by_lines_and_never_exceeded(strategy: str, budget: int) -> None:
    shown = show(_chunks(strategy), budget)
    lines = _TEXT.splitlines(keepends=True)
    inside = [n for n in range(100) if shown.holds("a.py", len("".join(lines[:n])))]
    used = "a.py\n" + "".join(lines[n] for n in inside)
    assert not inside or estimate_tokens(used) <= budget
    if inside and len(inside) < 100:
        assert estimate_tokens(used + lines[inside[-1] + 1]) > budget
    assert inside == list(range(len(inside)))


def test_lines_that_chunks_share_are_paid_once() -> None:
    budget = estimate_tokens("a.py\n" + _TEXT) + 1
    whole = Target("a.py", 0, len(_TEXT))
    assert show(_chunks("sliding"), budget).share(whole) == 1.0
    assert show([*_chunks("file")] * 3, budget).share(whole) == 1.0


def test_what_is_found_is_a_share_of_bytes_or_a_file() -> None:
    shown = show(_chunks("definition")[:1], 10_000)
    first = _chunks("definition")[0]
    assert shown.share(Target("a.py", 0, 2 * first.end)) == 0.5
    assert shown.share(Target("a.py", first.end, first.end + 10)) == 0.0
    assert shown.share(Target("a.py")) == 1.0
    assert shown.share(Target("b.py")) == 0.0


_CALLER = (
    "from called import Tool, helper\n\n\n"
    "def main():\n    helper()\n    print(unknown())\n    Tool().work()\n"
)
_CALLED = "def helper():\n    return 1\n\n\nclass Tool:\n    def work(self):\n        return 2\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "index.db")
    store.replace([read_file("caller.py", "1", _CALLER), read_file("called.py", "2", _CALLED)])
    yield store
    store.close()


def test_calls_are_followed_inside_a_context_only(store: SqliteStore) -> None:
    caller = _chunks("file", "caller.py", _CALLER)
    called = _chunks("file", "called.py", _CALLED)
    follow = References(store).follow
    assert follow(show(caller, 1_000)) == Followed(known=3, there=0)
    assert follow(show([*caller, *called], 1_000)) == Followed(known=3, there=3)
    assert follow(show(called, 1_000)) == Followed(0, 0)


def test_a_summary_shows_signatures_and_no_lines(store: SqliteStore) -> None:
    caller = _chunks("file", "caller.py", _CALLER)
    summaries = _chunks("hierarchical", "called.py", _CALLED)[:1]
    shown = show([*caller, *summaries], 1_000)
    assert References(store).follow(shown) == Followed(known=3, there=2)  # of Tool.work it says nothing
    assert shown.share(Target("called.py")) == 1.0
    assert shown.share(Target("called.py", 0, len(_CALLED))) == 0.0
