"""What files refer to besides calls: bases, decorators, types, what imports bind, keys that are read."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

from textwrap import dedent

import pytest

from inhouse.languages import parse


def _mentions(path: str, text: str, kind: str) -> list[tuple[str, str, str]]:
    """Return (scope, name, variable) of the mentions of one kind."""
    parsed = parse(path, dedent(text))
    assert parsed.errors == 0
    return [
        (one.scope, one.name, one.bound[0][0] if one.bound else "")
        for one in parsed.mentions
        if one.kind == kind
    ]


def _bound(path: str, text: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [(one.module, one.bound) for one in parse(path, dedent(text)).imports]


@pytest.mark.parametrize(
    ("path", "text", "bases"),
    [
        (
            "a.py",
            "class A(B, c.D, E[T], metaclass=M):\n    class I(J): ...",
            ["A B", "A c.D", "A E", "A.I J"],
        ),
        ("a.java", "class A<T> extends b.C<T> implements D, E<T> { interface I extends J {} }", None),
        ("a.js", "class A extends b.C {}", ["A b.C"]),
        ("a.ts", "class A extends B<T> implements C, d.E<T> {}\ninterface I extends J {}", None),
        ("a.cc", "namespace n { class A : public B, private m::C<T> {}; }", ["n.A B", "n.A m::C<T>"]),
        ("a.rs", "impl<T> m::Tr for A<T> {}\ntrait B: C + D {}", ["A m::Tr", "B C", "B D"]),
        (
            "a.go",
            "package p\ntype A struct {\n\tB\n\t*c.D\n\tx E\n}\ntype I interface {\n\tJ\n\tM()\n}\n",
            ["A B", "A c.D", "I J"],
        ),
    ],
)
def test_bases_are_in_the_scope_of_their_class(path: str, text: str, bases: list[str] | None) -> None:
    expected = {
        "a.java": ["A b.C", "A D", "A E", "A.I J"],
        "a.ts": ["A B", "A C", "A d.E<T>", "I J"],
    }
    found = [f"{scope} {name}" for scope, name, _ in _mentions(path, text, "inherit")]
    assert found == (bases or expected[path])


@pytest.mark.parametrize(
    ("path", "text", "bound"),
    [
        ("a.py", "import a.b, c.d as e", [("a.b", (("a.b", ""),)), ("c.d", (("e", ""),))]),
        ("a.py", "from .a import b as c, d", [(".a", (("c", "b"), ("d", "d")))]),
        ("a.py", "from .. import b", [("..", (("b", "b"),))]),
        ("a.py", "from a import *", [("a", (("*", "*"),))]),
        (
            "a.js",
            "import d, {a as b, default as e} from 'q'",
            [("q", (("d", "default"), ("b", "a"), ("e", "default")))],
        ),
        ("a.js", "import * as k from './w'", [("./w", (("k", ""),))]),
        ("a.js", "export {a as b} from 'x'; export * from 'y'", [("x", (("b", "a"),)), ("y", (("*", "*"),))]),
        ("a.js", "export * as ns from 'z'", [("z", (("ns", ""),))]),
        ("a.js", "const {a: b, c} = require('e')", [("e", (("b", "a"), ("c", "c")))]),
        (
            "a.js",
            "const q = require('e'); const z = require('e').y",
            [("e", (("q", ""),)), ("e", (("z", "y"),))],
        ),
        ("a.ts", "import type { A as B } from './t'", [("./t", (("B", "A"),))]),
        ("a.java", "import a.B; import static a.B.c; import a.*;", None),
        (
            "a.rs",
            "use a::{b as c, d::*, self};",
            [("a::b", (("c", ""),)), ("a::d", (("*", "*"),)), ("a", (("a", ""),))],
        ),
        ("a.go", 'package p\nimport (\n\tx "a/b"\n\t"c/d"\n\t. "e"\n)\n', None),
        (
            "a.c",
            '#include "a/b.h"\n#include <c.h>\n',
            [("a/b.h", (('"a/b.h"', "*"),)), ("c.h", (("<c.h>", "*"),))],
        ),
    ],
)
def test_an_import_says_what_a_name_here_is_there(path: str, text: str, bound: list[object] | None) -> None:
    expected = {
        "a.java": [("a.B", (("B", ""),)), ("a.B.c", (("c", ""),)), ("a", (("*", "*"),))],
        "a.go": [("a/b", (("x", ""),)), ("c/d", (("d", ""),)), ("e", (("*", "*"),))],
    }
    assert _bound(path, text) == (bound or expected[path])


def test_an_import_inside_of_a_function_is_in_its_scope() -> None:
    parsed = parse("a.py", "import a\ndef f():\n    import b\n")
    assert [(one.module, one.scope) for one in parsed.imports] == [("a", ""), ("b", "f")]


def test_decorators_annotations_and_components_are_called_without_parentheses() -> None:
    assert _mentions("a.py", "@a.b\n@c(1)\ndef f(): ...", "call") == [("", "a.b", "")]
    assert [name for _, name, _ in _mentions("A.java", "@B(1) class A { @C void f() {} }", "call")] == [
        "B",
        "C",
    ]
    assert _mentions("a.jsx", "const f = () => <Box.Lid><Leaf/></Box.Lid>;", "call") == [
        ("f", "Box.Lid", ""),
        ("f", "Leaf", ""),
    ]


@pytest.mark.parametrize(
    ("path", "text", "types"),
    [
        ("a.py", "x: 'A | None' = f()\nclass C:\n    y: Optional[m.B]\n", ["x A", "y m.B"]),
        ("A.java", "class A { final B<C> b = null; void f() { D d; int e; } }", ["b B", "d D"]),
        (
            "a.ts",
            "class A { b: B; constructor(private c: C) {} }\nconst d: D = f();",
            ["this.b B", "this.c C", "d D"],
        ),
        ("a.go", "package p\ntype A struct {\n\tb *c.D\n}\nfunc f() { e := F{}; g := &H{} }\n", None),
        (
            "a.rs",
            "struct A { b: Box<B> }\nfn f() { let c: C = g(); let d = D { e: 1 }; }",
            ["b B", "c C", "d D"],
        ),
        (
            "a.cc",
            "class A { B b; };\nvoid f() { n::C c; std::unique_ptr<D> d; int e; }",
            ["b B", "c n::C", "d D"],
        ),
    ],
)
def test_declared_types_are_told_of_their_variables(path: str, text: str, types: list[str] | None) -> None:
    expected = {"a.go": ["b c.D", "e F", "g H"]}
    found = [f"{variable} {name}" for _, name, variable in _mentions(path, text, "type")]
    assert sorted(found) == sorted(types or expected[path])


def test_a_call_knows_its_variable_and_what_it_is_called_on() -> None:
    text = "x = A()\nself.y = await b.c()\nwith D() as z: pass\nE(1).f()\ng(h(2)).i()\nreturn_ = j[0].k()\nl.m()\n"
    found = [(call.name, call.bound, call.on) for call in parse("a.py", text).calls]
    assert found == [
        ("A", "x", None),
        ("b.c", "self.y", None),
        ("D", "z", None),
        ("E", "", None),
        ("f", "", "E()"),
        ("g", "", None),
        ("i", "", ""),
        ("h", "", None),
        ("k", "return_", ""),
        ("l.m", "", None),
    ]


@pytest.mark.parametrize(
    ("path", "text", "keys"),
    [
        ("a.py", "os.environ['A']; os.getenv('B', 1); environ.get(\"C\")", ["A", "B", "C"]),
        ("a.py", "config['a']['b']; self.settings.get('c.d'); app.config['E']", ["a.b", "c.d", "E"]),
        ("a.py", "options['a']; data.get('b'); config[name]; os.environ['C'] = 1", []),
        ("a.py", "# os.environ['A']\n", []),
        ("a.js", "process.env.A; process.env['B']; config.get('c.d')", ["A", "B", "c.d"]),
        ("a.c", 'int f(void) { return getenv("A") != 0; }', ["A"]),
        ("a.go", 'package p\nfunc f() { os.Getenv("A"); viper.GetString("b.c") }\n', ["A", "b.c"]),
        ("a.rs", 'fn f() { std::env::var("A"); env!("B"); }', ["A", "B"]),
        ("A.java", 'class A { void f() { System.getenv("A"); System.getProperty("b.c"); } }', ["A", "b.c"]),
    ],
)
def test_keys_of_the_configuration_are_read_by_name_only(path: str, text: str, keys: list[str]) -> None:
    assert sorted(name for _, name, _ in _mentions(path, text, "read")) == sorted(keys)


def test_exports_say_under_which_name_others_find_a_definition() -> None:
    text = """
        export default foo;
        export { a as b };
        module.exports = { c, d: e };
        exports.f = g;
        module.exports = class H {};
        """
    parsed = parse("a.js", dedent(text))
    exports = [pair for one in parsed.mentions if one.kind == "export" for pair in one.bound]
    assert exports == [("default", "foo"), ("b", "a"), ("c", "c"), ("d", "e"), ("f", "g"), ("default", "H")]
