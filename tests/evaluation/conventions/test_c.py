"""Each habit of C is seen where it is, and places that fit several habits are no sites."""

from __future__ import annotations

import pytest

from inhouse.evaluation.conventions import profile
from inhouse.evaluation.conventions.c import c_sites

CASES = [
    (
        "function_name",
        "int shop_get(void) { }\nint shopGet(int a) { }\nint get(void) { }",
        ["snake_case", "camelCase"],
    ),
    (
        "function_prefix",
        "int shop_get(void) { }\nint shop__put(void) { }\nint get(void) { }\nint main(void) { }",
        ["shop_", "shop_", "none"],
    ),
    ("static_prefix", "static int shop_get(void) { }\nint shop_put(void) { }", ["shop_"]),
    ("type_end", "typedef struct a_s a_t;\ntypedef int Number;", ["_t", "none"]),
    ("callback_type_end", "typedef void (*read_cb)(int a);", ["_cb"]),
    ("macro_name", "#define SHOP_MAX 3\n#define shop_min 1", ["UPPER_CASE", "snake_case"]),
    ("enumerator_prefix", "enum a { SHOP_A, SHOP_B, C };", ["SHOP_", "SHOP_", "none"]),
    ("guard", "/* a */\n#ifndef A_H_\n#define A_H_\n#endif", ["#ifndef"]),
    ("guard", "// a\n#pragma once\nint a;", ["#pragma once"]),
    ("guard", "int a;", ["none"]),
    ("guard_end", "#ifndef SHOP_CART_H_\n#define SHOP_CART_H_\n#endif", ["_H_"]),
    (
        "return_check",
        "void f(void) {\n  err = g();\n  if (err)\n    h();\n  r = g();\n  if (r < 0)\n"
        "    h();\n  x = 1;\n  if (x) h();\n}",
        ["result", "result < 0"],
    ),
    ("return_variable", "void f(void) {\n  int rc = g();\n  if (rc != 0)\n    h();\n}", ["rc"]),
    (
        "null_check",
        "void f(char* p, int n) {\n  if (p == NULL) g();\n  if (!p) g();\n  if (!n) g();\n}",
        ["pointer == NULL", "!pointer"],
    ),
    (
        "error_return",
        "int f(void) {\n  return -1;\n  return -EINVAL;\n  return SHOP_EINVAL;\n"
        "  return 0;\n  return NULL;\n}",
        ["a negative number", "-E...", "SHOP_E..."],
    ),
    (
        "errno_return",
        "int f(void) {\n  return SHOP__ERR(errno);\n  return -errno;\n}",
        ["SHOP__ERR(errno)", "-errno"],
    ),
    (
        "call:malloc",
        "void f(void) {\n  a = shop__malloc(3);\n  b = malloc(3);\n}",
        ["shop__malloc", "malloc"],
    ),
    (
        "log_call",
        'void f(void) {\n  log_warn("A\\n");\n  snprintf(b, 3, "a");\n  blog("a");\n}',
        ["log_warn"],
    ),
    ("function_brace", "int f(void) {\n}\nint g(void)\n{\n}", ["same line", "next line"]),
    (
        "control_brace",
        "void f(void) {\n  if (a) {\n    b();\n  }\n  while (a)\n  {\n    b();\n  }\n}",
        ["same line", "next line"],
    ),
    (
        "single_statement",
        "void f(void) {\n  if (a)\n    b();\n  if (a) {\n    b();\n  }\n  if (a) {\n"
        "    b();\n    c();\n  }\n}",
        ["no braces", "braces"],
    ),
    (
        "else_line",
        "void f(void) {\n  if (a) {\n    b();\n  } else {\n    c();\n  }\n  if (a) {\n"
        "    b();\n  }\n  else {\n    c();\n  }\n}",
        ["same line", "own line"],
    ),
    ("keyword_space", "void f(void) {\n  if (a) b();\n  for(;;) c();\n}", ["space", "no space"]),
    ("pointer_star", "char* a;\nchar *b;\nchar * c;", ["char* p", "char *p", "char * p"]),
    ("cast_space", "int a = (int) b;\nint c = (int)d;", ["space", "no space"]),
    (
        "sizeof_allocated",
        "void f(void) {\n  a = malloc(sizeof(*a));\n  b = malloc(n * sizeof(b_t));\n"
        "  c = malloc(sizeof(struct c));\n}",
        ["expression", "type", "type"],
    ),
    ("comment_form", "/* a */\n// b", ["/* */", "//"]),
    (
        "indent",
        "void f(void) {\n  if (a) {\n    b();\n  }\n}\nvoid g(void) {\n\tc();\n}",
        ["2 spaces", "2 spaces", "a tab"],
    ),
    ("no_parameters", "int f(void) { }\nint g() { }\nint h(int a) { }", ["(void)", "()"]),
    ("return_type_line", "int f(void) { }\nint\ng(void) { }", ["same line", "own line"]),
    ("label", "void f(void) {\n  goto out;\nout:\n  g();\n}", ["out"]),
]


@pytest.mark.parametrize(("aspect", "text", "values"), CASES, ids=[case[0] for case in CASES])
def test_a_habit_is_seen_where_it_is(aspect: str, text: str, values: list[str]) -> None:
    sites = [site for site in c_sites(f"{text}\n".encode(), "shop.h") if site.aspect == f"c.{aspect}"]
    assert [site.value for site in sorted(sites, key=lambda site: site.start)] == values


def test_an_answer_that_allocates_past_the_house_is_caught() -> None:
    text = "".join(
        f"int shop_get_{n}(int* a) {{\n  a = shop__malloc({n});\n  return 0;\n}}\n\n" for n in range(10)
    )
    found = profile([("src/a.c", text), ("src/b.c", text)])
    answer = "int shop_new(int* a) {\n  a = malloc(3);\n  return 0;\n}\n"
    assert found.judge("c", answer, (0, len(answer))).notes == (
        "Call `shop__malloc` where `malloc` is meant. Here: malloc(3)",
    )
