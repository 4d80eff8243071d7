"""Prose in code is found line by line, and code is never taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.docstrings import docstring_lines

PYTHON = '''\
#!/usr/bin/env python
# A comment is no docstring.
r"""The module.

More of it.
"""

import os


# Neither is this, above a function without one.
def bare(x="a default", y='b'):
    return x


@decorated(
    "an argument"
)
def one_line(
    x: str = "default",
) -> str:
    """Say it in one line."""
    text = """no docstring"""
    return text


class Shelf:
    \'\'\'Hold boxes.

        Indented more.
    \'\'\'

    label = "no docstring"

    async def open(self):
        "A plain string will do."


def same_line(): "stands beside code"
'''
GO = """\
package shelf

import "fmt"

// Box holds things.
// It is closed at night.
type Box struct {
	name string
}

// Not above a definition.

// Open opens the box.
func (b *Box) Open() string {
	// inside
	return fmt.Sprint(b.name)
}

func bare() {}
"""
C = """\
#include <stdio.h>

/* Return the sum
 * of both numbers.
 */
int sum(int a, int b) /* no docstring */
{
  return a + b; // nor this
}

int bare(void) { return 0; }
"""
JAVA = """\
package shelf;

/** Holds boxes. */
public class Shelf {
    /**
     * Opens the first box.
     */
    @Override
    public void open() { }
}
"""


def _found(path: str, text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    return ["".join(lines[part.start : part.stop]) for part in docstring_lines(path, text)]


def test_python_docstrings_have_their_lines_for_themselves() -> None:
    assert _found("shelf.py", PYTHON) == [
        'r"""The module.\n\nMore of it.\n"""\n',
        '    """Say it in one line."""\n',
        "    '''Hold boxes.\n\n        Indented more.\n    '''\n",
        '        "A plain string will do."\n',
    ]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "shelf.go",
            GO,
            ["// Box holds things.\n// It is closed at night.\n", "// Open opens the box.\n"],
        ),
        ("sum.c", C, ["/* Return the sum\n * of both numbers.\n */\n"]),
        (
            "Shelf.java",
            JAVA,
            ["/** Holds boxes. */\n", "    /**\n     * Opens the first box.\n     */\n"],
        ),
        ("notes.md", "# Title\n\nText.\n", []),
        ("empty.py", "", []),
        ("open.py", '"""never closed\n', []),
        ("constant.py", '# A comment.\nLIMIT = "text"\n', []),
    ],
)
def test_other_languages_describe_with_the_comment_right_above(
    path: str, text: str, expected: list[str]
) -> None:
    assert _found(path, text) == expected


@pytest.mark.parametrize("path", ["a.py", "a.c", "a.go", "a.rs"])
@given(text=st.text(alphabet="\"'#/*\\ndef clas():\n\t fn{}rRé;=", max_size=80))
def test_any_file_gives_lines_that_it_has(path: str, text: str) -> None:
    for part in docstring_lines(path, text):
        assert 0 <= part.start < part.stop <= text.count("\n") + 1


@pytest.mark.parametrize("text", ["\n" * 50_000 + "x", "# \n" * 20_000, '"' * 20_001, "'''" * 9_999 + "\\"])
def test_hostile_files_cost_no_time(text: str) -> None:
    docstring_lines("a.py", text)
