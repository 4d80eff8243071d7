"""What leads into a definition is what leads out of others, however often files were updated."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.retrieval.facts import read_file
from inhouse.retrieval.graph import Graph
from inhouse.retrieval.sqlite import SqliteStore

from . import test_c, test_other_languages, test_python
from .repositories import Files, graph_of, line, store_of

_MEMORY = Path(":memory:")
_MORE_PYTHON = {
    "app.py": """
        import shop.client as c
        from shop import build as b2, Client as K
        from shop.extra import *
        def f(x: K):
            b2().send(); K(); x.close(); given(); c.make(); cls()
        """,
    "pkg/__init__.py": "from . import inner\nfrom .inner import go as run\n",
    "pkg/inner.py": "def go(): ...\nclass A:\n    @classmethod\n    def make(cls): return cls()\n    def see(self): self.see()\n",
    "pkg/use.py": "from . import run\nfrom .. import pkg\nfrom . import inner as i\nrun()\npkg.run()\ni.go()\ni.A.make()\n",
    "tests/test_inner.py": "from pkg import inner\ndef test_it(): inner.go()\n",
    "settings.yaml": "http:\n  timeout: 3\n",
    "read.py": "import os\ndef f(config):\n    return config['http']['timeout'], os.environ['HTTP_PROXY']\n",
    ".env": "HTTP_PROXY=x\n",
}
_REPOSITORIES = {
    "python": test_python._BASE | _MORE_PYTHON,
    "c": test_c._C,
    "cpp": test_c._CPP,
    "java": test_other_languages._JAVA,
    "scripts": test_other_languages._SCRIPTS,
    "go": test_other_languages._GO,
    "rust": test_other_languages._RUST,
}


@pytest.mark.parametrize("name", _REPOSITORIES)
def test_every_edge_out_of_a_file_is_found_again_as_an_edge_into_its_target(name: str) -> None:
    files = _REPOSITORIES[name]
    graph = graph_of(files)
    out = {edge for path in files for edge in graph.edges_from(path)}
    targets = {(edge.target_path, edge.target) for edge in out}
    into = {edge for path, target in targets for edge in graph_of(files).edges_to(path, target)}
    assert out
    assert {line(edge) for edge in out - into} == set()
    assert {line(edge) for edge in into - out} == set()


_TEXTS = (
    "def go(): ...\n",
    "from a import go\n\ndef run():\n    go()\n",
    "from b import *\nimport a\na.go()\nrun()\n",
    "class Box:\n    def go(self):\n        self.go()\n        run()\n",
    "from c import Box as B\nclass Big(B):\n    def fill(self):\n        self.go()\n        B().go()\n",
    "x.go()\n",
    "",
)
_PATHS = ("a.py", "b.py", "c.py", "d/__init__.py", "d/a.py", "test_a.py")


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(_PATHS), st.sampled_from(_TEXTS)), min_size=1, max_size=12),
    removed=st.sets(st.sampled_from(_PATHS), max_size=2),
)
def test_edges_after_any_updates_are_those_of_a_rebuild(
    steps: list[tuple[str, str]], removed: set[str]
) -> None:
    updated = SqliteStore(_MEMORY)
    for path, text in steps:
        updated.replace([read_file(path, "", text)])
    updated.remove(sorted(removed))
    left = {path: text for path, text in dict(steps).items() if path not in removed}
    rebuilt = store_of(left)
    assert _all_edges(updated, left) == _all_edges(rebuilt, left)


def test_replacing_a_file_keeps_what_others_say_about_it() -> None:
    store = store_of({"a.py": "def go(): ...\n", "b.py": "from a import go\ngo()\n"})
    before = Graph(store).edges_to("a.py", "go")
    store.replace([read_file("a.py", "2", "LIMIT = 1\n\n\ndef go(): ...\n")])
    assert Graph(store).edges_to("a.py", "go") == before
    assert len(before) == 2  # the import and the call
    store.replace([read_file("a.py", "3", "LIMIT = 1\n")])
    assert Graph(store).edges_to("a.py", "go") == []


def test_a_walk_is_bounded_and_begins_with_what_is_near() -> None:
    files = {
        f"m{one}.py": f"from m{one + 1} import f{one + 1}\ndef f{one}(): f{one + 1}()\n" for one in range(9)
    }
    store = store_of(files)
    found = Graph(store).neighbourhood([("m0.py", "")], 6)
    assert len(found) == 6
    assert {edge.source_path for edge in found[:2]} == {"m0.py"}
    assert found == Graph(store).neighbourhood([("m0.py", "")], 6)


def test_edges_among_files_leave_out_all_others() -> None:
    files = test_python._BASE
    paths = ["src/shop/client.py", "src/shop/base.py"]
    edges = graph_of(files).edges_among(paths)
    assert {(edge.source_path, edge.target_path) for edge in edges} == {tuple(paths)}


def test_a_name_that_everything_uses_costs_a_walk_no_more_than_its_bound() -> None:
    files = {f"f{number}.py": "from a import go\ngo()\n" for number in range(30)}
    graph = graph_of(files | {"a.py": "def go(): ...\n"})
    assert len(graph.edges_to("a.py", "go", most=10)) == 10
    assert len(graph.edges_to("a.py", "go")) == 60


def _all_edges(store: SqliteStore, files: Files) -> list[object]:
    graph = Graph(store)
    places = [(path, name) for path in sorted(files) for name in ("", *graph.view.file(path).symbols)]
    return [
        *(graph.edges_from(path) for path in sorted(files)),
        *(graph.edges_to(*place) for place in places),
    ]
