"""C and C++: includes, linkage, namespaces; the truths are planted, for C the linker is asked too."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .repositories import graph_of, out_of

_C = {
    "include/lib.h": "#define LIB_MAX(a, b) ((a) > (b) ? (a) : (b))\nint lib_open(int);\nint lib_unmade(int);\n",
    "src/open.c": '#include "lib.h"\n#include "inner.h"\nint lib_open(int a) { return helper(a) + inner(a); }\n',
    "src/inner.h": "static inline int inner(int a) { return a; }\nint helper(int);\n",
    "src/unix/help.c": '#include "../inner.h"\nint helper(int a) { return a; }\n',
    "src/win/help.c": '#include "../inner.h"\nint helper(int a) { return a; }\n',
    "src/unix/poll.c": '#include "../inner.h"\nstatic int step(void) { return helper(1); }\nint poll1(void) { return step(); }\n',
    "src/win/poll.c": "static int step(void) { return 2; }\nint poll2(void) { return step(); }\n",
    "test/test-open.c": """\
        #include <lib.h>
        #include <string.h>
        int main(void) { return LIB_MAX(lib_open(1), strlen("a")) + lib_unmade(2); }
        """,
    "compat/string.h": "int strlen(const char *);\n",
}


def test_static_functions_stay_in_their_file_and_platforms_in_their_folder() -> None:
    assert out_of(_C, "src/unix/poll.c", "calls") == [
        "step -> src/unix/help.c:helper (resolved: declared in an included header, nearest folder)",
        "poll1 -> src/unix/poll.c:step (resolved: same file)",
    ]
    assert out_of(_C, "src/win/poll.c", "calls") == ["poll2 -> src/win/poll.c:step (resolved: same file)"]


def test_what_a_header_defines_or_declares_is_found_through_it_and_platforms_are_ambiguous() -> None:
    assert out_of(_C, "src/open.c", "calls") == [
        "lib_open -> src/inner.h:inner (resolved: defined in an included header)",
        "lib_open -> src/unix/help.c:helper (ambiguous: declared in an included header, nearest folder)",
        "lib_open -> src/win/help.c:helper (ambiguous: declared in an included header, nearest folder)",
    ]


def test_a_macro_a_linked_function_and_one_that_is_only_declared() -> None:
    assert out_of(_C, "test/test-open.c", "calls") == [
        "main -> include/lib.h:LIB_MAX (resolved: defined in an included header)",
        "main -> include/lib.h:lib_unmade (resolved: declared in an included header)",
        "main -> src/open.c:lib_open (resolved: declared in an included header)",
    ]


def test_includes_beside_the_file_come_first_and_standard_headers_are_the_systems() -> None:
    assert out_of(_C, "src/unix/poll.c", "imports") == [
        "(file) -> src/inner.h (resolved: included, beside the file)"
    ]
    assert out_of(_C, "test/test-open.c", "imports") == ["(file) -> include/lib.h (resolved: included)"]


def test_a_pointer_to_a_function_has_no_edge() -> None:
    files = {"a.c": "int run(int a) { return a; }\nint f(struct ops *o) { return o->run(1); }\n"}
    assert out_of(files, "a.c", "calls") == []


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no compiler")
def test_calls_into_other_files_are_those_of_the_linker(tmp_path: Path) -> None:
    files = {path: text for path, text in _C.items() if "win" not in path and "compat" not in path}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    defined, taken = {}, {}
    for path in [path for path in files if path.endswith(".c")]:
        name = tmp_path / "out.o"
        subprocess.run(["gcc", "-c", f"-I{tmp_path}/include", "-o", name, tmp_path / path], check=True)
        listed = subprocess.run(["nm", name], capture_output=True, text=True, check=True).stdout
        rows = [line.split()[-2:] for line in listed.splitlines()]
        defined |= {symbol: path for kind, symbol in rows if kind == "T"}
        taken[path] = {symbol for kind, symbol in rows if kind == "U"}
    graph = graph_of(files)
    for path, symbols in taken.items():
        ours = {(edge.target, edge.target_path) for edge in graph.edges_from(path) if edge.kind == "calls"}
        truth = {(symbol, defined[symbol]) for symbol in symbols if symbol in defined}
        assert {one for one in ours if one[1] != path and one[1].endswith(".c")} == truth


_CPP = {
    "shape.h": """
        namespace geo {
        class Shape {
         public:
          virtual double area();
          void log();
        };
        class Square : public Shape {
         public:
          Square(double side);
          double area() override;
        };
        }
        """,
    "shape.cc": """
        #include "shape.h"
        namespace geo {
        void Shape::log() { area(); }
        double Square::area() { log(); return this->area(); }
        double total(Square& square) { return square.area(); }
        }
        """,
    "main.cc": """
        #include "shape.h"
        int main() {
          geo::Square square(1);
          square.log();
          auto *other = new geo::Square(2);
          other->area();
          return geo::total(square);
        }
        """,
}


def test_methods_of_cpp_are_found_below_their_class_in_whatever_file() -> None:
    assert out_of(_CPP, "shape.cc", "calls") == [
        "geo.Shape.log -> shape.h:geo.Shape.area (resolved: own class or namespace)",
        "geo.Square.area -> shape.cc:geo.Shape.log (resolved: own class, inherited)",
        "geo.Square.area -> shape.cc:geo.Square.area (resolved: own class)",
        "geo.total -> shape.cc:geo.Square.area (resolved: class of a parameter)",
    ]
    assert out_of(_CPP, "main.cc", "calls") == [
        "main -> shape.cc:geo.Shape.log (resolved: class of a variable, inherited)",
        "main -> shape.h:geo.Square (resolved: the same name)",
        "main -> shape.cc:geo.Square.area (resolved: class of a variable)",
        "main -> shape.cc:geo.total (resolved: the same name)",
    ]
    assert out_of(_CPP, "shape.h", "inherits") == ["geo.Square -> shape.h:geo.Shape (resolved: same file)"]
