"""Keys of configuration files, with their lines."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.languages import configuration_keys

_LANGUAGES = {"json": "json", "yaml": "yaml", "toml": "toml", "ini": "ini"}


def _keys(path: str, text: str) -> list[tuple[str, int]]:
    found = configuration_keys(path, text, _LANGUAGES.get(path.rpartition(".")[2], ""))
    return [(one.qualified_name, one.start_line) for one in found]


@pytest.mark.parametrize(
    ("path", "text", "keys"),
    [
        (
            "a.yaml",
            "a:\n  b: 1\n  c: [x, {y: 1}]\n'd e': 2\n",
            [("a", 1), ("a.b", 2), ("a.c", 3), ("d e", 4)],
        ),
        ("a.yaml", "a: 1\n---\nb: 2\n", [("a", 1), ("b", 3)]),
        ("a.yaml", "x: &x\n  y: 1\nz: *x\n", [("x", 1), ("x.y", 2), ("z", 3)]),
        ("a.yaml", "a: 1\nb: [unclosed\n", []),
        ("a.yaml", "{{ template }}\n: :\n", []),
        (
            "a.json",
            '{"a": {"b": [{"x": 1}],\n "c": "d"}, "e\\"f": 1}',
            [("a", 1), ("a.b", 1), ("a.c", 2), ('e\\"f', 2)],
        ),
        ("a.json", '{"a": {"b": 1', [("a", 1), ("a.b", 1)]),
        ("a.json", '[{"a": 1}]', []),
        ("a.json", '// note "x": 1\n{"a": 1 /* "y": 2 */}', [("a", 2)]),
        ("a.toml", '[a."b.c"]\nd = """\ne = 1\n"""\nf.g = 2\n[[h]]\ni = 3', None),
        ("a.ini", "[a]\nb = 1\n; c = 2\nd: 3\n  continued = 4\n", [("a", 1), ("a.b", 2), ("a.d", 4)]),
        (".env", "A=1\nexport B=2\n# C=3\nnot a key\n", [("A", 1), ("B", 2)]),
        ("deploy/prod.env", "A=1\n", [("A", 1)]),
        ("package-lock.json", '{"a": 1}', []),
        ("poetry.lock", "[a]\nb = 1\n", []),
        ("a.md", "a: 1\n", []),
    ],
)
def test_keys_have_their_full_name_and_their_line(
    path: str, text: str, keys: list[tuple[str, int]] | None
) -> None:
    toml = [("a.b.c", 1), ("a.b.c.d", 2), ("a.b.c.f.g", 5), ("h", 6), ("h.i", 7)]
    assert _keys(path, text) == (toml if keys is None else keys)


def test_spans_are_bytes_of_whole_lines_and_comments_above_belong() -> None:
    text = "ä: 1\n# how long\n# to wait\nb:\n  c: ü\nd: 3\n"
    b = next(one for one in configuration_keys("a.yaml", text, "yaml") if one.name == "b")
    assert text.encode()[b.start : b.end].decode() == "b:\n  c: ü"
    assert (b.docstring, b.signature, b.kind) == ("how long\nto wait", "b:", "key")


def test_large_files_and_alias_bombs_cost_nothing() -> None:
    bomb = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}\n" for n in range(1, 60))
    assert len(configuration_keys("a.yaml", bomb, "yaml")) < 400
    assert configuration_keys("a.yaml", "a: 1\n" * 100_000, "yaml") == ()
    assert len(configuration_keys("a.json", json.dumps({str(n): n for n in range(5000)}), "json")) == 1000
    assert configuration_keys("a.json", "[" * 50_000, "json") == ()
    assert configuration_keys("a.yaml", "[" * 5_000, "yaml") == ()


_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.text(st.characters(max_codepoint=126), max_size=8),
        st.lists(st.integers(), max_size=2),
    ),
    lambda inner: st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    tree=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), _VALUES, max_size=3),
    indent=st.sampled_from((None, 2)),
)
def test_keys_of_json_are_those_of_the_parser(tree: dict[str, object], indent: int | None) -> None:
    text = json.dumps(tree, indent=indent)
    for path in ("a.json", "a.yaml"):
        assert {key for key, _ in _keys(path, text)} == set(_names(tree, ""))


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_gives_keys_or_none_and_never_fails(text: str) -> None:
    for path in ("a.json", "a.yaml", "a.toml", "a.ini", ".env"):
        _keys(path, text)


def test_keys_of_toml_are_those_of_the_parser() -> None:
    text = '[project]\nname = "a"\n"q r" = 1\n[tool.x]\ny = {z = 1}\n'
    whole = set(_names(tomllib.loads(text), ""))
    assert {key for key, _ in _keys("a.toml", text)} == (whole - {"tool", "tool.x.y.z"})


def _names(value: object, prefix: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [
        name for key, inner in value.items() for name in (prefix + key, *_names(inner, f"{prefix}{key}."))
    ]
