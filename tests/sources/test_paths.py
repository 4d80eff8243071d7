from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.sources.paths import is_escaped, printable, unquote

NAMES = st.binary(max_size=20) | st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", ["src/a b.py", 'it\'s "quoted".c', "café/файл/文件.txt", "🎈.md", ""])
def test_ordinary_names_pass_unchanged(name: str) -> None:
    assert printable(name.encode()) == name
    assert not is_escaped(printable(name.encode()))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.txt", "caf\\xe9.txt"),
        (b"two\nlines\t\x1b[31m", "two\\x0alines\\x09\\x1b[31m"),
        (b"back\\slash", "back\\x5cslash"),
        ("next\u0085line".encode(), "next\\u0085line"),
        ("\u202egnp.exe".encode(), "\\u202egnp.exe"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),  # a surrogate in UTF-8, which is no UTF-8
    ],
)
def test_names_that_a_terminal_or_parquet_would_choke_on_are_escaped(name: bytes, shown: str) -> None:
    assert printable(name) == shown
    assert is_escaped(shown)


def restore(shown: str) -> bytes:
    """Undo `printable`, which is possible only if no two names look the same."""
    parts = re.split(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4})", shown)
    decoded = [
        part.encode()
        if number % 2 == 0
        else bytes([int(part[1:], 16)])
        if part[0] == "x"
        else chr(int(part[1:], 16)).encode()
        for number, part in enumerate(parts)
    ]
    return b"".join(decoded)


@given(NAMES)
def test_no_two_names_become_the_same_text(name: bytes) -> None:
    shown = printable(name)
    assert restore(shown) == name
    assert shown.encode("utf-8").decode("utf-8") == shown


def quote(name: bytes) -> bytes:
    """Quote as git's quote.c does with core.quotePath."""
    letters = {7: b"a", 8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r", 34: b'"', 92: b"\\"}
    quoted = b"".join(
        b"\\" + letters[byte]
        if byte in letters
        else bytes([byte])
        if 0x20 <= byte < 0x7F
        else b"\\%03o" % byte
        for byte in name
    )
    return name if quoted == name else b'"' + quoted + b'"'


@given(NAMES)
def test_unquoting_restores_every_byte(name: bytes) -> None:
    assert unquote(quote(name)) == name
