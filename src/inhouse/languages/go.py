"""Go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Binding, Definition, Grammar, Imported, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Go"]

_KEYWORD = re.compile(rb"\b(?:type|const)[ \t]+\Z")
_RECEIVER = re.compile(r"(\w+)\s*(?:\[[^\]]*\])?\s*\)?$")
_VERSION = re.compile(r"v\d+")
_KINDS = {"struct_type": "struct", "interface_type": "interface"}


class Go(Grammar):
    """Go. A method is named after its receiver's type: `Server.Close`."""

    language = "go"
    distribution = "tree-sitter-go"
    import_keyword = "import "
    container = re.compile(rb"(?!)")  # nothing holds definitions
    query = """
        [(function_declaration) (method_declaration) (method_elem)] @function
        [(type_spec) (type_alias)] @type
        (source_file (const_declaration (const_spec) @constant))
        (import_spec) @import
        (field_declaration_list (field_declaration !name type: [(type_identifier) (qualified_type)] @inherit))
        (interface_type (type_elem [(type_identifier) (qualified_type)] @inherit))
        (field_declaration name: (_) type: [(type_identifier) (qualified_type) (pointer_type)]) @bind
        (var_spec type: [(type_identifier) (qualified_type) (pointer_type)]) @bind
        (short_var_declaration) @bind
        (var_spec !type value: (_)) @bind
        (composite_literal type: [(type_identifier) (qualified_type)] @used)
        (call_expression) @call
        (comment) @comment
    """

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_go

        return tree_sitter_go.language()

    def define(self, node: Node, kind: str, source: bytes) -> Definition | None:
        """Return the definition; `type` and `const` belong to it unless they open a group."""
        definition = super().define(node, kind, source)
        if definition is None or kind == "function":
            return definition
        keyword = _KEYWORD.search(source, max(0, definition.start - 20), definition.start)
        return definition._replace(start=keyword.start(), head=keyword.start()) if keyword else definition

    def kind(self, node: Node, kind: str) -> str:
        """Return the kind: a method by its receiver, a struct or an interface by what the type is."""
        if node.type == "method_declaration":
            return "method"
        inner = node.child_by_field_name("type") if kind == "type" else None
        return _KINDS.get(inner.type, kind) if inner is not None else kind

    def name(self, node: Node, source: bytes) -> str:
        """Return the name, for a method behind that of its receiver's type."""
        name = super().name(node, source)
        receiver = _RECEIVER.search(text(node.child_by_field_name("receiver"), source).rstrip(") \n\t"))
        return f"{receiver[1]}.{name}" if receiver and name else name

    def body(self, node: Node) -> Node | None:
        """Return the braces of a function, a struct or an interface."""
        inner = node.child_by_field_name("type")
        if node.type != "type_spec" or inner is None or inner.type not in _KINDS:
            return node.child_by_field_name("body")
        return next(
            (child for child in inner.children if child.type in ("{", "field_declaration_list")), None
        )

    def imports(self, node: Node, source: bytes) -> Iterator[Imported]:
        """Yield the import path and the package's name as far as the path tells it."""
        module = text(node.child_by_field_name("path"), source).strip('"`')
        alias = text(node.child_by_field_name("name"), source)
        name = "*" if alias == "." else alias or _package(module)
        yield Imported(module, (name,), ((name, "*" if name == "*" else ""),))

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:
        """Yield what a field, a declared or a new variable is; of several values only the first."""
        declared = node.child_by_field_name("type")
        if declared is not None:
            names = node.children_by_field_name("name")
            yield from (Binding("type", text(name, source), declared) for name in names)
            return
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        left, right = left or node.child_by_field_name("name"), right or node.child_by_field_name("value")
        if left is None or right is None or not right.named_child_count:
            return
        variable = text(left.named_child(0) if left.named_child_count else left, source)
        value = right.named_children[0]
        if value.type == "unary_expression":
            value = value.child_by_field_name("operand") or value
        if value.type == "call_expression":
            yield Binding("call", variable, value)
        elif value.type == "composite_literal":
            yield Binding("type", variable, value.child_by_field_name("type") or value)


def _package(module: str) -> str:
    """Return the usual package name of a path: `a/go-redis/v9` is redis, `gopkg.in/yaml.v3` is yaml."""
    parts = [part for part in module.split("/") if not _VERSION.fullmatch(part)]
    last = parts[-1] if parts else module
    return last.rpartition("-")[2].partition(".")[0]
