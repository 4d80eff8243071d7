"""Sources that are written to cost much, or that say nothing: answers in bounded time, and no failure."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .repositories import graph_of

_PATHS = ("a.py", "b.c", "c.h", "d.cc", "e.java", "f.js", "g.ts", "h.go", "i.rs", "j.yaml", "k.md")


def _seconds(files: dict[str, str]) -> float:
    graph = graph_of(files)
    begun = time.process_time()
    for path in files:
        graph.edges_from(path)
        graph.edges_to(path)
    return time.process_time() - begun


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "".join(f"class C{n}(C{n + 1}): ...\n" for n in range(600)) + "C0().f()\n"},
        {f"m{n}.py": f"from m{n + 1} import *\nf()\n" for n in range(150)},
        {f"m{n}.js": f"export * from './m{n + 1}'; f();\n" for n in range(150)},
        {f"m{n}.py": f"from m{n + 1} import f\nf()\n" for n in range(150)},
        {
            "a.py": "class A:\n    def f(self):\n"
            + "".join(f"        self.x{n} = self.x{(n * 7 + 1) % 40}.y()\n" for n in range(200))
        },
        {
            "a.py": "def f0(): return 1\n"
            + "".join(f"def f{n}(): return f{n - 1}()\n" for n in range(1, 300))
            + "f299().x()\n"
        },
        {"a.py": "x" + ".y" * 5000 + "()\n"},
        {f"h{n}.h": f'#include "h{(n + 1) % 300}.h"\n#include "h{(n * 7) % 300}.h"\n' for n in range(300)},
        {f"src/m{n}.rs": f"use crate::m{(n + 1) % 60}::f; fn g() {{ f(); }}\n" for n in range(60)},
    ],
    ids=["bases", "stars", "re-exports", "imports", "attributes", "returns", "parts", "includes", "uses"],
)
def test_chains_and_circles_end_soon(files: dict[str, str]) -> None:
    assert _seconds(files) < 5


_WORDS = """
self . super ( ) :: -> import from * as class ( a ): def f x = A() { } ; #include " < > new this
await return use crate require('./a') export default module.exports @ [ ] config['a'] é
"""
_PIECES = st.lists(st.sampled_from([*_WORDS.split(), "\n", "\0", "\ud800"]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(_PIECES, min_size=len(_PATHS), max_size=len(_PATHS)))
def test_no_text_makes_it_fail(texts: list[list[str]]) -> None:
    graph = graph_of({path: " ".join(text) for path, text in zip(_PATHS, texts, strict=True)})
    for path in _PATHS:
        graph.edges_from(path)
        for name in ("", *graph.view.file(path).symbols):
            graph.edges_to(path, name)
