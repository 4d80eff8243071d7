"""JavaScript, with JSX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Definition, Grammar, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["COMMON_QUERY", "JavaScript"]

_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
_OBJECTS = re.compile(r"^(?:module\.)?exports\.|^(?:this|window|globalThis)\.|\.prototype(?=\.)")
_QUOTES = "\"'`"

_FUNCTION = "[(arrow_function) (function_expression) (generator_function)]"
COMMON_QUERY = f"""
    [(function_declaration) (generator_function_declaration) (method_definition)] @function
    (variable_declarator name: (identifier) value: {_FUNCTION}) @function
    (assignment_expression left: (member_expression) right: {_FUNCTION}) @function
    (pair value: {_FUNCTION}) @function
    (class_declaration) @class
    (class name: (_)) @class
    (program (lexical_declaration (variable_declarator name: (identifier) value: (_)) @constant))
    (export_statement (lexical_declaration (variable_declarator name: (identifier) value: (_)) @constant))
    (lexical_declaration (variable_declarator value: {_FUNCTION})) @wrapper
    (variable_declaration (variable_declarator value: {_FUNCTION})) @wrapper
    (export_statement declaration: (_)) @wrapper
    (import_statement) @import
    (export_statement source: (_)) @import
    (variable_declarator value: (call_expression function: (identifier))) @import
    [(call_expression) (new_expression)] @call
    (comment) @comment
"""
"""What JavaScript and TypeScript share."""


class JavaScript(Grammar):
    """JavaScript: modules of both kinds, classes, and functions that are assigned."""

    language = "javascript"
    distribution = "tree-sitter-javascript"
    query = COMMON_QUERY + f"(field_definition property: (_) value: {_FUNCTION}) @function"

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_javascript

        return tree_sitter_javascript.language()

    def define(self, node: Node, kind: str, source: bytes) -> Definition | None:
        """Return the definition; of variables only constants count: names in capitals."""
        definition = super().define(node, kind, source)
        if definition is not None and kind == "constant" and not _CONSTANT.fullmatch(definition.name):
            return None
        return definition

    def name(self, node: Node, source: bytes) -> str:
        """Return the name of a function wherever it is written: declared, assigned or a property."""
        for field in ("name", "key", "property", "left"):
            named = node.child_by_field_name(field)
            if named is not None:
                return _OBJECTS.sub("", text(named, source).strip(_QUOTES))
        return ""

    def body(self, node: Node) -> Node | None:
        """Return the body of a function or class, or of the function that is assigned."""
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        return (value or node).child_by_field_name("body")

    def imports(self, node: Node, source: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the module of an import statement, a re-export or a `require`."""
        if node.type == "variable_declarator":
            call = node.child_by_field_name("value")
            if call is None or text(call.child_by_field_name("function"), source) != "require":
                return
            arguments = call.child_by_field_name("arguments")
            path = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
            bound = node.child_by_field_name("name")
        else:
            clause = next((child for child in node.named_children if child.type.endswith("_clause")), None)
            path = node.child_by_field_name("source")
            if path is None and clause is not None:  # import x = require("y")
                path = clause.child_by_field_name("source")
            bound = clause if node.type == "import_statement" else None
        if path is not None and path.type == "string":
            yield text(path, source).strip(_QUOTES), tuple(_bound(bound, source))

    def callee(self, node: Node) -> tuple[int, int]:
        """Return the span of the function, or of the class that `new` makes."""
        called = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        return called.byte_range if called is not None else node.byte_range


def _bound(node: Node | None, source: bytes) -> Iterator[str]:
    """Yield the names that an import clause or a destructuring pattern binds."""
    if node is None:
        return
    if node.type in ("identifier", "shorthand_property_identifier_pattern"):
        yield text(node, source)
    elif node.type == "import_specifier":
        yield text(node.child_by_field_name("alias") or node.child_by_field_name("name"), source)
    elif node.type == "pair_pattern":
        yield text(node.child_by_field_name("value"), source)
    elif node.type in (
        "import_clause",
        "named_imports",
        "namespace_import",
        "object_pattern",
        "import_require_clause",
    ):
        for child in node.named_children:
            yield from _bound(child, source)
