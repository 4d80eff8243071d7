"""C++."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.c import CONSTANTS, PROTOTYPES, C
from inhouse.languages.grammar import Binding, Definition, text
from inhouse.languages.preprocessor import without_class_macros, without_macros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Cpp"]

_NAMES = frozenset(
    {
        "destructor_name",
        "field_identifier",
        "identifier",
        "operator_cast",
        "operator_name",
        "qualified_identifier",
        "template_function",
        "type_identifier",
    }
)
_ARGUMENTS = re.compile(r"<[^<>]*>")
_TESTS = {  # of GoogleTest: how it joins suite and name; the test of a fixture is a member of it
    "TEST": "_",
    "TEST_F": ".",
    "TEST_P": ".",
    "TYPED_TEST": ".",
    "TYPED_TEST_P": ".",
}
_SEPARATOR = re.compile(r"\s*::\s*")


class Cpp(C):
    """C++ up to C++20. Nested names are joined with dots, as in every language here: `ns.Class.method`."""

    language = "cpp"
    distribution = "tree-sitter-cpp"
    container = re.compile(rb"[^;{}=()]*\b(?:class|struct|union|namespace)\b[^;=()]*$")
    space = re.compile(rb"(?:inline\s+)?namespace\b[^;{}=()]*\{$")
    query = f"""
        (function_definition) @function
        (field_declaration declarator: [
            (function_declarator)
            (pointer_declarator (function_declarator))
            (reference_declarator (function_declarator))]) @function
        (field_declaration_list (declaration declarator: (function_declarator)) @function)
        (field_declaration_list
            (template_declaration (declaration declarator: (function_declarator)) @function))
        (class_specifier name: (_) body: (_)) @class
        (struct_specifier name: (_) body: (_)) @struct
        (union_specifier name: (_) body: (_)) @union
        (enum_specifier name: (_) body: (_)) @enum
        (enumerator) @constant
        (namespace_definition name: (_)) @module
        (type_definition) @type
        (alias_declaration) @type
        (concept_definition) @type
        (template_declaration) @wrapper
        [(preproc_def value: (_)) (preproc_function_def value: (_))] @macro
        {PROTOTYPES}
        {CONSTANTS}
        (preproc_include) @import
        (base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @inherit)
        (declaration type: [(type_identifier) (qualified_identifier) (template_type)]) @bind
        (field_declaration type: [(type_identifier) (qualified_identifier) (template_type)]) @bind
        (declaration type: (placeholder_type_specifier) declarator: (init_declarator value: (_))) @bind
        (using_declaration [(identifier) (qualified_identifier)]) @bind
        (for_range_loop type: [(type_identifier) (qualified_identifier) (template_type)]) @bind
        [(call_expression) (new_expression)] @call
        (comment) @comment
    """

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_cpp

        return tree_sitter_cpp.language()

    def prepare(self, source: bytes) -> bytes:
        """Return the source without macros in the heads of classes."""
        return without_class_macros(source)

    def repair(self, source: bytes) -> bytes | None:
        """Return the source without conditionals that cut through braces and macros between words."""
        repaired = without_macros(super().repair(source) or source)
        return repaired if repaired != source else None

    def define(self, node: Node, kind: str, source: bytes) -> Definition | None:
        """Return the definition; a function with a class in its name is a method."""
        if kind == "module" and node.children[0].type == "inline":
            return None  # its members are those of the namespace around it
        definition = super().define(node, kind, source)
        if definition is None or kind != "function" or "." not in definition.name:
            return definition
        return definition._replace(kind="method")

    def extent(self, node: Node, kind: str, source: bytes) -> tuple[int, int]:
        """Return where the signature ends, before a constructor's initializers, and where the body begins."""
        end, body = super().extent(node, kind, source)
        if kind == "function":
            end = next((one.start_byte for one in node.children if one.type == "field_initializer_list"), end)
        return end, body

    def name(self, node: Node, source: bytes) -> str:
        """Return the name with dots for `::` and without template arguments."""
        name = super().name(node, source)
        if name in _TESTS and node.child_by_field_name("type") is None:
            return _TESTS[name].join(_parameters(node, source)) or name
        while (plain := _ARGUMENTS.sub("", name)) != name and not name.startswith("operator"):
            name = plain
        return _SEPARATOR.sub(".", name).strip(".")

    def declared(self, declarator: Node | None, source: bytes) -> str:
        """Return the name at the core of a declarator, operators and destructors included."""
        while declarator is not None and declarator.type not in _NAMES:
            inner = declarator.child_by_field_name("declarator")
            if inner is None and declarator.type in ("reference_declarator", "parenthesized_declarator"):
                inner = declarator.named_child(declarator.named_child_count - 1)
            declarator = inner
        if declarator is not None and declarator.type == "operator_cast":
            return "operator " + text(declarator.child_by_field_name("type"), source)
        return text(declarator, source)

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:
        """Yield the type of a variable, the call that gives an `auto` its value, or what `using` binds."""
        if node.type == "using_declaration":
            named = node.named_children[-1]
            is_space = any(child.type == "namespace" for child in node.children)
            yield Binding("bind", "*" if is_space else text(named, source).rpartition("::")[2].strip(), named)
            return
        made, declarator = node.child_by_field_name("type"), node.child_by_field_name("declarator")
        if made is None or declarator is None or _is_prototype(node, declarator):
            return
        value = declarator.child_by_field_name("value")
        variable = self.declared(declarator, source)
        if variable and made.type != "placeholder_type_specifier":
            yield Binding("type", variable, made)
        elif variable and value is not None and value.type in ("call_expression", "new_expression"):
            yield Binding("call", variable, value)

    def callee(self, node: Node) -> tuple[int, int]:
        """Return the span of the function, or of the type that `new` makes."""
        made = node.child_by_field_name("type") if node.type == "new_expression" else None
        return made.byte_range if made is not None else super().callee(node)


def _is_prototype(node: Node, declarator: Node) -> bool:
    """Tell a declared function from `Type variable(argument);`, which reads alike inside of functions."""
    inside = node.parent is not None and node.parent.type in ("compound_statement", "case_statement")
    return declarator.type == "function_declarator" and not inside


def _parameters(node: Node, source: bytes) -> list[str]:
    """Return what stands between the brackets of a definition that a macro makes."""
    declarator = node.child_by_field_name("declarator")
    given = declarator.child_by_field_name("parameters") if declarator is not None else None
    return [text(one, source) for one in given.named_children] if given is not None else []
