"""Java."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import MAX_CHAIN, Binding, Grammar, Imported, text
from inhouse.languages.types import plain_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Java"]

# The grammar keeps every reading of `a < b < c ...` open: memory grows with the square of their number.
_ANGLES = re.compile(rb"(?<![\w.])(?:[\w.]++\s*+<\s*+){200}")
_FIELDS = ("field_declaration", "constant_declaration")
_NAMES = frozenset({"identifier", "this", "super"})
_LITERALS = {"string_literal": "String()", "class_literal": "Class()"}
_MADE = frozenset({"object_creation_expression", "cast_expression"})


class Java(Grammar):
    """Java up to records and sealed types."""

    language = "java"
    distribution = "tree-sitter-java"
    query = """
        [(method_declaration) (constructor_declaration) (compact_constructor_declaration)] @function
        (annotation_type_element_declaration) @function
        [(class_declaration) (record_declaration)] @class
        [(interface_declaration) (annotation_type_declaration)] @interface
        (enum_declaration) @enum
        (enum_constant) @constant
        (field_declaration (modifiers) declarator: (_)) @constant
        (constant_declaration) @constant
        (import_declaration) @import
        [(method_invocation) (object_creation_expression) (explicit_constructor_invocation)] @call
        (superclass [(type_identifier) (scoped_type_identifier)] @inherit)
        (superclass (generic_type . (_) @inherit))
        (type_list [(type_identifier) (scoped_type_identifier)] @inherit)
        (type_list (generic_type . (_) @inherit))
        [(marker_annotation name: (_) @applied) (annotation name: (_) @applied)]
        (local_variable_declaration type: [(type_identifier) (scoped_type_identifier) (generic_type)]) @bind
        (field_declaration type: [(type_identifier) (scoped_type_identifier) (generic_type)]) @bind
        (constant_declaration type: [(type_identifier) (scoped_type_identifier) (generic_type)]) @bind
        [(enhanced_for_statement) (resource) (catch_formal_parameter) (instanceof_expression name: (_))] @bind
        (lambda_expression parameters: (formal_parameters (formal_parameter) @bind))
        (record_declaration parameters: (formal_parameters (formal_parameter) @bind))
        [(line_comment) (block_comment)] @comment
    """

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_java

        return tree_sitter_java.language()

    def name(self, node: Node, source: bytes) -> str:
        """Return the name; of fields only `static final` ones count, as constants."""
        if node.type not in _FIELDS:
            return super().name(node, source)
        if node.type == "field_declaration":
            modifiers = text(node.named_child(0), source).split()
            if "static" not in modifiers or "final" not in modifiers:
                return ""
        declarator = node.child_by_field_name("declarator")
        return text(declarator.child_by_field_name("name"), source) if declarator is not None else ""

    def value(self, node: Node) -> Node | None:
        """Return the value of a constant."""
        declarator = node.child_by_field_name("declarator")
        return declarator.child_by_field_name("value") if declarator is not None else None

    def imports(self, node: Node, source: bytes) -> Iterator[Imported]:
        """Yield the imported name, or the package and "*"."""
        path = node.named_child(0) if node.named_child_count else None
        module = "".join(text(path, source).split())
        name = "*" if node.named_child_count > 1 else module.rpartition(".")[2]
        yield Imported(module, (name,), ((name, "*" if name == "*" else ""),))

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:
        """Yield the type of a variable or a field; of a `var` the call that gives it its value."""
        declared = node.child_by_field_name("type") or node.child_by_field_name("right")
        if node.type == "catch_formal_parameter":
            caught = next((child for child in node.named_children if child.type == "catch_type"), None)
            declared = caught.named_child(0) if caught is not None and caught.named_child_count == 1 else None
        declared = _outer(declared)
        if declared is None:
            return
        is_told = text(declared, source) != "var"
        for declarator in node.children_by_field_name("declarator") or [node]:
            variable = text(declarator.child_by_field_name("name"), source)
            value = declarator.child_by_field_name("value")
            if is_told:
                yield Binding("type", variable, declared)
            elif value is not None and node.type != "enhanced_for_statement":
                yield Binding("call", variable, value)

    def callee(self, node: Node) -> tuple[int, int]:
        """Return the span of `object.name`, of the created type, or of `super`."""
        name = node.child_by_field_name("name")
        if name is not None:
            return node.start_byte, name.end_byte
        made = node.child_by_field_name("type") or node.child_by_field_name("constructor")
        return made.byte_range if made is not None else node.byte_range

    def chained(self, node: Node, source: bytes) -> tuple[str, str] | None:
        """Return the method and what it is called on, a cast or a new object as a call of its class."""
        on = node.child_by_field_name("object")
        if on is None or on.type in _NAMES:
            return None
        given = _value(on, source)
        is_plain = on.type == "field_access" and given and "(" not in given
        return None if is_plain else (text(node.child_by_field_name("name"), source), given)

    def hopeless(self, source: bytes) -> bool:
        """Tell whether the source holds a chain of "<" that would exhaust the memory."""
        return source.count(b"<") >= 200 and _ANGLES.search(source) is not None


def _outer(declared: Node | None) -> Node | None:
    """Return a type without its arguments: it has the members, whatever it holds."""
    is_generic = declared is not None and declared.type == "generic_type"
    return declared.named_child(0) if declared is not None and is_generic else declared


def _value(node: Node | None, source: bytes, most: int = MAX_CHAIN) -> str:
    """Return an expression as a name to follow, "" for one that is none."""
    while node is not None and node.type == "parenthesized_expression":
        node = node.named_child(0)
    if node is None or not most:
        return ""
    if node.type in _NAMES:
        return text(node, source)
    if node.type in _MADE:
        inside = [one.type for last in node.named_children[-1:] for one in last.named_children]
        if "method_declaration" in inside:
            return ""  # an anonymous class that may override what is called
        made = plain_type(text(_outer(node.child_by_field_name("type")), source))
        return f"{made}()" if made else ""
    if node.type in _LITERALS:
        return _LITERALS[node.type]
    if node.type not in ("method_invocation", "field_access"):
        return ""
    name = text(node.child_by_field_name("name") or node.child_by_field_name("field"), source)
    name = f"{name}()" if node.type == "method_invocation" else name
    on = node.child_by_field_name("object")
    before = _value(on, source, most - 1) if on is not None else ""
    return f"{before}.{name}" if before else "" if on is not None else name
