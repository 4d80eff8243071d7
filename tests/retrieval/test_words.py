"""Identifiers count whole and in parts; forms of a word count as one, but names do not fall together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.retrieval.words import compounds, parts, stem, terms, tokens


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("snake_case_name", ["snake", "case", "name"]),
        ("camelCaseName", ["camel", "case", "name"]),
        ("HTTPServer2Go", ["http", "server", "2", "go"]),
        ("parseHTTPHeader_v2", ["parse", "http", "header", "v", "2"]),
        ("__init__", ["init"]),
        ("größe_max", ["größe", "max"]),
        ("HTTPÜberprüfung", ["http", "überprüfung"]),
        ("GRÖSSE", ["grösse"]),
        ("HTTP解析", ["http", "解析"]),
    ],
)
def test_parts(identifier: str, expected: list[str]) -> None:
    assert parts(identifier) == expected


def test_the_whole_stays_beside_its_parts() -> None:
    assert tokens("max_value = x") == ["max_value", "max", "value", "x"]


def test_an_index_holds_the_whole_as_written_and_the_stems_of_its_parts() -> None:
    assert terms("cachedValues of caches") == ["cachedvalues", "cach", "valu", "of", "cach"]


@pytest.mark.parametrize(
    "forms",
    [
        ("cache", "caches", "cached", "caching"),
        ("directory", "directories"),
        ("configure", "configures", "configured", "configuration"),
        ("stop", "stops", "stopped", "stopping"),
        ("box", "boxes"),
    ],
)
def test_forms_of_a_word_are_one(forms: tuple[str, ...]) -> None:
    assert len(set(map(stem, forms))) == 1


@pytest.mark.parametrize(
    "names", [("class", "clas"), ("status", "statu"), ("bus", "bu"), ("string", "str"), ("this", "thi")]
)
def test_names_that_only_look_like_forms_stay_apart(names: tuple[str, str]) -> None:
    assert stem(names[0]) == names[0] != stem(names[1])


@given(st.text())
def test_a_stem_begins_its_word_and_text_never_fails(text: str) -> None:
    for term in terms(text):
        assert term == term.lower()
    for word in tokens(text):
        assert stem(word)[:3] == word[:3]


def test_neighbours_are_written_as_one() -> None:
    assert compounds(["junit", "xml", "report"]) == ["junitxml", "xmlreport"]
    assert compounds(["alone"]) == []
    assert compounds(["x" * 40, "y" * 40]) == []


def test_what_is_as_long_as_a_hash_is_no_word() -> None:
    assert tokens("a" * 65 + " b") == terms("a" * 65 + " b") == ["b"]
