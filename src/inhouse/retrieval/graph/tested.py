"""Tests and what they test, by the names of their files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.records import Edge
from inhouse.retrieval.graph.view import family_of, nearest

if TYPE_CHECKING:
    from collections.abc import Collection

    from inhouse.retrieval.graph.view import View

__all__ = ["tested_by_name", "tests_by_name"]

_MARK = re.compile(
    r"^(?:tests?[-_]|Test(?=[A-Z]))|(?:[-_.](?:tests?|spec|unittest)|(?<=[a-z0-9])(?:Tests?|TestCase|IT|Spec))$"
)
_FORMS = (
    "test_{}",
    "{}_test",
    "{}_tests",
    "test-{}",
    "{}-test",
    "{}.test",
    "{}.spec",
    "{}Test",
    "{}Tests",
    "Test{}",
    "{}TestCase",
    "{}IT",
    "{}_unittest",
    "tests_{}",
    "{}Spec",
    "{}-spec",
)
_ENDINGS = {
    "c": ("c", "cc", "cpp", "cxx", "h", "hpp"),
    "javascript": ("js", "ts", "tsx", "jsx", "mjs", "cjs", "mts", "cts"),
    "go": ("go",),
    "java": ("java",),
    "python": ("py",),
    "rust": ("rs",),
}


def tested_by_name(view: View, path: str, reached: Collection[str]) -> list[Edge]:
    """Return the file that a test file is named after: `test_client.py` tests the nearest `client.py`.

    `reached` are the files that the test refers to: one of them comes before any other.
    """
    stem = _stem(path)
    tested = _MARK.sub("", stem)
    if not tested or tested == stem:
        return []
    names = [f"{one}.{ending}" for one in _variants(tested) for ending in _ENDINGS.get(family_of(path), ())]
    found = {
        one for name in names for one in view.paths_called(name) if one != path and not view.file(one).is_test
    }
    best = nearest(path, sorted(found.intersection(reached) or found))
    if not best:
        return []
    certainty = "inferred" if len(best) == 1 else "ambiguous"
    return [Edge("tests", path, "", 1, one, "", certainty, "a test named after the file") for one in best[:1]]


def tests_by_name(view: View, path: str) -> list[str]:
    """Return the tests whose name may be made from that of a file."""
    if view.file(path).is_test:
        return []
    stems = {form.format(one) for one in _variants(_stem(path)) for form in _FORMS}
    endings = _ENDINGS.get(family_of(path), ())
    tests = {one for stem in stems for ending in endings for one in view.paths_called(f"{stem}.{ending}")}
    return [test for test in sorted(tests) if view.file(test).is_test]


def _stem(path: str) -> str:
    return PurePosixPath(path).name.rpartition(".")[0]


def _variants(stem: str) -> tuple[str, ...]:
    """Return a stem, and one that is private: `_config.py` is tested by `test_config.py`."""
    return tuple(dict.fromkeys((stem, stem.removeprefix("_"), f"_{stem.removeprefix('_')}")))
