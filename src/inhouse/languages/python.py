"""Python."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Definition, Grammar, skip_blank, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Python"]

_CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*")
_QUOTED = re.compile(r"""[rRuU]?("{3}|'{3}|"|')(.*)\1""", re.S)


class Python(Grammar):
    """Python 3, with what is left of Python 2."""

    language = "python"
    distribution = "tree-sitter-python"
    begins = re.compile(rb"(?:async\s+)?def\s+\w|class\s+\w|@\w")
    container = re.compile(rb"class\b")
    query = """
        (function_definition) @function
        (class_definition) @class
        (decorated_definition) @wrapper
        (type_alias_statement) @type
        (module (expression_statement . (assignment left: (identifier) right: (_)) @constant .))
        (class_definition body: (block
            (expression_statement . (assignment left: (identifier) right: (_)) @constant .)))
        [(import_statement) (import_from_statement) (future_import_statement)] @import
        (call) @call
        (comment) @comment
    """

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_python

        return tree_sitter_python.language()

    def define(self, node: Node, kind: str, source: bytes) -> Definition | None:
        """Return the definition, with its docstring kept out of its body."""
        definition = super().define(node, kind, source)
        body = node.child_by_field_name("body")
        if definition is None or body is None:
            return definition
        colon = _colon(node, body)
        docstring, after = _docstring(body, source)
        start = min(skip_blank(source, after or colon + 1), definition.end)
        return replace(definition, signature_end=colon, body=start, docstring=docstring)

    def name(self, node: Node, source: bytes) -> str:
        """Return the defined name; of assignments only constants count: names in capitals."""
        left = node.child_by_field_name("left")
        if left is None:
            return text(node.child_by_field_name("name"), source)
        if node.type == "assignment":
            name = text(left, source)
            return name if _CONSTANT.fullmatch(name) else ""
        return text(left, source).partition("[")[0]

    def value(self, node: Node) -> Node | None:
        """Return what is assigned."""
        return node.child_by_field_name("right")

    def imports(self, node: Node, source: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield (module, bound names) of an import statement."""
        if node.type == "import_statement":
            for name in node.children_by_field_name("name"):
                module = text(name.child_by_field_name("name") or name, source)
                alias = text(name.child_by_field_name("alias"), source)
                yield module, (alias or module.partition(".")[0],)
            return
        module = text(node.child_by_field_name("module_name"), source) or "__future__"
        bound = tuple(
            text(name.child_by_field_name("alias") or name, source)
            for name in node.children_by_field_name("name")
        )
        yield module, bound or ("*",)


def _colon(node: Node, body: Node) -> int:
    """Return the offset of the colon before the body; comments may stand between."""
    for child in reversed(node.children):
        if child.type == ":" and child.start_byte < body.start_byte:
            return child.start_byte
    return body.start_byte


def _docstring(body: Node, source: bytes) -> tuple[str, int]:
    """Return the docstring and the offset behind it, ("", 0) for none."""
    statement = body.named_child(0) if body.named_child_count else None
    if statement is None or statement.type != "expression_statement":
        return "", 0
    string = statement.named_child(0) if statement.named_child_count else None
    if string is None or string.type != "string":
        return "", 0
    quoted = _QUOTED.fullmatch(text(string, source))
    return (inspect.cleandoc(quoted[2]), string.end_byte) if quoted else ("", 0)
