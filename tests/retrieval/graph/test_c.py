"""C and C++: includes, linkage, namespaces; the truths are planted, for C the linker is asked too."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .repositories import graph_of, out_of, store_of

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
        double total(Square& square);
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
    assert out_of(_CPP, "shape.h", "inherits") == [
        "geo.Square -> shape.h:geo.Shape (resolved: own class or namespace)"
    ]


def test_macros_in_heads_of_classes_and_declarations_hide_no_members() -> None:
    files = {
        "till.h": """
            #pragma once
            #define SHOP_EXPORT __attribute__((visibility("default")))
            #define SHOP_BEGIN namespace shop {
            namespace shop {
            struct SHOP_EXPORT Options { int size; };
            class SHOP_EXPORT Till {
             public:
              SHOP_EXPORT virtual bool ring(int coin) const REQUIRES(lock_) = 0;
              SHOP_CONSTEXPR Till(int size) : size_(size) {}
              void close() RELEASE(lock_) { lock_.unlock(); }
             private:
              Drawer* drawer_ GUARDED_BY(lock_);
              int size_;
            };
            SHOP_EXPORT Till open(const Options& options);
            }
            """,
        "main.cc": """
            #include "till.h"
            int run(shop::Till& till) {
              till.ring(1);
              till.close();
              shop::Options();
              shop::open(2);
            }
            """,
    }
    assert out_of(files, "main.cc", "calls") == [
        "run -> till.h:shop.Till.ring (resolved: class of a parameter)",
        "run -> till.h:shop.Till.close (resolved: class of a parameter)",
        "run -> till.h:shop.Options (resolved: the same name)",
        "run -> till.h:shop.open (resolved: the same name)",
    ]


def test_a_header_that_defines_classes_follows_the_rules_of_cpp() -> None:
    files = {
        "box.h": "class Lid { public: void shut() {} };\nclass Box {\n  Lid lid;\n  void close() { lid.shut(); } };\n"
    }
    assert out_of(files, "box.h", "calls") == ["Box.close -> box.h:Lid.shut (resolved: class of a variable)"]


def test_names_of_files_that_are_not_included_do_not_reach_over() -> None:
    files = {
        "one.cc": "namespace a {\nstatic int half(int x) { return x; }\nclass Run { void go() { step(); } void step() {} };\n}\n",
        "two.cc": "namespace a {\nint twice(int x) { return half(x); }\nclass Run { void go() { step(); } void step() {} };\n}\n",
    }
    assert out_of(files, "two.cc", "calls") == [
        "a.Run.go -> two.cc:a.Run.step (resolved: own class or namespace)"
    ]


def test_a_class_that_is_declared_ahead_is_that_of_a_header() -> None:
    files = {
        "file.h": "class File { public: void append(int a); };\n",
        "log.h": "class File;\nclass Log {\n  File* file_;\n  void add() { file_->append(1); } };\n",
    }
    assert out_of(files, "log.h", "calls") == [
        "Log.add -> file.h:File.append (resolved: class of a variable)"
    ]


def test_tests_of_a_fixture_see_its_members_and_other_tests_none() -> None:
    files = {
        "db_test.cc": """
            class Db { void clear() {} };
            class DbTest { protected: void put(int a) {} };
            TEST_F(DbTest, Empty) { put(1); }
            TEST(Db, Clears) { clear(); }
            """,
    }
    assert out_of(files, "db_test.cc", "calls") == [
        "DbTest.Empty -> db_test.cc:DbTest.put (resolved: own class or namespace)"
    ]


def test_using_aliases_inline_namespaces_and_variables_of_a_file() -> None:
    files = {
        "text.h": """
            namespace text { inline namespace v1 {
            template <class C> class View { public: int size_of(); static View make(); };
            using Words = View<char>;
            void cut(Words words);
            } }
            """,
        "main.cc": """
            #include "text.h"
            using text::View;
            using namespace text;
            Words* all = nullptr;
            int run(const Words& words) {
              View<char>::make();
              cut(words);
              words.size_of();
              all->size_of();
              View<int> other(words);
              other.size_of();
              for (Words& one : many) {
                one.size_of();
              }
              std::cut(words);
              return Words::make().size_of();
            }
            """,
    }
    assert out_of(files, "main.cc", "calls") == [
        "run -> text.h:text.View.make (resolved: using declaration)",
        "run -> text.h:text.cut (resolved: using namespace)",
        "run -> text.h:text.View.size_of (resolved: class of a parameter)",
        "run -> text.h:text.View.size_of (resolved: class of a variable)",
        "run -> text.h:text.View.size_of (resolved: class of a variable)",
        "run -> text.h:text.View.size_of (resolved: class of a variable)",
        "run -> text.h:text.View.make (resolved: own class or namespace)",
        "run -> text.h:text.View.size_of (resolved: class of what the call before gives)",
    ]


def test_a_namespace_that_a_macro_opens_leaves_an_inference() -> None:
    files = {
        "shop.h": "#define BEGIN namespace shop {\nBEGIN\nclass Till {};\nvoid ring(Till& till);\n}\n",
        "main.cc": '#include "shop.h"\nvoid run() { shop::ring(1); std::ring(1); }\n',
    }
    assert out_of(files, "main.cc", "calls") == ["run -> shop.h:ring (inferred: the same name)"]


def test_members_of_a_namespace_that_is_not_indented_keep_it_where_the_file_does_not_parse() -> None:
    files = {
        "a.cc": """
            namespace shop {
            namespace {
            void hidden() {}
            }  // namespace
            void first() { auto** all = new Till*[size]; }
            class Till {
             public:
              void ring() { hidden(); }
            };
            }  // namespace shop
            void outside() {}
            """,
    }
    names = [one.qualified_name for one in store_of(files).symbols_of("a.cc")]
    assert names == ["shop", "shop.hidden", "shop.first", "shop.Till", "shop.Till.ring", "outside"]
