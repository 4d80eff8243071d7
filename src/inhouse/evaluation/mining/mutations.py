"""Small bugs, as people make them, injected through the syntax tree.

One mutation changes one node. The rules are those of mutation testing (Jia and Harman 2011, "An Analysis and
Survey of the Development of Mutation Testing", https://doi.org/10.1109/TSE.2010.62), fewer and the same for
all languages: comparison, operator, condition, number, argument, return and call.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from inhouse.evaluation.mining.places import is_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Parser

    from inhouse.evaluation.mining.places import Place

__all__ = ["RULES", "Mutation", "mutations"]

RULES = {
    "comparison": "a comparison is flipped",
    "operator": "an operator is another one",
    "condition": "a condition is negated",
    "number": "a number is off by one",
    "arguments": "two arguments are swapped",
    "return": "a return value is lost",
    "call": "a call is missing",
}
"""What each rule does, for people."""

_COMPARISONS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "===": "!==", "!==": "===",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is",
}  # fmt: skip
_OPERATORS = {
    "+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "*", "<<": ">>", ">>": "<<", "&": "|", "|": "&",
    "and": "or", "or": "and", "&&": "||", "||": "&&",
}  # fmt: skip
_BINARY = frozenset({"comparison_operator", "boolean_operator", "binary_operator", "binary_expression"})
_CONDITIONAL = frozenset({"if_statement", "while_statement", "elif_clause", "conditional_expression"})
_NUMBERS = frozenset({"integer", "number_literal", "number"})
_ARGUMENTS = frozenset({"argument_list", "arguments"})
_CALLS = frozenset({"call", "call_expression"})
_NAMED_ARGUMENTS = frozenset(
    {"keyword_argument", "list_splat", "dictionary_splat", "spread_element", "comment"}
)
_EMPTY_RETURN = {"python": "return None", "c": "return 0;", "javascript": "return undefined;"}
_EMPTY_STATEMENT = {"python": "pass", "c": ";", "javascript": ";"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a function's body."""

    rule: str  # a key of RULES
    body: str  # the whole body with the change
    was: str
    now: str


def mutations(place: Place) -> list[Mutation]:
    """Return every mutation of a function's body, in the order of the source."""
    source = place.filled(place.reference).encode()
    start = len(place.prefix.encode())
    end = start + len(place.reference.encode())
    tree = _parser(place.language).parse(source)
    found = []
    for node in _inside(tree.root_node, start, end):
        for rule, first, last, now in _changes(node, source, place.language):
            if start <= first and last <= end:
                body = (source[start:first] + now.encode() + source[last:end]).decode()
                if body != place.reference and not is_nothing(body):
                    found.append(Mutation(rule, body, source[first:last].decode(), now))
    return found


@cache
def _parser(language: str) -> Parser:
    from tree_sitter import Language, Parser

    from inhouse.languages.c import C
    from inhouse.languages.javascript import JavaScript
    from inhouse.languages.python import Python

    grammars = {"python": Python, "c": C, "javascript": JavaScript}
    return Parser(Language(grammars[language]().load()))


def _inside(root: Node, start: int, end: int) -> Iterator[Node]:
    """Yield the nodes of a span, in the order of the source."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.end_byte <= start or node.start_byte >= end:
            continue
        if node.start_byte >= start:
            yield node
        waiting.extend(reversed(node.children))


def _changes(node: Node, source: bytes, language: str) -> Iterator[tuple[str, int, int, str]]:
    """Yield (rule, start, end, replacement) of a node."""
    if node.type in _BINARY:
        yield from _operators(node)
    elif node.type in _CONDITIONAL:
        yield from _negated(node, source, language)
    elif node.type in _NUMBERS:
        text = source[node.start_byte : node.end_byte].decode()
        if text.isdigit() and (text == "0" or text[0] != "0"):
            yield "number", node.start_byte, node.end_byte, str(int(text) + 1)
    elif node.type in _ARGUMENTS:
        yield from _swapped(node, source)
    elif node.type == "return_statement" and node.named_child_count:
        yield "return", node.start_byte, node.end_byte, _EMPTY_RETURN[language]
    elif node.type == "expression_statement" and _is_call(node):
        yield "call", node.start_byte, node.end_byte, _EMPTY_STATEMENT[language]


def _operators(node: Node) -> Iterator[tuple[str, int, int, str]]:
    for child in node.children:
        if child.is_named:
            continue
        for rule, table in (("comparison", _COMPARISONS), ("operator", _OPERATORS)):
            if child.type in table:
                yield rule, child.start_byte, child.end_byte, table[child.type]


def _negated(node: Node, source: bytes, language: str) -> Iterator[tuple[str, int, int, str]]:
    condition = node.child_by_field_name("condition")
    if condition is None:
        return
    text = source[condition.start_byte : condition.end_byte].decode()
    if language == "python":
        now = text.removeprefix("not ") if condition.type == "not_operator" else f"not ({text})"
    else:
        now = f"(!{text})" if text.startswith("(") else f"!({text})"
    yield "condition", condition.start_byte, condition.end_byte, now


def _swapped(node: Node, source: bytes) -> Iterator[tuple[str, int, int, str]]:
    """Swap the first two positional arguments when they differ."""
    given = [child for child in node.named_children if child.type not in _NAMED_ARGUMENTS]
    if len(given) < 2:
        return
    first, second = given[:2]
    one, other = (source[part.start_byte : part.end_byte].decode() for part in (first, second))
    between = source[first.end_byte : second.start_byte].decode()
    if one != other and between.strip() == ",":
        yield "arguments", first.start_byte, second.end_byte, other + between + one


def _is_call(node: Node) -> bool:
    inner = node.named_children[0] if node.named_child_count == 1 else None
    if inner is not None and inner.type in ("await", "await_expression") and inner.named_child_count == 1:
        inner = inner.named_children[0]
    return inner is not None and inner.type in _CALLS
