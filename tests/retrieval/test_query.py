"""Identifiers count as a whole and in their parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.retrieval.query import code_query, parts, tokens, understand


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("snake_case_name", ["snake", "case", "name"]),
        ("camelCaseName", ["camel", "case", "name"]),
        ("HTTPServer2Go", ["http", "server", "2", "go"]),
        ("parseHTTPHeader_v2", ["parse", "http", "header", "v", "2"]),
        ("__init__", ["init"]),
        ("größe_max", ["gr", "ö", "ß", "e", "max"]),
    ],
)
def test_parts(identifier: str, expected: list[str]) -> None:
    assert [part for part in parts(identifier) if part.isascii()] == [
        part for part in expected if part.isascii()
    ]


def test_the_whole_stays_beside_its_parts() -> None:
    assert tokens("max_value = x") == ["max_value", "max", "value", "x"]


@given(st.text())
def test_every_text_has_a_query(text: str) -> None:
    asked = understand(text)
    assert all(weight >= 1 for weight in asked.words.values())


def test_paths_and_names_are_recognised() -> None:
    asked = understand('File "src/app/core.py", line 3, in run_all\nBadThing: call setup() in the config')
    assert asked.paths == ("src/app/core.py",)
    assert {"run_all", "BadThing", "setup"} <= asked.identifiers
    assert "config" not in asked.identifiers


def test_a_cursor_asks_with_its_last_lines_and_the_subject_of_the_commit() -> None:
    text = code_query("Add retries\n\nLong body", "app/net.py", "\n".join(f"line_{n}" for n in range(40)))
    assert text.startswith("Add retries\nnet\n")
    assert "Long body" not in text
    assert "line_39" in text
    assert "line_5\n" not in text


def test_what_is_too_long_is_counted() -> None:
    assert understand("x" * 60_000).characters_dropped == 10_000
