"""Names of Python followed to their definitions; the truths are planted."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

import pytest

from .repositories import Files, out_of

_BASE = {
    "src/shop/__init__.py": "from .client import Client as Client\nfrom .client import make as build\nfrom .extra import *\n",
    "src/shop/client.py": """
        from .base import Base

        class Client(Base):
            def __init__(self):
                super().__init__()
                self.cart = Cart()

            def send(self):
                self.close()
                self.cart.fill()
                return self.open()

            @classmethod
            def start(cls):
                return cls()

        class Cart:
            def fill(self): ...

        def make() -> Client:
            return Client()
        """,
    "src/shop/base.py": """
        class Base:
            def __init__(self): ...
            def close(self): ...
            def open(self): ...
        """,
    "src/shop/extra.py": "def given(): ...\n\ndef json(): ...\n",
}


def _calls(source: str, path: str = "app.py", **more: str) -> list[str]:
    return out_of(_BASE | {path: source} | more, path, "calls")


def test_methods_of_the_own_class_of_bases_in_other_files_and_of_attributes() -> None:
    assert out_of(_BASE, "src/shop/client.py", "calls") == [
        "Client.__init__ -> src/shop/base.py:Base.__init__ (resolved: base class, by super)",
        "Client.__init__ -> src/shop/client.py:Cart (resolved: same file)",
        "Client.send -> src/shop/base.py:Base.close (resolved: own class, inherited)",
        "Client.send -> src/shop/client.py:Cart.fill (resolved: class of an attribute)",
        "Client.send -> src/shop/base.py:Base.open (resolved: own class, inherited)",
        "Client.start -> src/shop/client.py:Client (resolved: own class)",
        "make -> src/shop/client.py:Client (resolved: same file)",
    ]


@pytest.mark.parametrize(
    ("source", "target", "rule"),
    [
        ("from shop.client import make\nmake()", "client.py:make", "imported by name"),
        ("from shop.client import make as other\nother()", "client.py:make", "imported by name"),
        ("from shop import build\nbuild()", "client.py:make", "imported by name, re-exported"),
        ("from shop import given\ngiven()", "extra.py:given", "imported by name, re-exported"),
        ("from shop.extra import *\ngiven()", "extra.py:given", "star import"),
        ("import shop.client\nshop.client.make()", "client.py:make", "attribute of an imported module"),
        ("import shop.client as c\nc.make()", "client.py:make", "attribute of an imported module"),
        ("from shop import client\nclient.make()", "client.py:make", "attribute of an imported module"),
        ("def f():\n    from shop.extra import given\n    given()", "extra.py:given", "imported by name"),
        (
            "from shop import Client\nClient.start()",
            "client.py:Client.start",
            "imported by name, re-exported",
        ),
        ("from shop import Client\nx = Client()\nx.send()", "client.py:Client.send", "class of a variable"),
        ("from shop import Client\nx: Client = f\nx.send()", "client.py:Client.send", "class of a variable"),
        (
            "from shop import Client\ndef f(x: 'Client | None'):\n    x.close()",
            "base.py:Base.close",
            "class of a parameter, inherited",
        ),
        ("from shop import build\nx = build()\nx.send()", "client.py:Client.send", "class of a variable"),
        (
            "from shop import Client\nClient().send()",
            "client.py:Client.send",
            "class of what the call before gives",
        ),
        (
            "from shop import Client\nwith Client() as x:\n    x.send()",
            "client.py:Client.send",
            "class of a variable",
        ),
    ],
)
def test_what_an_import_binds_is_followed_to_where_it_is_defined(source: str, target: str, rule: str) -> None:
    last = _calls(source)[-1]
    assert last.partition("-> ")[2] == f"src/shop/{target} (resolved: {rule})"


@pytest.mark.parametrize(
    "source",
    [
        "import json\njson.dumps({})",  # the module of that name in the package is another one
        "from json import dumps\ndumps({})",
        "len([])\nprint('x')\nopen('y')",
        "import elsewhere\nelsewhere.given()",
        "from elsewhere import given\ngiven()",
        "def f(given):\n    given()",  # a parameter hides what the star import binds
        "x = {}\nx.get('a').items()",
        "from shop.client import nothing\nnothing()",
    ],
)
def test_what_lies_outside_or_is_bound_here_gives_no_edge(source: str) -> None:
    assert _calls(source) == []


def test_nested_functions_are_seen_from_inside_only_and_a_class_body_is_no_scope_for_its_methods() -> None:
    source = """
        def outer():
            def inner(): ...
            inner()

        class Box:
            def fill(self):
                fill()

        def fill(): ...

        def other():
            inner()
        """
    assert out_of({"a.py": source}, "a.py", "calls") == [
        "outer -> a.py:outer.inner (resolved: same scope)",
        "Box.fill -> a.py:fill (resolved: same file)",
    ]


def test_a_diamond_of_classes_is_searched_in_the_order_of_python() -> None:
    files = {
        "a.py": """
        class Top:
            def run(self): ...
        class Left(Top): ...
        class Right(Top):
            def run(self): ...
        class Bottom(Left, Right):
            def go(self):
                self.run()
                super().run()
        """
    }
    assert set(out_of(files, "a.py", "calls")) == {
        "Bottom.go -> a.py:Right.run (resolved: own class, inherited)",
        "Bottom.go -> a.py:Right.run (resolved: base class, by super)",
    }


def test_a_member_of_something_unknown_is_inferred_when_it_is_the_only_one_and_ambiguous_when_not() -> None:
    files = {
        "a/x.py": "class A:\n    def weigh(self): ...\n    def lift(self): ...\n    def get(self): ...\n",
        "b/y.py": "class B:\n    def lift(self): ...\n",
        "b/use.py": "def f(it):\n    it.weigh()\n    it.lift()\n    it.get()\n    it.nowhere()\n",
        "tests/test_z.py": "class Z:\n    def weigh(self): ...\n",
    }
    assert out_of(files, "b/use.py", "calls") == [
        "f -> a/x.py:A.weigh (inferred: by name: the only one)",
        "f -> a/x.py:A.lift (ambiguous: by name: one of several)",
        "f -> b/y.py:B.lift (ambiguous: by name: one of several)",
    ]


def test_modules_that_import_each_other_and_classes_that_inherit_from_themselves_end() -> None:
    files = {
        "a.py": "from b import thing\nfrom b import *\nthing()\nother()\n",
        "b.py": "from a import thing\nfrom a import *\n",
        "c.py": "class C(C):\n    def f(self):\n        self.g()\n",
        "d.py": "x = x()\nx.y()\nwhile True:\n    z = z.next()\n",
    }
    assert [out_of(files, path, "calls") for path in files] == [[], [], [], []]


def test_bases_imports_and_types_give_edges_of_their_kinds() -> None:
    source = """
        import shop.extra
        from shop.client import Client, nothing

        class Mine(Client): ...

        held: Client = None
        """
    assert out_of(_BASE | {"app.py": source}, "app.py") == [
        "(file) imports src/shop/extra.py",
        "(file) imports src/shop/client.py",
        "(file) imports src/shop/client.py:Client",
        "Mine inherits src/shop/client.py:Client",
        "(file) uses src/shop/client.py:Client",
    ]


def test_a_function_with_a_decorator_is_what_the_decorator_gives() -> None:
    files = {
        "cli.py": """
        class Group:
            def command(self): ...
        def group() -> Group: ...

        @group()
        def main(): ...

        @main.command()
        def run(): ...
        """
    }
    assert out_of(files, "cli.py", "calls")[-1] == (
        "(file) -> cli.py:Group.command (resolved: class of what a decorator gives)"
    )


def test_a_fixture_of_pytest_is_what_it_returns() -> None:
    files: Files = {
        "runner.py": "class Runner:\n    def invoke(self): ...\n",
        "tests/conftest.py": "import pytest\nfrom runner import Runner\n@pytest.fixture\ndef runner():\n    return Runner()\n",
        "tests/deep/test_it.py": "def test_it(runner):\n    runner.invoke()\n",
    }
    assert out_of(files, "tests/deep/test_it.py", "calls") == [
        "test_it -> runner.py:Runner.invoke (resolved: class of a fixture)"
    ]
