"""Rust."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Binding, Grammar, Imported, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Rust"]

_TYPE_NAME = re.compile(r"(\w+)\s*(?:<.*)?$", re.S)


class Rust(Grammar):
    """Rust. An `impl` block is a definition of kind "impl", named after its type."""

    language = "rust"
    distribution = "tree-sitter-rust"
    query = """
        [(function_item) (function_signature_item)] @function
        (struct_item) @struct
        (enum_item) @enum
        (union_item) @union
        (trait_item) @trait
        (impl_item) @impl
        (mod_item body: (_)) @module
        [(const_item) (static_item)] @constant
        [(type_item) (associated_type)] @type
        (macro_definition) @macro
        (attribute_item) @attribute
        [(use_declaration) (extern_crate_declaration)] @import
        (impl_item trait: [(type_identifier) (scoped_type_identifier) (generic_type)] @inherit)
        (trait_item bounds: (trait_bounds [(type_identifier) (scoped_type_identifier)] @inherit))
        (let_declaration pattern: (identifier)) @bind
        (field_declaration name: (_) type: [(type_identifier) (scoped_type_identifier) (generic_type)]) @bind
        (struct_expression name: [(type_identifier) (scoped_type_identifier)] @used)
        [(call_expression) (macro_invocation)] @call
        [(line_comment) (block_comment)] @comment
    """

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_rust

        return tree_sitter_rust.language()

    def name(self, node: Node, source: bytes) -> str:
        """Return the name; an impl block has that of its type."""
        if node.type != "impl_item":
            return super().name(node, source)
        found = _TYPE_NAME.search(text(node.child_by_field_name("type"), source))
        return found[1] if found else ""

    def extent(self, node: Node, kind: str, source: bytes) -> tuple[int, int]:
        """Return where the signature ends and where the body begins; rules are the body of a macro."""
        name = node.child_by_field_name("name") if kind == "macro" else None
        if name is None:
            return super().extent(node, kind, source)
        rules = next((child for child in node.children if child.type in ("{", "(", "[")), name)
        return name.end_byte, rules.end_byte

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:
        """Yield what a field or a local variable is."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        declared = node.child_by_field_name("type")
        variable = text(name or node.child_by_field_name("pattern"), source)
        while value is not None and value.type in (
            "try_expression",
            "await_expression",
            "reference_expression",
        ):
            value = value.child_by_field_name("value") or value.named_child(0)
        if declared is not None:
            yield Binding("type", variable, declared)
        elif value is not None and value.type == "call_expression":
            yield Binding("call", variable, value)
        elif value is not None and value.type == "struct_expression":
            yield Binding("type", variable, value.child_by_field_name("name") or value)

    def imports(self, node: Node, source: bytes) -> Iterator[Imported]:
        """Yield each imported path with the name that it binds."""
        if node.type == "extern_crate_declaration":
            name = text(node.child_by_field_name("name"), source)
            alias = text(node.child_by_field_name("alias"), source) or name
            yield Imported(name, (alias,), ((alias, ""),))
            return
        todo = [("", node.child_by_field_name("argument"))]
        while todo:
            prefix, part = todo.pop()
            if part is None:
                continue
            if part.type in ("scoped_use_list", "use_list"):
                inside = _join(prefix, text(part.child_by_field_name("path"), source))
                items = part.child_by_field_name("list") or part
                todo.extend((inside, child) for child in reversed(items.named_children))
            else:
                yield _leaf(prefix, part, source)

    def callee(self, node: Node) -> tuple[int, int]:
        """Return the span of the function, or of the macro's name."""
        called = node.child_by_field_name("function") or node.child_by_field_name("macro")
        return called.byte_range if called is not None else node.byte_range

    def mark(self, node: Node) -> str:
        """Return "!" for the call of a macro: macros and functions have names of their own."""
        return "!" if node.type == "macro_invocation" else ""


def _leaf(prefix: str, part: Node, source: bytes) -> Imported:
    """Return what `a::b`, `a::b as c`, `a::*` or `self` imports."""
    if part.type == "use_wildcard":
        inside = part.named_child(0) if part.named_child_count else None
        return Imported(_join(prefix, text(inside, source)), ("*",), (("*", "*"),))
    alias = text(part.child_by_field_name("alias"), source)
    path = text(part.child_by_field_name("path") if part.type == "use_as_clause" else part, source)
    module = prefix if path == "self" else _join(prefix, path)
    name = alias or module.rpartition("::")[2]
    return Imported(module, (name,), ((name, ""),))


def _join(prefix: str, path: str) -> str:
    return f"{prefix}::{path}" if prefix and path else prefix or path
