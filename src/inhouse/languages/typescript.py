"""TypeScript, and its variant with JSX, which is a grammar of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.languages.grammar import Binding, text
from inhouse.languages.javascript import COMMON_QUERY, JSX, JavaScript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Tsx", "TypeScript"]


class TypeScript(JavaScript):
    """TypeScript."""

    language = "typescript"
    distribution = "tree-sitter-typescript"
    prototypes = True  # overloads repeat the function that they describe
    query = (
        COMMON_QUERY
        + """
        (class_body (decorator) @attribute)
        (ambient_declaration (_)) @wrapper
        [(function_signature) (method_signature) (abstract_method_signature)] @function
        (public_field_definition value: [(arrow_function) (function_expression)]) @function
        (abstract_class_declaration) @class
        (interface_declaration) @interface
        (type_alias_declaration) @type
        (enum_declaration) @enum
        [(internal_module) (module)] @module
        (extends_clause value: [(identifier) (member_expression)] @inherit)
        (implements_clause [(type_identifier) (generic_type) (nested_type_identifier)] @inherit)
        (extends_type_clause type: [(type_identifier) (generic_type) (nested_type_identifier)] @inherit)
        (export_statement "=" (identifier)) @export
        (variable_declarator name: (identifier) type: (_)) @bind
        (public_field_definition) @bind
        (required_parameter (accessibility_modifier) pattern: (identifier)) @bind
    """
    )

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_typescript

        return tree_sitter_typescript.language_typescript()

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:
        """Yield what a variable or a field is; a parameter with an access modifier declares a field."""
        if node.type not in ("public_field_definition", "required_parameter"):
            yield from super().bindings(node, source)
            return
        declared, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        name = node.child_by_field_name("name") or node.child_by_field_name("pattern")
        variable = f"this.{text(name, source)}"
        if declared is not None and declared.named_child_count:
            yield Binding("type", variable, declared.named_children[0])
        elif value is not None and value.type == "new_expression":
            yield Binding("call", variable, value)

    def body(self, node: Node) -> Node | None:
        """Return the body; that of a type alias is what it stands for."""
        if node.type == "type_alias_declaration":
            return node.child_by_field_name("value")
        return super().body(node)


class Tsx(TypeScript):
    """TypeScript with JSX."""

    query = TypeScript.query + JSX

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_typescript

        return tree_sitter_typescript.language_tsx()
