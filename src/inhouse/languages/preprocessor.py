"""Blank out what only the C preprocessor understands, so that the rest of a file parses.

A conditional whose branches open and close different numbers of braces is no syntax tree:

    #ifdef A                                          (blank)
      if (a) {                                          if (a) {
    #else                        is read as           (blank)
      if (b) {                                          (blank)
    #endif                                            (blank)

Only the first branch of such a conditional is kept. Balanced conditionals stay, so that both versions of a
function are seen. Blanks keep every offset.

A macro that stands where the language has no place for a name is blanked too:

    class SHOP_EXPORT Till : public Base {            class             Till : public Base {
      SHOP_API void open() REQUIRES(lock_);    is              void open()                ;
    SHOP_BEGIN_NAMESPACE                   read as    (blank)
    template <class T, ENABLE_IF(is_till<T>())>       template <class T                         >
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["keep_first_branches", "without_class_macros", "without_macros"]

_DIRECTIVE = re.compile(rb"[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b")
_NOT_CODE = re.compile(rb'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_INK = re.compile(rb"[^\s]")

_DIRECTIVE_LINE = re.compile(rb"^[ \t]*#(?:[^\n]*\\\r?\n)*+[^\n]*", re.M)

_INSIDE = rb"[^()]{0,300}+"  # bounded: a bracket that never closes must cost nothing
_ARGUMENTS = rb"\(" + _INSIDE + (rb"(?:\(" + _INSIDE) * 2 + (rb"\)" + _INSIDE + rb"){0,9}+") * 2 + rb"\)"
_WORD = rb"\b[A-Z][A-Z0-9_]{2,}+"
_MACRO = _WORD + rb"(?:\s*" + _ARGUMENTS + rb")?+"
_KEYWORD = (
    rb"(?:auto|bool|char|class|constexpr|double|enum|explicit|extern|float|friend|inline|int|long|namespace|short"
    rb"|static|struct|template|typedef|typename|union|unsigned|using|virtual|void)\b"
)
_TYPE = rb"[A-Za-z_][\w:]{0,200}+(?:<[^<>;{}()]{0,200}+>)?+"
_CLASS_HEAD = re.compile(
    rb"\b(?:class|struct|union)\s+(" + _MACRO + rb")\s+(?!final\b)[A-Za-z_][\w:]*+\s*+(?:final\s*+)?[:;{<]"
)
_MACROS = (
    _CLASS_HEAD,
    # before a declaration: API void f();
    re.compile(rb"(" + _MACRO + rb")(?=(?:\s+" + _MACRO + rb"){0,3}\s+" + _KEYWORD + rb")"),
    re.compile(rb"(" + _MACRO + rb")\s+(?:~|operator\s+(?!new\b|delete\b)[A-Za-z])"),
    re.compile(rb"(" + _MACRO + rb")(?=\s+(?:const\s+)?" + _TYPE + rb"[\s*&]++[A-Za-z_][\w:~]*+\s*\()"),
    re.compile(rb"(" + _MACRO + rb")(?=\s+[A-Za-z_]\w*+\s*\([^;{}]{0,400}?\)\s*(?:noexcept\s*)?:[^:])"),
    re.compile(rb"\bif\s+(" + _WORD + rb")(?=\s*\()"),
    # behind one: void f() const REQUIRES(lock);     Lock* lock GUARDED_BY(other);
    re.compile(
        rb"\)\s*(?:(?:const|noexcept|override|final)\s+)*("
        + _MACRO
        + rb")(?=(?:\s*"
        + _MACRO
        + rb"){0,3}\s*(?:[{;]|override\b|final\b|noexcept\b|=\s*(?:0|default|delete)\b))"
    ),
    re.compile(
        rb"\b(?!(?:case|const|constexpr|else|extern|inline|new|return|static)\b)"
        + _TYPE
        + rb"[\s*&]++[a-z_]\w*+\s+("
        + _MACRO
        + rb")(?=\s*[;=,)])"
    ),
    # in place of one: BEGIN_NAMESPACE
    re.compile(rb"(?:\A|[;{}:])\s*?^[ \t]*(" + _MACRO + rb")[ \t]*$(?=\s*[A-Za-z_~\[])", re.M),
    # template <class T, ENABLE_IF(is_one<T>())>
    re.compile(rb"\btemplate\s*<[^;{}()]{0,300}?(,\s*" + _MACRO + rb")(?=\s*[,>])"),
)
_CONDITION = re.compile(rb"^[ \t]*#[ \t]*(?:el)?if\b[ \t]*([^\n]+)", re.M)
_OF_HEADER = re.compile(rb"\([<\"].*[^\\\r]\Z", re.S)  # __has_include(<header>)
_MAX_ROUNDS = 4  # of macros that stand side by side


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


def without_class_macros(source: bytes) -> bytes:
    """Return the source without macros before the names of classes: with one a class reads as a function."""
    return _without(source, (_CLASS_HEAD,)) if _CLASS_HEAD.search(source) else source


def without_macros(source: bytes) -> bytes:
    """Return the source without macros in capital letters where the language has no place for a name."""
    return _without(source, _MACROS)


def _without(source: bytes, patterns: tuple[re.Pattern[bytes], ...]) -> bytes:
    code = bytearray(_NOT_CODE.sub(lambda match: _INK.sub(b" ", match[0]), source))
    for match in _DIRECTIVE_LINE.finditer(bytes(code)):
        code[match.start() : match.end()] = _INK.sub(b" ", match[0])
    result = bytearray(source)
    for match in _CONDITION.finditer(source):
        if _OF_HEADER.search(match[1]):
            result[slice(*match.span(1))] = b"1".ljust(len(match[1]))
    for pattern in patterns:
        for _ in range(_MAX_ROUNDS):
            spans = [match.span(1) for match in pattern.finditer(bytes(code))]
            for start, end in spans:
                code[start:end] = result[start:end] = _INK.sub(b" ", source[start:end])
            if not spans:
                break
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
