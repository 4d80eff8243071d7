"""C++, Java, JavaScript, TypeScript, Go and Rust: definitions, imports, comments and calls."""

from __future__ import annotations

from .reading import body, calls, imports, kinds, symbols

_CPP = """#include <vector>
namespace a::b {
/// A box.
template <typename T> class Box : public Base<T> {
 public:
  Box(int a) : a_(a) {}
  ~Box();
  virtual int size() const override = 0;
  operator bool() const { return true; }
  Box& operator+=(const Box& o) { return *this; }
  enum class Kind { A };
  using Item = int;
};
template <typename T> int Box<T>::late(T a) { return std::max<int>(a, 1); }
int a::b::Other::full() { return new_one(); }
}
extern "C" { int plain(void); }
constexpr int LIMIT = 3;
Box::~Box() {}
"""


def test_cpp() -> None:
    assert kinds("a.cpp", _CPP) == [
        ("a.b", "module"),
        ("a.b.Box", "class"),
        ("a.b.Box.Box", "method"),
        ("a.b.Box.~Box", "method"),
        ("a.b.Box.size", "method"),
        ("a.b.Box.operator bool", "method"),
        ("a.b.Box.operator+=", "method"),
        ("a.b.Box.Kind", "enum"),
        ("a.b.Box.Kind.A", "constant"),
        ("a.b.Box.Item", "type"),
        ("a.b.Box.late", "method"),
        ("a.b.Other.full", "method"),
        ("plain", "function"),
        ("LIMIT", "constant"),
        ("Box.~Box", "method"),
    ]
    found = symbols("a.cpp", _CPP)
    assert found["a.b.Box"].docstring == "A box."
    assert found["a.b.Box.Box"].signature == "Box(int a)"
    assert _CPP.encode()[found["a.b.Box"].start :].startswith(b"template")
    assert calls("a.cpp", _CPP) == [("std::max", "a.b.Box.late"), ("new_one", "a.b.Other.full")]
    assert imports("a.cpp", _CPP) == [("vector", ())]


_JAVA = """package a.b;
import java.util.List;
import static java.lang.Math.*;
/** A box. */
@Marked(1)
public class Box<T> extends Base {
  private static final int LIMIT = 3;
  int field = 3;
  Box(int a) { super(a); }
  /** Sizes it. */
  @Override
  public <U> List<U> size(int a) throws E { items.get(a).count(); return new Found(1); }
  abstract int later();
  enum Kind { X(1), Y; int code() { return 1; } }
  interface Face { int q(); }
  record Pair(int a) { int sum() { return 1; } }
}
"""


def test_java() -> None:
    assert kinds("Box.java", _JAVA) == [
        ("Box", "class"),
        ("Box.LIMIT", "constant"),
        ("Box.Box", "method"),
        ("Box.size", "method"),
        ("Box.later", "method"),
        ("Box.Kind", "enum"),
        ("Box.Kind.X", "constant"),
        ("Box.Kind.Y", "constant"),
        ("Box.Kind.code", "method"),
        ("Box.Face", "interface"),
        ("Box.Face.q", "method"),
        ("Box.Pair", "class"),
        ("Box.Pair.sum", "method"),
    ]
    found = symbols("Box.java", _JAVA)
    assert found["Box"].docstring == "A box."
    assert found["Box.size"].docstring == "Sizes it."
    assert found["Box.size"].signature == "@Override public <U> List<U> size(int a) throws E"
    assert found["Box.later"].body == found["Box.later"].end
    assert imports("Box.java", _JAVA) == [("java.util.List", ("List",)), ("java.lang.Math", ("*",))]
    assert calls("Box.java", _JAVA) == [
        ("super", "Box.Box"),
        ("items.get", "Box.size"),
        ("count", "Box.size"),
        ("Found", "Box.size"),
    ]


_JAVASCRIPT = """import def, { a as b, c } from "./m.js";
import * as ns from 'n';
const fs = require("fs"), { x, y: z } = require("y");
/** Fetches. */
export async function fetch(a, b = 1) { return get(a).json(); }
export default class Box extends Base {
  handler = (e) => { return e; };
  constructor() { super(); new Thing(); }
  get size() { return 1; }
}
const LIMIT = 3;
const lower = 4;
const arrow = async (a) => a + 1;
exports.named = function (a) { return a; };
Box.prototype.late = function () {};
module.exports = { key: function () {}, short() {} };
"""


def test_javascript() -> None:
    assert kinds("a.js", _JAVASCRIPT) == [
        ("fetch", "function"),
        ("Box", "class"),
        ("Box.handler", "method"),
        ("Box.constructor", "method"),
        ("Box.size", "method"),
        ("LIMIT", "constant"),
        ("arrow", "function"),
        ("named", "function"),
        ("Box.late", "function"),
        ("key", "method"),
        ("short", "method"),
    ]
    found = symbols("a.js", _JAVASCRIPT)
    assert found["fetch"].docstring == "Fetches."
    assert _JAVASCRIPT.encode()[found["arrow"].start :].startswith(b"const arrow")
    assert body(_JAVASCRIPT, found["arrow"]) == "a + 1"
    assert imports("a.js", _JAVASCRIPT) == [
        ("./m.js", ("def", "b", "c")),
        ("n", ("ns",)),
        ("fs", ("fs",)),
        ("y", ("x", "z")),
    ]
    assert [name for name, scope in calls("a.js", _JAVASCRIPT) if scope] == ["get", "json", "super", "Thing"]


def test_a_function_of_an_object_has_the_name_of_what_holds_the_object() -> None:
    text = """const tools = { cut() {}, deep: { "far": () => 1 } };
Box.prototype = { open() {} };
start({ done() {} });
var one = function () {}, two = function () {};
"""
    assert kinds("a.js", text) == [
        ("tools.cut", "method"),
        ("tools.deep.far", "method"),
        ("Box.open", "method"),
        ("done", "method"),
        ("one", "function"),
        ("two", "function"),
    ]


_TYPESCRIPT = """import type { T } from "./t";
import x = require("x");
export interface Face<T> extends J { a: number; m(x: T): void; }
type Alias<T> = { a: T };
export enum Kind { A, B = 2 }
namespace N.M { export function f(): void {} }
abstract class Box<T> { abstract m(): void; @dec() n<U>(a: U): U { return a; } }
export function over(a: string): void;
export function over(a: any) { return call<T>(a); }
"""


def test_typescript() -> None:
    assert kinds("a.ts", _TYPESCRIPT) == [
        ("Face", "interface"),
        ("Face.m", "method"),
        ("Alias", "type"),
        ("Kind", "enum"),
        ("N.M", "module"),
        ("N.M.f", "function"),
        ("Box", "class"),
        ("Box.m", "method"),
        ("Box.n", "method"),
        ("over", "function"),
    ]
    found = symbols("a.ts", _TYPESCRIPT)
    assert _TYPESCRIPT.encode()[found["Box.n"].start :].startswith(b"@dec()")
    assert found["Box.n"].signature == "n<U>(a: U): U"
    assert imports("a.ts", _TYPESCRIPT) == [("./t", ("T",)), ("x", ("x",))]
    assert calls("a.ts", _TYPESCRIPT) == [("dec", "Box"), ("call", "over")]


def test_tsx_has_a_grammar_of_its_own() -> None:
    text = "export const App = (props: Props) => <div onClick={() => go()}>{props.name}</div>;\n"
    assert kinds("a.tsx", text) == [("App", "function")]


_GO = """package main
import "fmt"
import (
\tb "net/http"
\t. "os"
\t"example.org/go-redis/v9"
)
// Server serves.
type Server struct { a int }
type Closer interface { Close(x int) error }
type (
\tAlias = int
)
const Limit = 1
// Close does.
func (s *Server) Close(x int) (int, error) { s.a.Stop(x); return run(x), nil }
func (s Server[T]) Next() {}
func Map[T any](a T) T { return a }
"""


def test_go() -> None:
    assert kinds("a.go", _GO) == [
        ("Server", "struct"),
        ("Closer", "interface"),
        ("Closer.Close", "method"),
        ("Alias", "type"),
        ("Limit", "constant"),
        ("Server.Close", "method"),
        ("Server.Next", "method"),
        ("Map", "function"),
    ]
    found = symbols("a.go", _GO)
    assert found["Server"].signature == "type Server struct"
    assert found["Server"].docstring == "Server serves."
    assert found["Server.Close"].name == "Close"
    assert found["Server.Close"].signature == "func (s *Server) Close(x int) (int, error)"
    assert imports("a.go", _GO) == [
        ("fmt", ("fmt",)),
        ("net/http", ("b",)),
        ("os", ("*",)),
        ("example.org/go-redis/v9", ("redis",)),
    ]
    assert calls("a.go", _GO) == [("s.a.Stop", "Server.Close"), ("run", "Server.Close")]


_RUST = """use std::{io, fmt::{self, Debug as D}};
use a::b::*;
/// A box.
/// Of things.
#[derive(Debug)]
#[cfg(x)]
pub struct Box<T> { a: T }
trait Face { fn m(&self) -> i32; fn d(&self) {} }
impl<T> Face for Box<T> where T: Clone { fn m(&self) -> i32 { self.a.go(1); log!(x); Box::new(2); 1 } }
mod inner { #[test] fn checks() {} }
const LIMIT: i32 = 1;
macro_rules! twice { () => {} }
#[inline] pub async fn run() {}
"""


def test_rust() -> None:
    assert kinds("a.rs", _RUST) == [
        ("Box", "impl"),
        ("Face", "trait"),
        ("Face.m", "method"),
        ("Face.d", "method"),
        ("Box.m", "method"),
        ("inner", "module"),
        ("inner.checks", "function"),
        ("LIMIT", "constant"),
        ("twice", "macro"),
        ("run", "function"),
    ]
    found = symbols("a.rs", _RUST.replace("impl<T> Face for Box<T>", "impl Face for Other"))
    assert found["Box"].docstring == "A box.\nOf things."
    assert found["Box"].signature == "pub struct Box<T>"
    assert _RUST.encode()[found["Box"].start :].startswith(b"#[derive")
    assert found["Other"].signature == "impl Face for Other where T: Clone"
    assert found["run"].signature == "pub async fn run()"
    assert imports("a.rs", _RUST) == [
        ("std::io", ("io",)),
        ("std::fmt", ("fmt",)),
        ("std::fmt::Debug", ("D",)),
        ("a::b", ("*",)),
    ]
    assert calls("a.rs", _RUST) == [("self.a.go", "Box.m"), ("log!", "Box.m"), ("Box::new", "Box.m")]
