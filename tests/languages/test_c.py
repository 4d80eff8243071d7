"""C: declarators, old-style parameters, macros and what the preprocessor does to a grammar."""

from __future__ import annotations

from inhouse.languages import parse
from inhouse.languages.preprocessor import keep_first_branches, without_macros

from .reading import body, calls, imports, kinds, symbols

_SOURCE = """#include <stdio.h>
#include "uv/unix.h"
#define LIMIT 3
#define GUARD
#define MAX(a, b) \\
  ((a) > (b) ? (a) : (b))
struct point { int x; };
typedef struct node_s { struct node_s *next; } node_t;
typedef struct { int a; } anon_t;
typedef int (*callback_t)(int);
enum color { RED, GREEN = 2 };
union either { int a; };
static const int table[] = {1, 2};
int (*pointer)(int);
extern int *declared(void);
static int later(int a);

/*
 * Makes a point.
 */
static inline struct point *make(int (*cb)(int), /* count */
                                 int y)
{
  return wrap(y)->call(cb);
}
void (*handler(int sig, void (*func)(int)))(int) { return 0; }
int (odd)(void) { return 1; }
static int later(int a) { return a; }
int old(x, y) int x; char *y; { return x; }
"""


def test_definitions() -> None:
    assert kinds("a.c", _SOURCE) == [
        ("LIMIT", "macro"),
        ("MAX", "macro"),
        ("point", "struct"),
        ("node_t", "type"),
        ("node_s", "struct"),
        ("anon_t", "struct"),
        ("callback_t", "type"),
        ("color", "enum"),
        ("color.RED", "constant"),
        ("color.GREEN", "constant"),
        ("either", "union"),
        ("table", "constant"),
        ("declared", "function"),
        ("make", "function"),
        ("handler", "function"),
        ("odd", "function"),
        ("later", "function"),
        ("old", "function"),
    ]


def test_signatures_comments_and_bodies() -> None:
    found = symbols("a.c", _SOURCE)
    assert found["make"].signature == "static inline struct point *make(int (*cb)(int), int y)"
    assert found["make"].docstring == "Makes a point."
    assert body(_SOURCE, found["make"]) == "  return wrap(y)->call(cb);\n}"
    assert found["MAX"].signature == "#define MAX(a, b)"
    assert body(_SOURCE, found["MAX"]) == "((a) > (b) ? (a) : (b))"
    assert found["LIMIT"].signature == "#define LIMIT 3"
    assert found["node_t"].signature == "typedef struct node_s node_t"
    assert found["anon_t"].signature == "typedef struct anon_t"
    assert found["old"].signature == "int old(x, y) int x; char *y"


def test_a_declaration_counts_unless_the_file_defines_it() -> None:
    found = symbols("a.c", _SOURCE)
    assert found["declared"].body == found["declared"].end
    assert found["later"].body < found["later"].end


def test_includes_and_calls() -> None:
    assert imports("a.c", _SOURCE) == [("stdio.h", ()), ("uv/unix.h", ())]
    assert calls("a.c", _SOURCE) == [("wrap", "make"), ("call", "make")]


def test_a_conditional_that_cuts_through_a_function_loses_nothing() -> None:
    text = """int f(int a) {
#ifdef FAST
  if (a) {
#else
  if (slow(a)) {
#endif
    return 1;
  }
  return quick(a);
}

int g(void) { return 2; }
"""
    parsed = parse("a.c", text)
    assert [(one.name, one.start_line, one.end_line) for one in parsed.symbols] == [
        ("f", 1, 10),
        ("g", 12, 12),
    ]
    assert {(call.name, call.scope) for call in parsed.calls} == {("slow", "f"), ("quick", "f")}
    assert parsed.errors > 0


def test_both_versions_of_a_function_are_seen() -> None:
    text = "#ifdef A\nint f(void) { return 1; }\n#else\nint f(void) { return 2; }\n#endif\n"
    assert [one.start_line for one in parse("a.c", text).symbols] == [2, 4]
    assert keep_first_branches(text.encode()) is None


def test_blanks_keep_every_offset_and_ignore_braces_in_strings() -> None:
    text = b'#if X\nif (a) { // }\n#else\nif ("}") {\n#endif\n}\n'
    repaired = keep_first_branches(text)
    assert repaired is not None
    assert len(repaired) == len(text)
    assert repaired.split() == [b"if", b"(a)", b"{", b"//", b"}", b"}"]
    assert [len(line) for line in repaired.split(b"\n")] == [len(line) for line in text.split(b"\n")]


def test_macros_that_break_the_grammar_keep_the_functions() -> None:
    text = """EXPORT_API int first(void);
DEFINE_TEST(second) { return 1; }
static int INLINE third(int a) { return a; }
BEGIN_DECLS
int fourth(int a) UNUSED_ATTRIBUTE;
int fifth(void) {
  LIST_FOREACH(item, &list, link)
    use(item);
  return 0;
}
END_DECLS
int sixth(void) { return 0; }
"""
    names = {one.name for one in parse("a.c", text).symbols}
    assert {"first", "second", "third", "fifth", "sixth"} <= names


def test_a_label_is_not_where_a_function_begins() -> None:
    text = (
        "int f(void) {\n  BAD(int, {);\nerror:\n  free_it();\n  return 1;\n}\n\nint g(void) { return 2; }\n"
    )
    assert [(one.name, one.end_line) for one in parse("a.c", text).symbols] == [("f", 6), ("g", 8)]


def test_macros_between_words_are_blanked_and_calls_constants_and_types_stay() -> None:
    source = b"""#if __has_include(<span>)
#define API_CALL(x) API x
#endif
SHOP_BEGIN
template <class T, ENABLE_IF(is_one<T>())> API_INLINE auto take(T one) -> T;
class SHOP_API(1) FINAL final : Base<int> { API Till(int a) : a_(a) {} Lock* lock_ GUARDED_BY(other(1)); };
HANDLE open(DWORD size) { return LIMIT * CALL(1) + MAX (2, 3); }
void close() const REQUIRES(lock_) { CHECK(1); "class API Text {"; }
"""
    blanked = without_macros(source)
    assert len(blanked) == len(source)
    assert [b" ".join(line.split()) for line in blanked.splitlines()] == [
        b"#if 1",
        b"#define API_CALL(x) API x",
        b"#endif",
        b"",
        b"template <class T > auto take(T one) -> T;",
        b"class FINAL final : Base<int> { Till(int a) : a_(a) {} Lock* lock_ ; };",
        b"HANDLE open(DWORD size) { return LIMIT * CALL(1) + MAX (2, 3); }",
        b'void close() const { CHECK(1); "class API Text {"; }',
    ]


def test_brackets_that_never_close_cost_no_time() -> None:
    for noise in (b"AAA(", b"AAA\n", b"template <AAA, ", b"::a", b") AAA ", b"#if (<"):
        assert len(without_macros(noise * 20_000)) == len(noise) * 20_000
