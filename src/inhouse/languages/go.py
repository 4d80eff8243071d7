"""Go."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Definition, Grammar, text

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
        return replace(definition, start=keyword.start(), head=keyword.start()) if keyword else definition

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

    def imports(self, node: Node, source: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the import path and the package's name as far as the path tells it."""
        module = text(node.child_by_field_name("path"), source).strip('"`')
        alias = text(node.child_by_field_name("name"), source)
        yield module, ("*" if alias == "." else alias or _package(module),)


def _package(module: str) -> str:
    """Return the usual package name of a path: `a/go-redis/v9` is redis, `gopkg.in/yaml.v3` is yaml."""
    parts = [part for part in module.split("/") if not _VERSION.fullmatch(part)]
    last = parts[-1] if parts else module
    return last.rpartition("-")[2].partition(".")[0]
