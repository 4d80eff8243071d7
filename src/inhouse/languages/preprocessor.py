"""Blank out what only the C preprocessor understands, so that the rest of a file parses.

A conditional whose branches open and close different numbers of braces is no syntax tree:

    #ifdef A                                          (blank)
      if (a) {                                          if (a) {
    #else                        is read as           (blank)
      if (b) {                                          (blank)
    #endif                                            (blank)

Only the first branch of such a conditional is kept. Balanced conditionals stay, so that both versions of a
function are seen. Blanks keep every offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["keep_first_branches"]

_DIRECTIVE = re.compile(rb"[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b")
_NOT_CODE = re.compile(rb'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_INK = re.compile(rb"[^\s]")


@dataclass(slots=True)
class _Conditional:
    """An open #if: the spans of its directive lines, and where each of its branches begins."""

    directives: list[tuple[int, int]] = field(default_factory=list)


def keep_first_branches(source: bytes) -> bytes | None:
    """Return the source with every unbalanced conditional reduced to its first branch; None when none is."""
    code = _NOT_CODE.sub(lambda match: _INK.sub(b" ", match[0]), source)
    blanks = [blank for conditional in _conditionals(code) for blank in _blanks(conditional, code)]
    if not blanks:
        return None
    result = bytearray(source)
    for start, end in blanks:
        result[start:end] = _INK.sub(b" ", source[start:end])
    return bytes(result)


def _conditionals(code: bytes) -> list[_Conditional]:
    """Return the closed conditionals, inner ones before the outer."""
    closed: list[_Conditional] = []
    stack: list[_Conditional] = []
    offset = 0
    for line in code.splitlines(keepends=True):
        directive = _DIRECTIVE.match(line)
        if directive:
            if directive[1].startswith(b"if"):
                stack.append(_Conditional())
            if stack:
                stack[-1].directives.append((offset, offset + len(line)))
                if directive[1] == b"endif":
                    closed.append(stack.pop())
        offset += len(line)
    return closed


def _blanks(conditional: _Conditional, code: bytes) -> list[tuple[int, int]]:
    """Return the spans to blank: nothing where every branch closes what it opens."""
    spans = conditional.directives
    branches = [(spans[i][1], spans[i + 1][0]) for i in range(len(spans) - 1)]
    if all(_depth(code[start:end]) == (0, 0) for start, end in branches):
        return []
    return [*spans, *branches[1:]]


def _depth(code: bytes) -> tuple[int, int]:
    """Return the change in depth of braces and of parentheses."""
    return code.count(b"{") - code.count(b"}"), code.count(b"(") - code.count(b")")
