"""A text asks in one of many forms, and each says other things: names, places, words that matter."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.retrieval.query import Place, code_query, understand
from inhouse.retrieval.traces import Frame

ISSUE = """\
Retries of the session ignore the limit
<!-- Thank you! Please say which version of frobnicator you use. -->
- [x] I have read the manual of frobnicator

**Describe the bug**
`Session.send` in `net/session.py` retries for ever and prints
    RetryError: gave up on the connection after a while

## Environment
pytest 7.1, frobnicator 3
### Expected
It stops, see also core/limits.py:12.
```
requests==2.31.0
urllib3       1.26.4
```
"""
DIFF = """\
diff --git a/src/cart.c b/src/cart.c
index 1111111..2222222 100644
--- a/src/cart.c
+++ b/src/cart.c
@@ -10,4 +10,5 @@ int cart_add(struct cart *cart)
 \tint count = 0;
-\told_total(cart);
+\tnew_total(cart);
--- a/src/gone.c
+++ /dev/null
@@ -1,1 +0,0 @@
-int gone;
"""


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Session.send", ("identifier",)),
        ("uv__read()", ("identifier",)),
        ("shop::cart::Cart", ("identifier",)),
        ("retries", ("identifier",)),
        ("src/core.c", ("path",)),
        ("core.py", ("path",)),
        ("src/core.c:17", ("path",)),
        ("src/core.c:17:5", ("cursor",)),
        (DIFF, ("diff",)),
        ("where are retries configured", ("prose",)),
        ("for (i = 0; i < n; i++) { total += a[i]; }", ("code",)),
        ("def add(cart):\n    return cart.total(1)\n", ("code",)),
        ("error: undefined reference to `uv_run'", ("error", "prose")),
        (ISSUE, ("issue", "error", "prose")),
        ("", ("empty",)),
        (" \n\t\0 ", ("empty",)),
        ("?!* \"' ()", ("empty",)),
    ],
)
def test_the_kinds_of_a_text(text: str, kinds: tuple[str, ...]) -> None:
    assert understand(text).kinds == kinds


def test_a_trace_inside_an_issue_makes_it_both() -> None:
    asked = understand('It crashed again today\n\n  File "src/app/core.py", line 3, in run_all\nBadThing: x')
    assert {"issue", "trace"} <= set(asked.kinds)
    assert asked.frames == (Frame("src/app/core.py", 3, "run_all"),)


def test_what_a_template_and_an_environment_say_is_left_out_of_an_issue() -> None:
    asked = understand(ISSUE)
    assert not {"frobnicator", "thank", "requests", "urllib3", "environment"} & set(asked.words)
    assert {"stop", "limit", "sess"} <= set(asked.words)
    assert asked.title[:2] == ("retri", "sess")


def test_what_follows_a_folded_environment_counts_again() -> None:
    text = "A title of words\n## Versions\n<details>\nnoise\n</details>\nanswer\n"
    assert set(understand(text).words) == {"titl", "word", "answ"}


def test_names_paths_and_places_are_recognised() -> None:
    asked = understand(ISSUE)
    assert asked.paths == ("core/limits.py", "net/session.py")
    assert asked.places == (Place("core/limits.py", 12),)
    assert asked.qualified == ("Session.send",)
    assert {"send", "Session", "RetryError"} <= asked.identifiers
    assert "while" not in asked.identifiers
    assert asked.quotes == ("gave up on the connection after a while",)


def test_every_way_to_join_a_scope_means_the_same_name() -> None:
    for written in ("shop::Cart::add", "shop.Cart.add", "shop.Cart#add", "shop->Cart->add"):
        asked = understand(written)
        assert asked.qualified == ("shop.Cart.add", "Cart.add"), written
        assert asked.identifiers == {"add"}, written


def test_a_diff_asks_with_its_files_functions_and_old_lines() -> None:
    asked = understand(DIFF)
    assert asked.paths == ("src/cart.c", "src/gone.c")
    assert asked.places == (Place("src/cart.c", 10), Place("src/gone.c", 1))
    assert {"old_total", "cart_add"} <= set(asked.words)
    assert "new_total" not in asked.words


def test_words_are_those_of_the_index_and_neighbours_may_be_one() -> None:
    asked = understand("JUnit XML reports without timestamps")
    assert {"report", "timestamp", "junit"} <= set(asked.words)
    assert "junitxml" in asked.compounds


def test_the_name_of_a_language_is_a_wish_unless_it_is_all() -> None:
    asked = understand("sort a list in python")
    assert asked.languages == {"python"}
    assert set(asked.words) == {"sort", "list"}
    assert set(understand("python").words) == {"python"}


def test_only_common_words_ask_for_nothing() -> None:
    assert understand("how to do it with this and that").words == {}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tests of the parser", True),
        ("fixtures for sessions", True),
        ("where is the parser", False),
        ("The parser fails\n\nMy test calls parse() and the test suite hangs.", False),
    ],
)
def test_a_report_tells_of_tests_but_does_not_ask_for_them(text: str, wanted: bool) -> None:
    assert understand(text).about_tests is wanted


def test_a_cursor_asks_with_its_last_lines_and_the_subject_of_the_commit() -> None:
    text = code_query("Add retries\n\nLong body", "app/net.py", "\n".join(f"line_{n}" for n in range(40)))
    assert text.startswith("Add retries\nnet\n")
    assert "Long body" not in text
    assert "line_39" in text
    assert "line_5\n" not in text


def test_what_is_too_long_is_counted() -> None:
    assert understand("x" * 60_000).characters_dropped == 10_000


@given(st.text())
def test_every_text_has_a_query(text: str) -> None:
    asked = understand(text)
    assert asked.kinds
    assert all(weight >= 1 for weight in asked.words.values())


@pytest.mark.parametrize(
    "run",
    [
        "x",
        "a b ",
        "(",
        '"',
        "'a ",
        "a/",
        "`",
        "::",
        "a.",
        "a->",
        "-",
        "#",
        "1.",
        "Error",
        "<!--",
        "a: 1",
        "** ",
        "\ud800",
    ],
)
def test_no_query_of_a_megabyte_takes_long(run: str) -> None:
    text = (run * 1_000_000)[:1_000_000]
    for one in (text, "\n".join(text[start : start + 290] for start in range(0, 60_000, 290))):
        started = time.process_time()
        understand(one)
        assert time.process_time() - started < 3, run
