"""Content digests: the identity of everything that inhouse stores."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["digest_bytes", "digest_file", "digest_json", "digest_rows", "digest_text", "short"]

_BLOCK = 1 << 20


def digest_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_text(text: str) -> str:
    """Return the SHA-256 of `text` in UTF-8; lone surrogates are kept, not refused."""
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


def digest_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`: sorted keys, no spaces, no NaN."""
    return digest_text(json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False))


def digest_rows(rows: Iterable[Any]) -> str:
    """Return the SHA-256 over JSON rows in the order given, one line each, without holding them all."""
    total = hashlib.sha256()
    for row in rows:
        total.update(json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())
        total.update(b"\n")
    return total.hexdigest()


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def short(digest: str) -> str:
    """Return the first twelve characters, enough to name a thing on screen."""
    return digest[:12]
