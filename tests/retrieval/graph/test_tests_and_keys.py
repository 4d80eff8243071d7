"""Tests and what they test; configuration keys and what reads them."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

import pytest

from .repositories import graph_of, line, out_of


@pytest.mark.parametrize(
    ("test", "tested"),
    [
        ("tests/test_client.py", "src/client.py"),
        ("tests/client_test.py", "src/client.py"),
        ("tests/test_hidden.py", "src/_hidden.py"),
        ("src/cart_test.go", "src/cart.go"),
        ("src/test/java/CartTest.java", "src/main/java/Cart.java"),
        ("src/test/java/CartIT.java", "src/main/java/Cart.java"),
        ("web/cart.test.ts", "web/cart.ts"),
        ("web/__tests__/cart.spec.js", "web/cart.ts"),
        ("test/test-fs.c", "src/fs.c"),
    ],
)
def test_a_test_is_of_the_file_that_it_is_named_after(test: str, tested: str) -> None:
    files = {test: "", tested: ""}
    assert out_of(files, test) == [f"(file) tests {tested}"]
    [edge] = graph_of(files).edges_to(tested)
    assert (line(edge), edge.certainty) == (f"(file) tests {tested}", "inferred")


def test_of_several_files_of_that_name_the_nearest_is_tested_and_that_is_not_certain() -> None:
    files = dict.fromkeys(["a/client.py", "b/client.py", "b/tests/test_client.py"], "")
    assert out_of(files, "b/tests/test_client.py", "tests") == [
        "(file) -> b/client.py (ambiguous: a test named after the file)"
    ]


def test_a_test_tests_what_it_calls_and_no_helper_of_tests() -> None:
    files = {
        "shop.py": "def sell(): ...\n",
        "tests/help.py": "def made(): ...\n",
        "tests/test_all.py": "from shop import sell\nfrom tests.help import made\ndef test_it():\n    made()\n    sell()\n",
    }
    assert out_of(files, "tests/test_all.py", "tests") == [
        "test_it -> shop.py:sell (resolved: called by a test)"
    ]


_CONFIGURED = {
    "config/app.yaml": "http:\n  timeout: 3\n  retries: 2\ndatabase:\n  url: x\n",
    "pyproject.toml": "[tool.shop]\nurl = 'y'\n",
    ".env": "HTTP_PROXY=x\nexport TOKEN=y\n",
    "app.py": """
        import os
        def f(config, settings):
            config["http"]["timeout"]
            settings.get("retries")
            os.environ["HTTP_PROXY"]
            os.getenv("TOKEN")
            config["url"]
            os.getenv("NOWHERE")
        """,
}


def test_readers_lead_to_keys_by_their_full_name_or_their_only_last_part() -> None:
    assert out_of(_CONFIGURED, "app.py", "reads") == [
        "f -> config/app.yaml:http.timeout (resolved: the key's full name)",
        "f -> config/app.yaml:http.retries (inferred: the key's last part)",
        "f -> .env:HTTP_PROXY (resolved: the key's full name)",
        "f -> .env:TOKEN (resolved: the key's full name)",
    ]  # two keys end in "url": one word that is not a whole key says nothing then


def test_keys_lead_back_to_their_readers() -> None:
    graph = graph_of(_CONFIGURED)
    for path, key, at in (("config/app.yaml", "http.timeout", 4), (".env", "TOKEN", 7)):
        [edge] = graph.edges_to(path, key)
        assert (edge.kind, edge.source_path, edge.source, edge.line) == ("reads", "app.py", "f", at)
    assert graph.edges_to("config/app.yaml", "database.url") == []


def test_a_key_is_no_target_of_a_call() -> None:
    files = {"a.yaml": "send: 1\n", "a.py": "def f(x):\n    x.send()\n    send()\n"}
    assert out_of(files, "a.py") == []
