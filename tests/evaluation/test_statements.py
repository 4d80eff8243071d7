"""Statements and identifiers: where a statement ends, and how much of it was produced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.statements import exact_match, first_statement, identifier_match, identifiers

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


@pytest.mark.parametrize(
    ("language", "text", "lead", "statement"),
    [
        ("python", "    return x\n    y = 1\n", "", "    return x"),
        ("python", "\n\n    # why: (\n    total = 0\n", "\n\n    # why: (\n", "    total = 0"),
        ("python", '    """Say (what."""\n    run()\n', '    """Say (what."""\n', "    run()"),
        ("python", '  """Say\n  more (\n  """\n  run()\n', '  """Say\n  more (\n  """\n', "  run()"),
        ("python", "call(\n    one,\n)\nnext()\n", "", "call(\n    one,\n)"),
        ("python", "call(\n  1,\n  a,\n  b,\n)\n", "", "call(\n  1,\n  a,"),
        ("python", "x = {\n  1: y}\nz\n", "", "x = {\n  1: y}"),
        ("python", "x = a + \\\n    b\nz\n", "", "x = a + \\\n    b"),
        ("python", "x = '('\ny\n", "", "x = '('"),
        ("python", "x = f\"{a}(\"\ny\n", "", "x = f\"{a}(\""),
        ("python", ")\n    y = 2\n", ")\n", "    y = 2"),
        ("python", "@cached\ndef f():\n", "", "@cached"),
        ("c", "\tif (a &&\n\t    b) {\n\t\tc();\n", "", "\tif (a &&\n\t    b) {"),
        ("c", "/* one (\n two */\n// three\n\tgo();\n", "/* one (\n two */\n// three\n", "\tgo();"),
        ("c", "}\n\nint f(void)\n{\n", "}\n\n", "int f(void)"),
        ("c", "case '(':\n  x();\n", "", "case '(':"),
        ("c", "#include <a.h>\n#include <b.h>\n", "", "#include <a.h>"),
        ("rust", "fn f<'a>(x: &'a str) {\n  x\n", "", "fn f<'a>(x: &'a str) {"),
        ("rust", "let c = '(';\nd\n", "", "let c = '(';"),
        ("javascript", "const a = `(\n(`;\nb();\n", "", "const a = `(\n(`;"),
        ("typescript", "log('it(');\nb();\n", "", "log('it(');"),
        ("go", "x := `(`\ny()\n", "", "x := `(`"),
        ("java", "if (a)\r\n  b();\r\n", "", "if (a)\r"),
        ("python", "total = 1", "", "total = 1"),
    ],
)  # fmt: skip
def test_a_statement_ends_where_its_brackets_do(language, text, lead, statement):
    found = first_statement(text, language)
    assert found is not None
    assert (found.lead, found.text) == (lead, statement)


@pytest.mark.parametrize("text", ["", "\n\n", "# only words\n", "}\n});\n", '"""Words."""\n', "1, 2, 3,\n"])
def test_text_without_a_statement_has_none(text):
    assert first_statement(text, "python") is None


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("f(a)\n", True),
        ("f(a)", False),
        ("f(a\n", False),
        ("f(\na,\nb,\nc)\n", False),
        ("f(a,\n  b)\n", True),
    ],
)
def test_a_statement_is_closed_when_its_line_and_its_brackets_are(text, closed):
    found = first_statement(text, "python")
    assert found is not None
    assert found.closed is closed


def test_identifiers_are_neither_keywords_nor_text_nor_numbers():
    line = "    return self.total_of(0x1F, 'no name', f\"{no}\", key=None) if ready else other  # no"
    assert identifiers(line, "python") == ["self", "total_of", "key", "ready", "other"]
    assert identifiers("static int parse(const char *data) /* no */", "c") == ["parse", "data"]
    assert identifiers('let größe: &\'a str = "no"; // no', "rust") == ["größe", "a", "str"]
    assert identifiers("new = delete", "python") == ["new", "delete"]
    assert identifiers("x = new Foo()", "java") == ["x", "Foo"]


def test_only_whitespace_may_differ_in_an_exact_match():
    assert exact_match("    return f(a,\n             b)", "return f(a, b)")
    assert not exact_match("return f(a, b)", "return f(a,b)")
    assert not exact_match("return a", "")


@pytest.mark.parametrize(
    ("reference", "answer", "match"),
    [("abc", "abc", 1.0), ("abc", "", 0.0), ("", "", 1.0), ("", "a", 0.0), ("abcd", "ad", 2 / 3),
     ("ab", "ba", 0.5), ("aab", "ab", 0.8)],
)  # fmt: skip
def test_identifier_match_counts_order_and_repetition(reference, answer, match):
    assert identifier_match(list(reference), list(answer)) == pytest.approx(match)


@given(NAMES, NAMES)
def test_identifier_match_equals_its_definition(reference, answer):
    def common(left, right):
        if not left or not right:
            return 0
        if left[0] == right[0]:
            return 1 + common(left[1:], right[1:])
        return max(common(left[1:], right), common(left, right[1:]))

    total = len(reference) + len(answer)
    expected = 2 * common(tuple(reference), tuple(answer)) / total if total else 1.0
    assert identifier_match(reference, answer) == pytest.approx(expected)
    assert identifier_match(answer, reference) == pytest.approx(expected)


@given(
    st.text(alphabet="ab()[]{}'\"`#/*\\\n ", max_size=60),
    st.sampled_from(["python", "c", "rust", "javascript"]),
)
def test_lead_and_statement_are_the_beginning_of_the_text(text, language):
    found = first_statement(text, language)
    if found is not None:
        assert text.startswith(found.lead + found.text)
        assert found.lead == "" or found.lead.endswith("\n")
        assert 1 <= len(found.text.split("\n")) <= 3
