"""File names: git stores any bytes, the rest of inhouse reads text that is safe to print and to store.

Most names pass unchanged. In the others each byte that is not UTF-8, each control or direction character and
each backslash becomes a backslash escape; escaping the backslash itself keeps different names different.
"""

from __future__ import annotations

import re

__all__ = ["is_escaped", "printable", "unquote"]

# Fixed ranges, not str.isprintable(): that changes with the Unicode version of the interpreter.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\\\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)
_QUOTED = re.compile(rb'\\([abfnrtv"\\]|[0-3][0-7]{2})')
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def printable(name: bytes) -> str:
    r"""Return a file name as text: ``b"caf\xe9"`` becomes ``caf\xe9`` spelled with a backslash.

    Different names give different texts, and every text is valid UTF-8 without control characters.
    """
    return _UNPRINTABLE.sub(_escape, name.decode("utf-8", "surrogateescape"))


def is_escaped(path: str) -> bool:
    """Tell whether `printable` had to change the name."""
    return "\\" in path


def unquote(name: bytes) -> bytes:
    """Undo the C-style quoting that git applies to unusual names where it separates them by tabs or lines."""
    if not name.startswith(b'"'):
        return name
    return _QUOTED.sub(_byte, name[1:-1])


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def _byte(match: re.Match[bytes]) -> bytes:
    escape = match.group(1)
    if escape.isdigit():
        return bytes([int(escape, 8)])
    return _LETTERS.get(escape, escape)
