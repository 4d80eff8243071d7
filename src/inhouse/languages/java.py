"""Java."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Binding, Grammar, Imported, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Java"]

# The grammar keeps every reading of `a < b < c ...` open: memory grows with the square of their number.
_ANGLES = re.compile(rb"(?<![\w.])(?:[\w.]++\s*+<\s*+){200}")
_FIELDS = ("field_declaration", "constant_declaration")


class Java(Grammar):
    """Java up to records and sealed types."""

    language = "java"
    distribution = "tree-sitter-java"
    query = """
        [(method_declaration) (constructor_declaration) (compact_constructor_declaration)] @function
        [(class_declaration) (record_declaration)] @class
        [(interface_declaration) (annotation_type_declaration)] @interface
        (enum_declaration) @enum
        (enum_constant) @constant
        (field_declaration (modifiers) declarator: (_)) @constant
        (constant_declaration) @constant
        (import_declaration) @import
        [(method_invocation) (object_creation_expression) (explicit_constructor_invocation)] @call
        (superclass [(type_identifier) (scoped_type_identifier) (generic_type)] @inherit)
        (super_interfaces (type_list [(type_identifier) (scoped_type_identifier) (generic_type)] @inherit))
        (extends_interfaces (type_list [(type_identifier) (scoped_type_identifier) (generic_type)] @inherit))
        [(marker_annotation name: (_) @applied) (annotation name: (_) @applied)]
        (local_variable_declaration type: [(type_identifier) (scoped_type_identifier) (generic_type)]) @bind
        (field_declaration type: [(type_identifier) (scoped_type_identifier) (generic_type)]) @bind
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
        declared = node.child_by_field_name("type")
        declarator = node.child_by_field_name("declarator")  # the first of several
        if declared is None or declarator is None:
            return
        variable = text(declarator.child_by_field_name("name"), source)
        if text(declared, source) != "var":
            yield Binding("type", variable, declared)
        elif (value := declarator.child_by_field_name("value")) is not None:
            yield Binding("call", variable, value)

    def callee(self, node: Node) -> tuple[int, int]:
        """Return the span of `object.name`, of the created type, or of `super`."""
        name = node.child_by_field_name("name")
        if name is not None:
            return node.start_byte, name.end_byte
        made = node.child_by_field_name("type") or node.child_by_field_name("constructor")
        return made.byte_range if made is not None else node.byte_range

    def hopeless(self, source: bytes) -> bool:
        """Tell whether the source holds a chain of "<" that would exhaust the memory."""
        return source.count(b"<") >= 200 and _ANGLES.search(source) is not None
