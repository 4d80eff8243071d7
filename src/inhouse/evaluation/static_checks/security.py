"""Security rules for C: calls that overflow, run a shell, or let input choose the format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.evaluation.static_checks.diagnostics import Diagnostic
from inhouse.evaluation.syntax import capture, syntax_tree, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["c_security"]

_CALLS = "(call_expression function: (identifier) @name) @call"
_FORBIDDEN = {
    "gets": "gets() cannot be told how much to read",
    "strcpy": "strcpy() does not know the size of its target",
    "strcat": "strcat() does not know the size of its target",
    "stpcpy": "stpcpy() does not know the size of its target",
    "sprintf": "sprintf() does not know the size of its target",
    "vsprintf": "vsprintf() does not know the size of its target",
    "system": "system() runs a shell",
    "popen": "popen() runs a shell",
    "mktemp": "mktemp() names a file that another may make first",
    "tmpnam": "tmpnam() names a file that another may make first",
    "tempnam": "tempnam() names a file that another may make first",
    "alloca": "alloca() cannot fail safely",
}
_FORMATS = {"printf": 0, "vprintf": 0, "fprintf": 1, "vfprintf": 1, "dprintf": 1, "syslog": 1, "snprintf": 2}
_SCANS = {"scanf": 0, "fscanf": 1, "sscanf": 1}
_UNBOUNDED = ("%s", "%[")


def c_security(source: bytes, start: int, end: int) -> list[Diagnostic]:
    """Return what the rules say of the calls between two bytes of a C file."""
    tree = syntax_tree("c", source)
    if tree is None:
        return []
    calls = capture("c", _CALLS, tree.root_node, (start, end)).get("call", ())
    return [found for call in calls for found in _complaints(call)]


def _complaints(call: Node) -> Iterator[Diagnostic]:
    name = text_of(call.child_by_field_name("function"))
    listed = call.child_by_field_name("arguments")
    arguments = [child for child in (listed.named_children if listed else ()) if child.type != "comment"]
    line = call.start_point[0] + 1
    if name in _FORBIDDEN:
        yield Diagnostic("security", name, line, _FORBIDDEN[name])
    if name in _FORMATS and len(arguments) > _FORMATS[name] and not _is_literal(arguments[_FORMATS[name]]):
        yield Diagnostic("security", "format", line, f"the format of {name}() is not a literal")
    scanned = text_of(arguments[_SCANS[name]]) if len(arguments) > _SCANS.get(name, len(arguments)) else ""
    if any(form in scanned for form in _UNBOUNDED):
        yield Diagnostic("security", "scanf", line, f"{name}() reads a word of any length")


def _is_literal(node: Node) -> bool:
    """Is an argument text that stands in the program, or a name in capitals, which is a macro for one?"""
    if node.type == "identifier":
        return text_of(node).isupper()
    return node.type in ("string_literal", "concatenated_string")
