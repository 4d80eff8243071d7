"""C."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Definition, Grammar, Imported, text
from inhouse.languages.preprocessor import keep_first_branches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["CONSTANTS", "PROTOTYPES", "C"]

_NAMES = ("identifier", "type_identifier", "field_identifier")

_CONST = ("const", "constexpr")
_FILE_LEVEL = ("translation_unit", "preproc_ifdef", "preproc_if", "preproc_else", "declaration_list")
_FUNCTION = "(function_declarator)"
_DECLARED = (
    f"[{_FUNCTION} (pointer_declarator {_FUNCTION}) (pointer_declarator (pointer_declarator {_FUNCTION}))]"
)
PROTOTYPES = "".join(
    f"({parent} (declaration declarator: {_DECLARED}) @function)\n" for parent in _FILE_LEVEL
)
"""Functions that are declared and not defined, outside of functions."""

CONSTANTS = "".join(
    f"({parent} (declaration (type_qualifier) declarator: (init_declarator)) @constant)\n"
    for parent in _FILE_LEVEL
)


class C(Grammar):
    """C up to C23, and the older style of parameter declarations."""

    language = "c"
    distribution = "tree-sitter-c"
    prototypes = True
    container = re.compile(rb"(?!)")  # nothing that holds functions
    query = f"""
        (function_definition) @function
        (struct_specifier name: (_) body: (_)) @struct
        (union_specifier name: (_) body: (_)) @union
        (enum_specifier name: (_) body: (_)) @enum
        (enumerator) @constant
        (type_definition) @type
        [(preproc_def value: (_)) (preproc_function_def value: (_))] @macro
        {PROTOTYPES}
        {CONSTANTS}
        (preproc_include) @import
        (call_expression) @call
        (comment) @comment
    """

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_c

        return tree_sitter_c.language()

    def define(self, node: Node, kind: str, source: bytes) -> Definition | None:
        """Return the definition; the name of a type follows its body."""
        definition = super().define(node, kind, source)
        body = self.body(node) if definition is not None and kind == "type" else None
        return definition._replace(tail=body.end_byte) if definition and body else definition

    def kind(self, node: Node, kind: str) -> str:
        """Return the kind; `typedef struct {...} name` is a struct of that name."""
        inner = node.child_by_field_name("type") if kind == "type" else None
        if inner is None or inner.child_by_field_name("body") is None or inner.child_by_field_name("name"):
            return kind
        return inner.type.partition("_")[0]

    def name(self, node: Node, source: bytes) -> str:
        """Return the name from inside the declarator."""
        named = node.child_by_field_name("name")
        if named is not None:
            return text(named, source)
        declarator = node.child_by_field_name("declarator")
        if (
            node.type == "declaration"
            and declarator is not None
            and not _is_declared(node, declarator, source)
        ):
            return ""
        return self.declared(declarator, source)

    def declared(self, declarator: Node | None, source: bytes) -> str:
        """Return the name at the core of a declarator such as `*(*name)(int)[3]`, "" for none."""
        while declarator is not None and declarator.type not in _NAMES:
            inner = declarator.child_by_field_name("declarator")
            if (
                inner is None
                and declarator.type == "parenthesized_declarator"
                and declarator.named_child_count
            ):
                inner = declarator.named_child(declarator.named_child_count - 1)
            declarator = inner
        return text(declarator, source)

    def body(self, node: Node) -> Node | None:
        """Return the braces of a definition, those of the type for a typedef."""
        inner = node.child_by_field_name("type") if node.type == "type_definition" else node
        return inner.child_by_field_name("body") if inner is not None else None

    def value(self, node: Node) -> Node | None:
        """Return the value of a macro, an enumerator or a variable."""
        declarator = node.child_by_field_name("declarator")
        return (declarator or node).child_by_field_name("value")

    def imports(self, node: Node, source: bytes) -> Iterator[Imported]:
        """Yield the included path; its quotes or angle brackets stay in `bound`."""
        written = text(node.child_by_field_name("path"), source)
        yield Imported(written.strip('<>"'), (), ((written, "*"),))

    def repair(self, source: bytes) -> bytes | None:
        """Return the source without the conditionals that cut through braces."""
        return keep_first_branches(source)


def _is_declared(node: Node, declarator: Node, source: bytes) -> bool:
    """Tell a function or a constant from other variables, such as pointers to functions."""
    if declarator.type == "init_declarator":
        return any(text(child, source) in _CONST for child in node.children if child.type == "type_qualifier")
    while declarator.type == "pointer_declarator":
        inner = declarator.child_by_field_name("declarator")
        if inner is None:
            return False
        declarator = inner
    core = declarator.child_by_field_name("declarator")
    return core is not None and core.type != "parenthesized_declarator"
