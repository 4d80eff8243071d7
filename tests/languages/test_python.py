"""Python, with the standard library's own parser as the reference."""

from __future__ import annotations

import ast
import inspect
import sysconfig
from pathlib import Path

import pytest

from inhouse.languages import parse

from .reading import body, calls, imports, kinds, symbols

_STDLIB = Path(sysconfig.get_path("stdlib"))
_FILES = ["argparse.py", "asyncio/base_events.py", "dataclasses.py", "enum.py", "tarfile.py", "typing.py"]

_SOURCE = '''"""Module."""
import os

LIMIT = 3
lower = 4


# Waits.
# Politely.
def plain(
    a,  # the first
    b: int = 2,
) -> int:
    return a


@decorated(os.sep)
@plain
async def fetch(url, *, timeout=1.0):
    """Fetch it.

    Slowly.
    """
    # first
    return await get(url)


class Box(Base, metaclass=Meta):
    """A box."""

    SIZE: int = 4

    @property
    def size(self) -> int: return self.items.count()

    def nested(self):
        def inner():
            return helper()

        class Local:
            pass

        return inner


if LIMIT:
    def conditional():
        """Only words."""
'''


def test_definitions_with_their_scopes_and_kinds() -> None:
    assert kinds("a.py", _SOURCE) == [
        ("LIMIT", "constant"),
        ("plain", "function"),
        ("fetch", "function"),
        ("Box", "class"),
        ("Box.SIZE", "constant"),
        ("Box.size", "method"),
        ("Box.nested", "method"),
        ("Box.nested.inner", "function"),
        ("Box.nested.Local", "class"),
        ("conditional", "function"),
    ]


def test_signatures_stand_on_one_line_without_comments() -> None:
    found = symbols("a.py", _SOURCE)
    assert found["plain"].signature == "def plain(a, b: int = 2) -> int"
    assert found["fetch"].signature == "async def fetch(url, *, timeout=1.0)"
    assert found["Box"].signature == "class Box(Base, metaclass=Meta)"
    assert found["LIMIT"].signature == "LIMIT = 3"


def test_a_definition_begins_with_its_decorators() -> None:
    fetch = symbols("a.py", _SOURCE)["fetch"]
    assert _SOURCE.encode()[fetch.start :].startswith(b"@decorated")
    assert (fetch.start_line, fetch.end_line) == (17, 25)


def test_docstrings_are_clean_and_comments_above_stand_in_for_them() -> None:
    found = symbols("a.py", _SOURCE)
    assert found["fetch"].docstring == "Fetch it.\n\nSlowly."
    assert found["plain"].docstring == "Waits.\nPolitely."
    assert found["Box.size"].docstring == ""


def test_the_body_begins_behind_signature_and_docstring() -> None:
    found = symbols("a.py", _SOURCE)
    assert body(_SOURCE, found["fetch"]) == "    # first\n    return await get(url)"
    assert body(_SOURCE, found["plain"]) == "    return a"
    assert body(_SOURCE, found["Box.size"]) == " return self.items.count()"
    assert found["conditional"].body == found["conditional"].end


def test_calls_know_their_scope_and_a_decorator_stands_outside() -> None:
    assert calls("a.py", _SOURCE) == [
        ("decorated", ""),
        ("get", "fetch"),
        ("self.items.count", "Box.size"),
        ("helper", "Box.nested.inner"),
    ]


def test_calls_of_calls_and_of_subscripts() -> None:
    assert calls("a.py", "a.b(1).c(2)\nf(g(h()))\nx[0]()\n(lambda: 0)()\n") == [
        ("a.b", ""),
        ("c", ""),
        ("f", ""),
        ("g", ""),
        ("h", ""),
    ]


def test_imports_bind_names() -> None:
    text = (
        "import a.b, c as d\nfrom . import x\nfrom ..p.q import (\n    y as z,\n    w,\n)\nfrom m import *\n"
    )
    assert imports("a.py", text) == [
        ("a.b", ("a",)),
        ("c", ("d",)),
        (".", ("x",)),
        ("..p.q", ("z", "w")),
        ("m", ("*",)),
    ]
    assert parse("a.py", text).imports[3].text == "from ..p.q import (y as z, w)"


@pytest.mark.parametrize("name", _FILES)
def test_the_standard_library_reads_as_its_own_parser_reads_it(name: str) -> None:
    text = (_STDLIB / name).read_text(encoding="utf-8")
    parsed = parse(name, text)
    assert parsed.errors == 0
    got = {
        (one.qualified_name, one.kind, one.start_line): (one.docstring, one.end_line)
        for one in parsed.symbols
        if one.kind in ("function", "method", "class")
    }
    expected = dict(_definitions(ast.parse(text), "", False))
    assert got.keys() == expected.keys()
    for key, (docstring, end_line) in expected.items():
        rest = text.splitlines()[end_line : got[key][1]]
        assert all(not line.strip() or line.strip().startswith("#") for line in rest)
        if docstring is not None and "\\" not in docstring and "\\" not in got[key][0]:
            assert got[key][0] == docstring


def _definitions(node: ast.AST, prefix: str, in_class: bool):
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _definitions(child, prefix, in_class)
            continue
        is_class = isinstance(child, ast.ClassDef)
        kind = "class" if is_class else "method" if in_class else "function"
        line = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
        yield (prefix + child.name, kind, line), (ast.get_docstring(child), child.end_lineno)
        yield from _definitions(child, f"{prefix}{child.name}.", is_class)


def test_calls_and_imports_agree_with_the_reference() -> None:
    text = inspect.getsource(inspect)
    parsed, tree = parse("inspect.py", text), ast.parse(text)
    named = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    ]
    assert sorted(call.line for call in parsed.calls) == sorted(node.lineno for node in named)
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert sorted(modules) == sorted(item.module for item in parsed.imports if item.text.startswith("import"))
