"""JavaScript, with JSX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inhouse.languages.grammar import Binding, Definition, Grammar, Imported, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["COMMON_QUERY", "JSX", "JavaScript"]

_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
_OBJECTS = re.compile(r"^(?:module\.)?exports\.|^(?:this|window|globalThis)\.|\.prototype(?=\.)")
_EXPORTED = re.compile(r"module\.exports|(?:module\.)?exports\.(\w+)")
_QUOTES = "\"'`"
_HOLDERS = frozenset(
    {"variable_declarator", "assignment_expression", "field_definition", "public_field_definition"}
)
_MAX_HOLDERS = 8  # objects in objects
_NAMED_BY = ("name", "key", "property", "left")  # fields
_NAMES = frozenset({"identifier", "member_expression", "property_identifier"})

_FUNCTION = "[(arrow_function) (function_expression) (generator_function)]"
_GIVEN = "[(this) (call_expression) (new_expression)]"
_RETURNED = f"(statement_block (return_statement {_GIVEN}) @bind)"  # by the function itself, not one inside
_REQUIRED = """[(call_expression function: (identifier))
        (member_expression object: (call_expression function: (identifier)))]"""
COMMON_QUERY = f"""
    [(function_declaration) (generator_function_declaration) (method_definition)] @function
    (variable_declarator name: (identifier) value: {_FUNCTION}) @function
    (assignment_expression left: (member_expression) right: {_FUNCTION}) @function
    (pair value: {_FUNCTION}) @function
    (class_declaration) @class
    (class name: (_)) @class
    (program (lexical_declaration (variable_declarator name: (identifier) value: (_)) @constant))
    (export_statement (lexical_declaration (variable_declarator name: (identifier) value: (_)) @constant))
    (lexical_declaration . (variable_declarator value: {_FUNCTION}) .) @wrapper
    (variable_declaration . (variable_declarator value: {_FUNCTION}) .) @wrapper
    (export_statement declaration: (_)) @wrapper
    (import_statement) @import
    (export_statement source: (_)) @import
    (variable_declarator value: {_REQUIRED}) @import
    (assignment_expression left: (member_expression) right: {_REQUIRED}) @import
    (decorator [(identifier) (member_expression)] @applied)
    (variable_declarator name: (identifier) value: {_GIVEN}) @bind
    (variable_declarator name: (identifier) value: (await_expression (call_expression))) @bind
    (assignment_expression right: [(new_expression) (call_expression)]) @bind
    (assignment_expression left: (member_expression) right: (identifier)) @bind
    (function_declaration body: {_RETURNED})
    (method_definition body: {_RETURNED})
    (variable_declarator value: [(arrow_function body: {_RETURNED}) (function_expression body: {_RETURNED})])
    (variable_declarator value: (arrow_function body: [(call_expression) (new_expression)]) @bind)
    (assignment_expression right: (function_expression body: {_RETURNED}))
    (export_statement value: [(identifier) (object)]) @export
    (export_statement declaration: (_)) @export
    (export_statement (export_clause)) @export
    (assignment_expression left: [(member_expression) (identifier)]
        right: [(identifier) (object) (class) (function_expression) (arrow_function)]) @export
    [(call_expression) (new_expression)] @call
    (comment) @comment
"""
"""What JavaScript and TypeScript share."""

JSX = """
    [(jsx_opening_element name: [(identifier) (member_expression)] @applied)
     (jsx_self_closing_element name: [(identifier) (member_expression)] @applied)]
"""
"""Components are called by their tags."""


class JavaScript(Grammar):
    """JavaScript: modules of both kinds, classes, and functions that are assigned."""

    language = "javascript"
    distribution = "tree-sitter-javascript"
    query = (
        COMMON_QUERY
        + f"""
        (field_definition property: (_) value: {_FUNCTION}) @function
        (class_heritage [(identifier) (member_expression)] @inherit)
        {JSX}
    """
    )

    def load(self) -> object:
        """Return the compiled grammar."""
        import tree_sitter_javascript

        return tree_sitter_javascript.language()

    def define(self, node: Node, kind: str, source: bytes) -> Definition | None:
        """Return the definition; of variables only constants count: names in capitals."""
        definition = super().define(node, kind, source)
        if definition is not None and kind == "constant" and not _CONSTANT.fullmatch(definition.name):
            return None
        return definition

    def kind(self, node: Node, kind: str) -> str:
        """Return the kind; functions of objects are methods too: no name without a prefix means them."""
        return "method" if node.type in ("pair", "method_definition") else kind

    def name(self, node: Node, source: bytes) -> str:
        """Return the name of a function wherever it is written: declared, assigned or a property."""
        for field in _NAMED_BY:
            named = node.child_by_field_name(field)
            if named is not None:
                written = text(named, source).strip(_QUOTES)
                return _OBJECTS.sub("", f"{_holder(node, source)}{written}")
        return ""

    def body(self, node: Node) -> Node | None:
        """Return the body of a function or class, or of the function that is assigned."""
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        return (value or node).child_by_field_name("body")

    def imports(self, node: Node, source: bytes) -> Iterator[Imported]:
        """Yield the module of an import statement, a re-export or a `require`."""
        if node.type in ("variable_declarator", "assignment_expression"):
            yield from _required(node, source)
            return
        clause = next((child for child in node.named_children if child.type.endswith("_clause")), None)
        path = node.child_by_field_name("source")
        if path is None and clause is not None:  # import x = require("y")
            path = clause.child_by_field_name("source")
        if path is None or path.type != "string":
            return
        if node.type == "export_statement":
            yield Imported(text(path, source).strip(_QUOTES), (), tuple(_passed_on(node, source)))
        else:
            bound = tuple(_bound(clause, source))
            yield Imported(text(path, source).strip(_QUOTES), tuple(here for here, _ in bound), bound)

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:
        """Yield what a declared or assigned variable is, and what is returned as "return"."""
        if node.type in ("return_statement", "arrow_function"):
            given = node.child_by_field_name("body") or node.named_children[0]
            yield Binding("bind" if given.type == "this" else "call", "return", given)
            return
        variable = text(node.child_by_field_name("name") or node.child_by_field_name("left"), source)
        declared, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        value = value or node.child_by_field_name("right")
        if declared is not None and declared.named_child_count:
            yield Binding("type", variable, declared.named_children[0])
        elif value is not None and value.type == "identifier":
            if variable.startswith("this."):
                yield Binding("bind", variable, value)
        elif value is not None and value.type == "this":
            yield Binding("bind", variable, value)
        elif value is not None:
            inner = value.named_children[0] if value.type == "await_expression" else value
            if text(inner.child_by_field_name("function"), source) != "require":
                yield Binding("call", variable, inner)

    def exports(self, node: Node, source: bytes) -> Iterator[tuple[str, str]]:
        """Yield what `export` and `module.exports` give to others, where their names differ or tell it."""
        if node.type == "assignment_expression":
            yield from _assigned_exports(node, source)
            return
        value, declared = node.child_by_field_name("value"), node.child_by_field_name("declaration")
        is_default = any(child.type == "default" for child in node.children)
        if value is not None and value.type == "object":
            yield "default", "default"  # nothing of that name: the file as a whole
            yield from _properties(value, source)
        elif value is not None:
            yield "default", text(value, source)
        elif declared is not None and is_default:
            yield "default", text(declared.child_by_field_name("name"), source)
        elif any(child.type == "=" for child in node.children):  # export = x
            yield "default", text(node.named_child(0), source)
        elif node.child_by_field_name("source") is None:
            yield from ((there, here) for there, here in _passed_on(node, source) if there != "*")

    def callee(self, node: Node) -> tuple[int, int]:
        """Return the span of the function, or of the class that `new` makes."""
        called = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        return called.byte_range if called is not None else node.byte_range


def _holder(node: Node, source: bytes) -> str:
    """Return "a.b." of what holds the object that a function stands in, "" for a function elsewhere."""
    names: list[str] = []
    while node.type in ("method_definition", "pair") and len(names) < _MAX_HOLDERS:
        above = node.parent
        holder = above.parent if above is not None and above.type == "object" else None
        if holder is None:
            break
        named = next(filter(None, map(holder.child_by_field_name, _NAMED_BY)), None)
        if holder.type == "pair":
            names.append(text(named, source).strip(_QUOTES))
        elif holder.type in _HOLDERS and named is not None and named.type in _NAMES:
            names.append(text(named, source))
        node = holder
    return "".join(f"{name}." for name in reversed(names))


def _required(node: Node, source: bytes) -> Iterator[Imported]:
    """Yield the module of `x = require("y")`, `x = require("y").z` or `module.exports = require("y")`."""
    call = node.child_by_field_name("value") or node.child_by_field_name("right")
    bound = node.child_by_field_name("name")
    taken = ""
    if call is not None and call.type == "member_expression":
        taken = text(call.child_by_field_name("property"), source)
        call = call.child_by_field_name("object")
    if call is None or text(call.child_by_field_name("function"), source) != "require":
        return
    arguments = call.child_by_field_name("arguments")
    path = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
    if path is None or path.type != "string":
        return
    pairs = tuple((here, there or taken) for here, there in _bound(bound, source))
    if bound is not None and bound.type == "identifier":
        pairs = ((text(bound, source), taken),)
    elif bound is None:
        exported = _EXPORTED.fullmatch(text(node.child_by_field_name("left"), source))
        pairs = ((exported[1] or "default", taken),) if exported else ()
    yield Imported(text(path, source).strip(_QUOTES), tuple(here for here, _ in pairs), pairs)


def _bound(node: Node | None, source: bytes) -> Iterator[tuple[str, str]]:
    """Yield (name here, name there) of an import clause or a destructuring pattern."""
    if node is None:
        return
    if node.type in ("identifier", "shorthand_property_identifier_pattern"):
        name = text(node, source)
        yield name, "default" if node.type == "identifier" else name
    elif node.type == "import_specifier":
        there = text(node.child_by_field_name("name"), source) or "default"
        yield text(node.child_by_field_name("alias"), source) or there, there
    elif node.type == "pair_pattern":
        yield text(node.child_by_field_name("value"), source), text(node.child_by_field_name("key"), source)
    elif node.type in ("namespace_import", "import_require_clause"):
        yield text(node.named_child(0), source), ""
    elif node.type in ("import_clause", "named_imports", "object_pattern"):
        for child in node.named_children:
            yield from _bound(child, source)


def _passed_on(node: Node, source: bytes) -> Iterator[tuple[str, str]]:
    """Yield (name for others, name in the module) of `export {a as b}`, `export *` and `export * as b`."""
    for child in node.named_children:
        if child.type == "namespace_export":
            yield text(child.named_child(0), source), ""
        for one in child.named_children if child.type == "export_clause" else ():
            name = text(one.child_by_field_name("name"), source) or "default"
            yield text(one.child_by_field_name("alias"), source) or name, name
    if any(child.type == "*" for child in node.children):
        yield "*", "*"


def _assigned_exports(node: Node, source: bytes) -> Iterator[tuple[str, str]]:
    """Yield what `module.exports = x`, `= {x, y: z}` and `exports.x = y` give to others."""
    left, right = text(node.child_by_field_name("left"), source), node.child_by_field_name("right")
    if right is None or left not in ("module.exports", "exports"):
        exported = left.removeprefix("module.").removeprefix("exports.")
        if right is not None and right.type == "identifier" and exported != left and "." not in exported:
            yield exported, text(right, source)
    elif right.type == "object":
        yield from _properties(right, source)
    elif right.type in ("function_expression", "arrow_function"):
        yield "default", left  # the name of that definition
    else:
        name = right if right.type == "identifier" else right.child_by_field_name("name")
        yield "default", text(name, source)


def _properties(node: Node, source: bytes) -> Iterator[tuple[str, str]]:
    """Yield (property, variable) of an object's properties that are variables."""
    for child in node.named_children:
        if child.type == "shorthand_property_identifier":
            yield text(child, source), text(child, source)
        elif child.type == "pair" and text(child.child_by_field_name("value"), source).isidentifier():
            key = text(child.child_by_field_name("key"), source).strip(_QUOTES)
            yield key, text(child.child_by_field_name("value"), source)
