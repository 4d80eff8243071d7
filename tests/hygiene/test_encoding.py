"""From bytes to text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.hygiene.encoding import Decoded, decode

WESTERN = "// Größe des Puffers, à vérifier\nint size = 1; // señal\n" * 3


def test_utf8_is_utf8() -> None:
    assert decode("λ = 1\n".encode()) == Decoded("λ = 1\n", "utf-8")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding_and_is_left_out(encoding: str) -> None:
    assert decode("λ = 1\n".encode(encoding)).text == "λ = 1\n"


def test_big_endian_marks_are_read_too() -> None:
    assert decode(b"\xfe\xff" + "aλ".encode("utf-16-be")) == Decoded("aλ", "utf-16-be")


def test_utf16_without_a_mark_is_binary() -> None:
    assert decode("int a;\n".encode("utf-16-le")).problem == "binary"


@pytest.mark.parametrize(("encoding", "name"), [("latin-1", "latin-1"), ("cp1252", "cp1252")])
def test_western_text_is_transcoded(encoding: str, name: str) -> None:
    text = WESTERN + ("“quoted”\n" if encoding == "cp1252" else "")
    assert decode(text.encode(encoding)) == Decoded(text, name)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("# Размер буфера в байтах\nsize = 1\n", "koi8-r"),
        ("# Размер буфера в байтах\nsize = 1\n", "cp1251"),
        ("// 缓冲区的大小\nint size = 1;\n", "gbk"),
        ("// バッファのサイズ\nint size = 1;\n", "shift_jis"),
        ("// 버퍼의 크기\nint size = 1;\n", "euc-kr"),
    ],
)
def test_other_encodings_are_not_guessed(text: str, encoding: str) -> None:
    """Western decoding never fails: it would turn them into rubbish that looks like text."""
    assert decode(text.encode(encoding) * 3).problem == "encoding"


def test_broken_utf8_is_no_text() -> None:
    assert decode("naïve café 漢字".encode()[:-1] * 2).problem == "encoding"
    assert decode(b"\xef\xbb\xbf\xff\xff").problem == "encoding"


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x01\0\0", random.Random(1).randbytes(500), b"a\0b"])
def test_binaries_are_binary(data: bytes) -> None:
    assert decode(data).problem == "binary"


@pytest.mark.parametrize("data", [b"", b"\n", b"  \t\r\n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_blank_files_are_empty(data: bytes) -> None:
    assert decode(data).problem == "empty"


def test_form_feeds_and_escapes_are_text() -> None:
    assert decode(b"/* page */\n\f\nint a;\x1b[0m\n").problem == ""


@given(st.binary(max_size=300))
def test_every_file_is_text_or_has_a_reason_not_to_be(data: bytes) -> None:
    decoded = decode(data)
    assert bool(decoded.problem) != bool(decoded.encoding)
    assert "\0" not in decoded.text
    decoded.text.encode()  # no lone surrogates: Parquet would refuse them
