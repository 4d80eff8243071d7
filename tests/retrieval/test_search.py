"""Each stage of a search finds what only it can find, and each hit says which features counted."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.digests import digest_text
from inhouse.errors import UserMistake
from inhouse.records import Hit
from inhouse.retrieval.index import Index
from inhouse.retrieval.ranking.history import Table, keep
from inhouse.retrieval.search import files, gather, search
from inhouse.retrieval.sqlite import SqliteStore
from inhouse.retrieval.vectors import VectorsUnavailable

SESSION = '''\
"""Sessions that send requests."""


class Session:
    """Keeps connections."""

    def send(self, request):
        """Send a prepared request and follow its redirections."""
        return self.adapter.deliver(request, limit=self.limit)

    def close(self):
        self.adapter.shutdown()
'''
ADAPTER = """\
from shop.errors import DeliveryFault


class Adapter:
    def deliver(self, request, limit):
        for attempt in range(limit):
            if self.pool.write(request):
                return attempt
        raise DeliveryFault("no number of attempts is left for %s" % request)
"""
ERRORS = "class DeliveryFault(Exception):\n    pass\n"
REPORT = (
    '"""Writes reports."""\n\n\ndef write_all(results):\n    return [str(result) for result in results]\n'
)
FILES = {
    "shop/session.py": SESSION,
    "shop/adapter.py": ADAPTER,
    "shop/errors.py": ERRORS,
    "shop/junitxml.py": REPORT,
    "shop/summary.py": REPORT.replace("write_all", "print_all"),
    "tests/test_adapter.py": 'def test_deliver():\n    Adapter().deliver("request", limit=3)\n',
    "CHANGES.md": "# Changes\n\nThe adapter may deliver a request with a limit; deliver, deliver.\n",
    "docs/guide.md": "# Guide\n\nHow sessions send a request, follow redirections and close.\n",
    "web/cart.js": "function addToCart(cart, item) {\n  cart.items.push(item);\n  return cart;\n}\n",
    "lib/cart.py": "def add_to_cart(cart, item):\n    cart.items.append(item)\n    return cart\n",
}


def _index(files: dict[str, str]) -> Index:
    index = Index(SqliteStore(Path(":memory:")))
    index.update([(path, digest_text(text), text) for path, text in sorted(files.items())])
    return index


@pytest.fixture(scope="module")
def shop() -> Index:
    return _index(FILES)


def _paths(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.chunk.path for hit in hits))


# ------------------------------------------------------------------ one stage each


def test_the_definition_of_a_name_comes_before_its_uses(shop: Index) -> None:
    first = shop.search("DeliveryFault")[0]
    assert (first.chunk.path, first.chunk.symbol) == ("shop/errors.py", "DeliveryFault")
    assert "defines DeliveryFault" in first.why


def test_a_qualified_name_finds_the_method_of_that_class() -> None:
    index = _index(
        {f"{name}.py": f"class {name}:\n    def run(self):\n        return {name}\n" for name in "ABC"}
    )
    for written in ("B.run", "B::run", "B#run()"):
        assert index.search(written)[0].chunk.path == "B.py", written


def test_a_path_finds_its_file_and_a_line_its_chunk(shop: Index) -> None:
    assert shop.search("shop/summary.py")[0].chunk.path == "shop/summary.py"
    assert "its path is named" in shop.search("shop/summary.py")[0].why
    first = shop.search("session.py:9:3")[0]
    assert first.chunk.start_line <= 9 <= first.chunk.end_line
    assert first.chunk.path == "shop/session.py"
    assert "is the place named: shop/session.py:9" in first.why


def test_the_repositorys_own_innermost_frame_counts_most(shop: Index) -> None:
    trace = (
        "It stopped\n\nTraceback (most recent call last):\n"
        '  File "/home/ada/venv/site-packages/shop/session.py", line 9, in send\n'
        '  File "/home/ada/venv/site-packages/shop/adapter.py", line 9, in deliver\n'
        '  File "/usr/lib/python3/socket.py", line 3, in getaddrinfo\n'
    )
    hits = shop.search(trace)
    assert _paths(hits)[:2] == ["shop/adapter.py", "shop/session.py"]
    assert "is a frame of the trace: deliver" in hits[0].why


def test_a_printed_message_finds_where_it_is_made(shop: Index) -> None:
    first = shop.search('Hangs\n\nprints "no number of attempts is left for a.txt" again and again')[0]
    assert first.chunk.path == "shop/adapter.py"
    assert "has the quoted “no number of attempts is left for a.txt”" in first.why


def test_two_words_find_the_file_that_writes_them_as_one(shop: Index) -> None:
    found = files(shop.store, "JUnit XML without results")
    assert found[0].path == "shop/junitxml.py"
    assert "its file is called so" in found[0].why


def test_another_form_of_a_word_is_found(shop: Index) -> None:
    assert shop.search("redirection followed")[0].chunk.path in {"shop/session.py", "docs/guide.md"}


def test_a_diff_finds_what_it_changes() -> None:
    index = _index(FILES)
    diff = "--- a/shop/adapter.py\n+++ b/shop/adapter.py\n@@ -6,1 +6,1 @@ class Adapter\n- old\n+ new\n"
    assert index.search(diff)[0].chunk.path == "shop/adapter.py"


def test_a_language_that_is_named_is_preferred(shop: Index) -> None:
    assert shop.search("add to cart in python")[0].chunk.path == "lib/cart.py"
    assert shop.search("add to cart in javascript")[0].chunk.path == "web/cart.js"
    assert "less as in another language" in shop.search("add to cart in javascript")[1].why


def test_tests_documents_and_logs_count_less_unless_asked_for(shop: Index) -> None:
    paths = _paths(shop.search("deliver a request with a limit"))
    assert paths[0] == "shop/adapter.py"
    assert paths.index("CHANGES.md") > paths.index("tests/test_adapter.py")
    assert shop.search("tests of deliver with a limit")[0].chunk.path == "tests/test_adapter.py"
    assert shop.search("test_deliver")[0].chunk.path == "tests/test_adapter.py"


def test_files_are_each_named_once_with_their_best_place(shop: Index) -> None:
    found = files(shop.store, "send a request with a limit", 3)
    assert len({file.path for file in found}) == 3
    assert found[0].best.path == found[0].path
    assert [file.score for file in found] == sorted((file.score for file in found), reverse=True)


# ------------------------------------------------------------------ history


def test_what_changes_often_and_together_comes_first() -> None:
    same = {name: f"def load_{name}(data):\n    return data\n" for name in ("a", "b", "c")}
    index = _index({f"{name}.py": text for name, text in same.items()})
    assert _paths(index.search("load data"))[0] == "a.py"
    keep(index.store, Table({"c.py": 5.0, "b.py": 1.0}, {"c.py": {"b.py": 0.5}}))
    hits = index.search("load data")
    assert _paths(hits) == ["c.py", "b.py", "a.py"]
    assert "its file changed often lately" in hits[0].why


# ------------------------------------------------------------------ vectors


class _Planted:
    """A source whose vectors say which chunk is meant."""

    name = "planted"
    weight = 0.6
    dimension = 2

    def __init__(self, answer: list[float] | UserMistake) -> None:
        self._answer = answer

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        raise NotImplementedError

    def queries(self, texts: Sequence[str]) -> np.ndarray:
        if isinstance(self._answer, UserMistake):
            raise self._answer
        return np.array([self._answer] * len(texts), dtype=np.float32)


def _with(index: Index, source: Any) -> Index:
    index.vectors = source
    return index


@pytest.fixture
def embedded() -> Index:
    index = _index(FILES)
    chunks = index.store.without_vector(1_000)
    index.store.put_vectors(
        "planted",
        {
            number: np.array([1.0, 0.0] if chunk.path == "lib/cart.py" else [0.1, 1.0], dtype=np.float32)
            for number, chunk in chunks.items()
        },
    )
    return index


def test_a_source_of_vectors_finds_what_shares_no_word(embedded: Index) -> None:
    assert "lib/cart.py" not in _paths(embedded.search("purchase redirections"))
    hits = _with(embedded, _Planted([1.0, 0.0])).search("purchase redirections")
    assert hits[0].chunk.path == "lib/cart.py"
    assert "is close in meaning (1.00)" in hits[0].why


@pytest.mark.parametrize(
    "source",
    [
        _Planted(VectorsUnavailable("a source answers", "it does not", "start it")),
        _Planted([1.0, 0.0, 0.0]),
    ],
    ids=["down", "wrong dimension"],
)
def test_a_source_that_fails_leaves_the_words_and_every_hit_says_so(
    embedded: Index, source: _Planted
) -> None:
    plain = embedded.search("deliver a request")
    hits = _with(embedded, source).search("deliver a request")
    assert [(hit.chunk, hit.score) for hit in hits] == [(hit.chunk, hit.score) for hit in plain]
    assert all("by words only, because" in hit.why for hit in hits)


def test_vectors_of_another_model_or_none_are_not_used_silently(shop: Index, embedded: Index) -> None:
    other = _Planted([1.0, 0.0])
    other.name = "another"
    for index in (shop, embedded):
        hits = _with(index, other).search("deliver a request")
        assert hits
        assert all("by words only" in hit.why for hit in hits)


# ------------------------------------------------------------------ any text


@pytest.mark.parametrize("text", ["", " \n", "the of and", "?!*()\"'", "\0\1\2", "\ud800"])
def test_what_says_nothing_finds_nothing(shop: Index, text: str) -> None:
    assert shop.search(text) == []
    assert files(shop.store, text) == []


@pytest.mark.parametrize(
    "text",
    [
        'deliver" OR "1',
        "deliver AND NOT request",
        "NEAR(deliver request, 2)",
        "path: deliver",
        "deliver*",
        "'; DROP TABLE chunk; -- deliver",
        "\ud800 deliver",
        "\0deliver\x1b[31m",
        "-deliver ^request {x}",
    ],
)
def test_the_syntax_of_a_database_is_only_words(shop: Index, text: str) -> None:
    assert "shop/adapter.py" in _paths(shop.search(text))
    assert shop.store.counts()["chunks"] > 0


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_text_is_answered_and_every_hit_says_why(text: str) -> None:
    index = _SHARED
    for hit in index.search(text + " request", 5):
        assert hit.score > 0
        assert hit.why


_SHARED = _index(FILES)


def test_a_query_of_a_megabyte_is_answered_soon(shop: Index) -> None:
    words = [name for text in FILES.values() for name in text.split()]
    text = " ".join(random.Random(0).choices(words, k=150_000))[:1_000_000]
    started = time.process_time()
    assert shop.search(text)
    assert time.process_time() - started < 5


def test_skipped_chunks_do_not_come_and_do_not_take_places(shop: Index) -> None:
    hits = shop.search("deliver a request", 3, skip=lambda chunk: chunk.path == "shop/adapter.py")
    assert "shop/adapter.py" not in _paths(hits)
    assert len(hits) == 3


def test_the_features_of_every_candidate_are_shares() -> None:
    for query in ("deliver a request", "Session.send", "shop/adapter.py:3"):
        pool = gather(_SHARED.store, query)
        for said in (*pool.own.values(), *pool.shared.values()):
            assert all(0 <= value <= 1 for value in said.values())


def test_a_search_needs_no_heavy_library() -> None:
    program = (
        "import sys; from inhouse.retrieval.index import Index; from pathlib import Path;"
        "i = Index.open(Path(':memory:')); i.update([('a.py', '1', 'def go_on(): pass')]);"
        "assert i.search('go on'); print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_order_of_equal_scores_is_that_of_paths() -> None:
    text = "def same_thing():\n    return 1\n"
    names = [f"{letter}.py" for letter in "dbca"]
    index = _index(dict.fromkeys(names, text))
    assert _paths(search(index.store, "same thing")) == sorted(names)


def test_what_a_named_definition_uses_is_near_in_the_graph() -> None:
    index = _index(
        {
            "shop/cart.py": "from shop.tax import levy\n\n\ndef checkout(items):\n    return levy(items)\n",
            "shop/tax.py": "def levy(goods):\n    return 1\n",
            "shop/other.py": "def unrelated(goods):\n    return 2\n",
        }
    )
    hits = index.search("checkout")
    assert [hit.chunk.path for hit in hits][:1] == ["shop/cart.py"]
    [near] = [hit for hit in hits if hit.chunk.path == "shop/tax.py"]
    assert "is near the best in the graph: levy" in near.why
    assert "shop/other.py" not in _paths(hits)
