"""From a file's bytes to text, or the reason why there is none."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

__all__ = ["Decoded", "decode"]

_BOMS = (  # the longer ones first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# tab, line ends, form feed and escape do occur in text
_CONTROLS = bytes(byte for byte in [*range(32), 127] if byte not in b"\t\n\v\f\r\x1b")
_MAX_CONTROL_SHARE = 0.01
# What Windows' Western set adds and people type: € … quotes, dashes, ™ Š Œ Ž š œ ž Ÿ. The others of
# 0x80 to 0x9f begin letters in East Asian sets.
_NOT_WESTERN = re.compile(rb"[\x81-\x84\x86-\x89\x8b\x8d\x8f\x90\x98\x9b\x9d]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_MAX_HIGH_SHARE = 0.3
_SHORT_RUN = 2  # as in Größe
_MIN_SHORT_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text and the encoding that it had; or `problem` (binary, encoding, empty) and no text."""

    text: str = ""
    encoding: str = ""
    problem: str = ""


def decode(data: bytes) -> Decoded:
    """Decode a file: by its byte order mark (left out), as UTF-8, or as a Western 8-bit text."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    if _is_binary(data):
        return Decoded(problem="binary")
    decoded = _decoded(data, "utf-8")
    if decoded.problem != "encoding" or not _looks_western(data):
        return decoded
    western = "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"
    return _decoded(data, western)


def _decoded(data: bytes, encoding: str) -> Decoded:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return Decoded(problem="encoding")
    if "\0" in text:
        return Decoded(problem="binary")
    return Decoded(text, encoding) if text.strip() else Decoded(problem="empty")


def _is_binary(data: bytes) -> bool:
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return b"\0" in data or controls > _MAX_CONTROL_SHARE * len(data)


def _looks_western(data: bytes) -> bool:
    """Accented letters are few and rarely meet; in Cyrillic, Greek and East Asian sets they come in runs."""
    runs = _HIGH_RUN.findall(data)
    high = sum(map(len, runs))
    short = sum(len(run) <= _SHORT_RUN for run in runs)
    few = high <= _MAX_HIGH_SHARE * len(data) and short >= _MIN_SHORT_SHARE * len(runs)
    return few and not _NOT_WESTERN.search(data)
