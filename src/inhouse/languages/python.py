"""Python."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Binding, Definition, Grammar, Imported, skip_blank, text

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
        (class_definition superclasses: (argument_list [(identifier) (attribute)] @inherit))
        (class_definition superclasses: (argument_list (subscript value: (_) @inherit)))
        (decorator [(identifier) (attribute)] @applied)
        (assignment left: [(identifier) (attribute)] right: [(call) (await (call))]) @bind
        (assignment left: [(identifier) (attribute)] type: (_)) @bind
        (assignment left: (attribute) right: [(identifier) (boolean_operator right: (call))]) @bind
        (as_pattern (call) (as_pattern_target (identifier))) @bind
        [(return_statement (call)) (yield (call))] @bind
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
        return definition._replace(signature_end=colon, body=start, docstring=docstring)

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

    def imports(self, node: Node, source: bytes) -> Iterator[Imported]:
        """Yield the modules of an import statement; `import a.b` makes `a` a name and `a.b` the module."""
        if node.type == "import_statement":
            for name in node.children_by_field_name("name"):
                module = text(name.child_by_field_name("name") or name, source)
                alias = text(name.child_by_field_name("alias"), source)
                yield Imported(module, (alias or module.partition(".")[0],), ((alias or module, ""),))
            return
        module = text(node.child_by_field_name("module_name"), source) or "__future__"
        bound = tuple(_taken(name, source) for name in node.children_by_field_name("name")) or (("*", "*"),)
        yield Imported(module, tuple(here for here, _ in bound), bound)

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:
        """Yield what an assignment or `with` says of its variable, and what is returned as "return"."""
        if node.type == "as_pattern":
            yield Binding("call", text(node.named_child(1), source), node.named_child(0))
            return
        if node.type in ("return_statement", "yield"):
            yield Binding("call", node.type.partition("_")[0], node.named_children[0])
            return
        variable = text(node.child_by_field_name("left"), source)
        declared, value = node.child_by_field_name("type"), node.child_by_field_name("right")
        if declared is not None:
            yield Binding("type", variable, declared)
        elif value is not None and value.type == "identifier":
            if variable.startswith("self."):
                yield Binding("bind", variable, value)
        elif value is not None:
            inner = {"await": value.named_child(0), "boolean_operator": value.child_by_field_name("right")}
            yield Binding("call", variable, inner.get(value.type) or value)


def _taken(name: Node, source: bytes) -> tuple[str, str]:
    """Return (name here, name there) of one name that an import takes out of a module."""
    there = text(name.child_by_field_name("name") or name, source)
    return text(name.child_by_field_name("alias"), source) or there, there


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
