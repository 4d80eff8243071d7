"""Secrets out, placeholders in: `<redacted:RULE>`, which keeps quotes closed and lines where they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.hygiene.secrets import SecretMatch

__all__ = ["mostly_secret", "placeholder", "redact", "redact_with_spans"]

_LINE_CONTENT = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z_.-]")
_MOSTLY = 0.5


def placeholder(rule: str) -> str:
    """Return what stands for a secret. It holds no quote, backslash, space or line end."""
    return f"<redacted:{_NOT_IN_NAMES.sub('-', rule)}>"


def redact(text: str, matches: Sequence[SecretMatch]) -> str:
    """Replace every match by its placeholder; a match over several lines has one on each of them."""
    return redact_with_spans(text, matches)[0]


def redact_with_spans(text: str, matches: Sequence[SecretMatch]) -> tuple[str, list[tuple[int, int]]]:
    """Redact, and return for each match the span of its placeholder: byte offsets into the new UTF-8.

    `matches` are in order and do not overlap, as the scanner returns them.
    """
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    position = size = 0
    for match in matches:
        mark = placeholder(match.rule)
        before = text[position : match.start]
        inside = _LINE_CONTENT.sub(mark, text[match.start : match.end])
        start = size + len(before.encode())
        size = start + len(inside.encode())
        spans.append((start, size))
        parts += (before, inside)
        position = match.end
    return "".join(parts) + text[position:], spans


def mostly_secret(text: str, matches: Sequence[SecretMatch]) -> bool:
    """Tell whether more than half of what is written is secret: a key file is of no use without its key."""
    written = len("".join(text.split()))
    secret = sum(len("".join(text[match.start : match.end].split())) for match in matches)
    return secret > _MOSTLY * written
