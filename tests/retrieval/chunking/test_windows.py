"""Windows share what they say they share."""

from __future__ import annotations

import itertools
import sysconfig
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inhouse.languages import Parsed, parse
from inhouse.records import Chunk
from inhouse.retrieval.chunking import chunk_by, estimate_tokens

_TEXT = Path(sysconfig.get_path("stdlib"), "argparse.py").read_text(encoding="utf-8")


def _shared(chunks: list[Chunk], text: str) -> list[int]:
    """Return the tokens that each chunk shares with the one before."""
    source = text.encode()
    pairs = itertools.pairwise(chunks)
    return [estimate_tokens(source[after.start : before.end].decode()) for before, after in pairs]


def test_fixed_chunks_share_between_a_tenth_and_a_fifth() -> None:
    chunks = chunk_by(parse("argparse.py", _TEXT), "argparse.py", _TEXT, "fixed", max_tokens=400)
    shared = _shared(chunks, _TEXT)
    assert all(40 <= tokens <= 80 for tokens in shared)
    assert all(chunk.tokens > 350 for chunk in chunks[:-1])


def test_a_sliding_window_moves_by_half() -> None:
    chunks = chunk_by(parse("argparse.py", _TEXT), "argparse.py", _TEXT, "sliding", max_tokens=400)
    assert all(160 <= tokens <= 200 for tokens in _shared(chunks, _TEXT))


@given(st.lists(st.integers(1, 30), min_size=1), st.sampled_from(["fixed", "sliding"]))
def test_no_window_is_part_of_another(words: list[int], strategy: str) -> None:
    text = "\n".join("word " * number for number in words)
    chunks = chunk_by(Parsed(""), "a", text, strategy, max_tokens=30)
    assert all(before.start < after.start for before, after in itertools.pairwise(chunks))
    assert all(before.end < after.end for before, after in itertools.pairwise(chunks))


def test_a_window_knows_the_definitions_around_it() -> None:
    body = "".join(f"        self.step_{n}()\n" for n in range(40))
    text = f"class Reader:\n    def read(self):\n{body}x = 1\n"
    chunks = chunk_by(parse("a.py", text), "a.py", text, "fixed", max_tokens=100)
    first, inside = chunks[0], chunks[1]
    assert (first.symbol, first.scope, first.defines) == ("Reader", (), ("Reader", "Reader.read"))
    assert (inside.symbol, inside.scope) == ("Reader.read", ("class Reader", "def read(self)"))
    assert (chunks[-1].symbol, chunks[-1].scope) == ("", ())
