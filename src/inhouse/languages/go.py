"""Go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import MAX_CHAIN, Binding, Definition, Grammar, Imported, text
from inhouse.languages.types import plain_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Go"]

_KEYWORD = re.compile(rb"\b(?:type|const|var)[ \t]+\Z")
_RECEIVER = re.compile(r"(\w+)\s*(?:\[[^\]]*\])?\s*\)?$")
_VERSION = re.compile(r"v\d+")
_AROUND = {"parenthesized_expression": "", "unary_expression": "operand"}  # field of what is inside
_MADE = frozenset({"composite_literal", "type_assertion_expression", "type_conversion_expression"})
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
        (source_file (var_declaration [(var_spec) @constant (var_spec_list (var_spec) @constant)]))
        (import_spec) @import
        (field_declaration_list (field_declaration !name type: [(type_identifier) (qualified_type)] @inherit))
        (interface_type (type_elem [(type_identifier) (qualified_type)] @inherit))
        (field_declaration name: (_) type: [(type_identifier) (qualified_type) (pointer_type)]) @bind
        (var_spec type: [(type_identifier) (qualified_type) (pointer_type)]) @bind
        (func_literal parameters: (parameter_list (parameter_declaration) @bind))
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
        """Return the definition; `type`, `const` and `var` belong to it unless they open a group."""
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
        if name == "_":  # a value that only the compiler looks at
            return ""
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
        made = _made(value, source)
        if made is not None:
            yield Binding("type", variable, made)
        elif value.type == "call_expression":
            yield Binding("call", variable, value)
        elif value.type in ("identifier", "selector_expression"):
            yield Binding("bind", variable, value)

    def chained(self, node: Node, source: bytes) -> tuple[str, str] | None:
        """Return the method and what it is called on; a literal or asserted type is a call of that type."""
        function = node.child_by_field_name("function")
        if function is None or function.type != "selector_expression":
            return None
        on = function.child_by_field_name("operand")
        if on is None or on.type == "identifier":
            return None
        given = _value(on, source)
        is_plain = on.type == "selector_expression" and given and "(" not in given
        return None if is_plain else (text(function.child_by_field_name("field"), source), given)


def _package(module: str) -> str:
    """Return the usual package name of a path: `a/go-redis/v9` is redis, `gopkg.in/yaml.v3` is yaml."""
    parts = [part for part in module.split("/") if not _VERSION.fullmatch(part)]
    last = parts[-1] if parts else module
    return last.rpartition("-")[2].partition(".")[0]


def _made(node: Node, source: bytes) -> Node | None:
    """Return the type of a value that says it: `T{}`, `v.(*T)`, `new(T)`."""
    if node.type in _MADE:
        return node.child_by_field_name("type")
    if node.type == "call_expression" and text(node.child_by_field_name("function"), source) == "new":
        given = node.child_by_field_name("arguments")
        return given.named_child(0) if given is not None else None
    return None


def _value(node: Node | None, source: bytes, most: int = MAX_CHAIN) -> str:
    """Return an expression as a name to follow, "" for one that is none."""
    while node is not None and node.type in _AROUND:
        inside = _AROUND[node.type]
        node = node.child_by_field_name(inside) if inside else node.named_child(0)
    if node is None or not most:
        return ""
    if (made := _made(node, source)) is not None:
        name = plain_type(text(made, source))
    elif node.type == "identifier":
        return text(node, source)
    elif node.type == "selector_expression":
        before = _value(node.child_by_field_name("operand"), source, most - 1)
        return f"{before}.{text(node.child_by_field_name('field'), source)}" if before else ""
    elif node.type == "call_expression":
        name = _value(node.child_by_field_name("function"), source, most - 1)
    else:
        return ""
    return f"{name}()" if name else ""
