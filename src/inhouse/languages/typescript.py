"""TypeScript, and its variant with JSX, which is a grammar of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.languages.javascript import COMMON_QUERY, JavaScript

if TYPE_CHECKING:
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
    """
    )

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_typescript

        return tree_sitter_typescript.language_typescript()

    def body(self, node: Node) -> Node | None:
        """Return the body; that of a type alias is what it stands for."""
        if node.type == "type_alias_declaration":
            return node.child_by_field_name("value")
        return super().body(node)


class Tsx(TypeScript):
    """TypeScript with JSX."""

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_typescript

        return tree_sitter_typescript.language_tsx()
