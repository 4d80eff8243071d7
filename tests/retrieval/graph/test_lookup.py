"""Definitions and references by what people type."""

from __future__ import annotations

import pytest

from inhouse.retrieval.graph import Graph, definitions, near_names, references

from .repositories import line, store_of

_FILES = {
    "src/client.py": "class Client:\n    def send(self):\n        def send(): ...\n\n\ndef send(): ...\n",
    "tests/test_client.py": "from src.client import Client\ndef send():\n    Client().send()\n",
    "conf.yaml": "send: true\n",
    "engine.cc": "namespace ns { void Engine::send() {} }\n",
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Client.send", ["src/client.py Client.send"]),
        ("client.Client", []),
        ("ns::Engine::send", ["engine.cc ns.Engine.send"]),
        ("Engine::send", ["engine.cc ns.Engine.send"]),
        ("Client.send()", ["src/client.py Client.send"]),
        ("src/client.py:6", ["src/client.py send"]),
        ("client.py:3", ["src/client.py Client.send.send"]),
        ("src/client.py:4", []),
        ("", []),
        (".", []),
        ("%", []),
    ],
)
def test_a_name_may_be_written_as_people_write_it(name: str, found: list[str]) -> None:
    assert [f"{one.path} {one.qualified_name}" for one in definitions(store_of(_FILES), name)] == found


def test_code_comes_before_configuration_and_tests_last() -> None:
    paths = [one.path for one in definitions(store_of(_FILES), "send")]
    assert paths == [
        "engine.cc",
        "src/client.py",
        "src/client.py",
        "src/client.py",
        "tests/test_client.py",
        "conf.yaml",
    ]


def test_references_are_of_all_definitions_of_a_name_or_of_a_file() -> None:
    store = store_of(_FILES)
    assert [line(edge) for edge in references(store, Graph(store), "Client.send")] == [
        "send calls src/client.py:Client.send",
        "send tests src/client.py:Client.send",
    ]
    assert references(store, Graph(store), "src/client.py:2") == references(
        store, Graph(store), "Client.send"
    )
    assert [line(edge) for edge in references(store, Graph(store), "src/client.py")] == [
        "(file) tests src/client.py"
    ]


def test_a_name_that_is_not_there_has_near_ones() -> None:
    assert near_names(store_of(_FILES), "Cleint") == ["Client"]
    assert near_names(store_of(_FILES), "src.Clients") == ["Client"]
    assert near_names(store_of(_FILES), "xyzzy") == []
