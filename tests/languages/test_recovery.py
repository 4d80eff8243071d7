"""One broken function does not lose the others, in any language, however it is broken."""

from __future__ import annotations

import pytest

from inhouse.languages import parse

_HOLE = "BROKEN"

_FILES = {
    "a.py": """import os


def first(a):
    return a + 1


class Box:
    '''Doc.'''

    def one(self):
        return 1

    def two(self, x):
        y = foo(x)
        BROKEN
        return y

    def three(self):
        return [3]


def middle(a, b):
    if a:
        BROKEN
    return b


def last(c):
    for i in c:
        print(i)
""",
    "a.c": """#include <x.h>

int first(int a)
{
    return a + 1;
}

struct box { int a; };

static int middle(int a, int b)
{
    if (a) {
        BROKEN
        return 1;
    }
    return b;
}

/* doc */
int last(int c) {
    return c;
}

int end(void) { return 0; }
""",
    "a.cpp": """#include <x>
int first(int a) { return a; }

class Box {
 public:
  int one() { return 1; }

  int two(int x) {
    int y = foo(x);
    BROKEN
    return y;
  }

  int three() { return 3; }
};

int middle(int a) {
  BROKEN
  return a;
}

int last(int c) {
  return c;
}
""",
    "A.java": """package a;

import b.C;

public class Box {
    private int x;

    int one() {
        return 1;
    }

    int two(int x) {
        int y = foo(x);
        BROKEN
        return y;
    }

    @Override
    int three() {
        return 3;
    }
}

class Other {
    void last() { }
}
""",
    "a.js": """import x from 'y';

function first(a) {
  return a;
}

class Box {
  one() {
    return 1;
  }

  two(x) {
    const y = foo(x);
    BROKEN
    return y;
  }

  three() {
    return 3;
  }
}

function middle(a) {
  BROKEN
  return a;
}

export function last(c) {
  return c;
}
""",
    "a.ts": """import x from 'y';

function first(a: number): number {
  return a;
}

class Box {
  one(): number {
    return 1;
  }

  two(x: number) {
    const y = foo(x);
    BROKEN
    return y;
  }

  three() {
    return 3;
  }
}

function middle(a: any) {
  BROKEN
  return a;
}

export function last(c: any) {
  return c;
}
""",
    "a.go": """package a

import "x"

func first(a int) int {
\treturn a
}

type Box struct {
\ta int
}

func (b *Box) one() int {
\treturn 1
}

func middle(a int) int {
\tBROKEN
\treturn a
}

func (b *Box) three() int {
\treturn 3
}

func last(c int) int {
\treturn c
}
""",
    "a.rs": """use x::y;

fn first(a: i32) -> i32 {
    a
}

struct Box { a: i32 }

impl Box {
    fn one(&self) -> i32 {
        1
    }

    fn two(&self, x: i32) -> i32 {
        let y = foo(x);
        BROKEN
        y
    }

    fn three(&self) -> i32 {
        3
    }
}

fn middle(a: i32) -> i32 {
    BROKEN
    a
}

pub fn last(c: i32) -> i32 {
    c
}
""",
}

_BREAKS = (
    "foo(1, [2",
    "if (x {",
    "}",
    "{",
    "))",
    '"abc',
    "'abc",
    "/* open",
    "@#$%^",
    "x = = 3 +",
    "else",
    "def (",
    "`abc",
    "}}}",
    "<<<<<<< HEAD",
    "=======",
    "fn class struct (",
    "((((((",
)


def _broken(text: str, place: int, damage: str, sound: str) -> str:
    """Return the text with damage in one of its holes and a sound statement in the others."""
    first, *rest = text.split(_HOLE)
    return first + "".join((damage if hole == place else sound) + part for hole, part in enumerate(rest))


def _names(path: str, text: str) -> list[str]:
    return [symbol.qualified_name for symbol in parse(path, text).symbols]


@pytest.mark.parametrize("damage", _BREAKS)
@pytest.mark.parametrize("path", [*_FILES, "a.tsx"])
def test_every_definition_survives_in_its_place(path: str, damage: str) -> None:
    text = _FILES["a.ts" if path == "a.tsx" else path]
    sound = "x" if path == "a.py" else "x;"
    expected = _names(path, text.replace(_HOLE, sound))
    assert parse(path, text.replace(_HOLE, sound)).errors == 0
    for place in range(text.count(_HOLE)):
        assert _names(path, _broken(text, place, damage, sound)) == expected


def test_definitions_end_where_the_next_begins_when_a_brace_is_missing() -> None:
    text = "int a(int x) {\n  if (x) {\n    return 1;\n}\n\nint b(void) {\n  return go();\n}\n"
    parsed = parse("a.c", text)
    assert [(one.name, one.start_line, one.end_line) for one in parsed.symbols] == [("a", 1, 4), ("b", 6, 8)]
    assert [(call.name, call.scope) for call in parsed.calls] == [("go", "b")]


def test_the_errors_of_the_file_are_counted_before_any_recovery() -> None:
    assert parse("a.py", "def f():\n    return (1\n\n\ndef g():\n    return 2\n").errors > 0
    assert parse("a.py", "def f():\n    return 1\n").errors == 0


def test_comments_and_imports_of_a_broken_file_are_kept_once() -> None:
    text = "import os\n\n\n# Says a.\ndef a():\n    pass\n\n\ndef broken(:\n    pass\n\n\nimport sys\n"
    parsed = parse("a.py", text)
    assert [item.module for item in parsed.imports] == ["os", "sys"]
    assert [comment.text for comment in parsed.comments] == ["# Says a."]
    assert parsed.symbols[0].docstring == "Says a."
