"""Where C code follows habits: prefixes, types, guards, return codes, allocation, layout."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from inhouse.evaluation.conventions.sites import Site, case_of, letter_case, prefix_of
from inhouse.evaluation.syntax import capture, syntax_tree, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

__all__ = ["c_sites"]

_QUERY = """
    (function_definition) @function
    (type_definition) @typedef
    (struct_specifier name: (_) body: (_)) @struct
    [(preproc_def) (preproc_function_def)] @macro
    (enumerator) @enumerator
    [(if_statement) (for_statement) (while_statement) (switch_statement)] @control
    (compound_statement) @block
    (return_statement) @return
    (call_expression) @call
    (pointer_declarator) @pointer
    (cast_expression) @cast
    (sizeof_expression) @sizeof
    (comment) @comment
    (labeled_statement) @label
    [(unary_expression) (binary_expression)] @operation
"""
_DECLARED = """
    [(declaration declarator: (pointer_declarator declarator: (identifier) @pointer))
     (init_declarator declarator: (pointer_declarator declarator: (identifier) @pointer))
     (parameter_declaration declarator: (pointer_declarator declarator: (identifier) @pointer))
     (declaration declarator: (identifier) @value)
     (init_declarator declarator: (identifier) @value)
     (parameter_declaration declarator: (identifier) @value)]
"""
_ALLOCATION = re.compile(r"\w*?(malloc|calloc|realloc|free|strdup)")
_LOGGING = re.compile(r"(?:\w+_)?(?:log|logf|warn|warning|debug|trace|info)(?:_(?:\w+))?", re.I)
_ERROR_NAME = re.compile(r"((?:[A-Z][A-Z0-9]*_+)?)E[A-Z0-9]{2,}")
_GUARD = re.compile(r"\s*(?:/\*.*?\*/\s*|//[^\n]*\s*)*#\s*(?:(pragma\s+once)|ifndef\s+(\w+))", re.S)


def c_sites(source: bytes, path: str) -> list[Site]:
    """Return the sites of a C file."""
    tree = syntax_tree("c", source)
    if tree is None:
        return []
    reader = _Reader(source, tree.root_node)
    if path.endswith(".h"):
        reader.guard()
    handlers = reader.handlers()
    for name, nodes in capture("c", _QUERY, tree.root_node).items():
        for node in nodes:
            handlers[name](node)
    return reader.sites


class _Reader:
    """One method for each capture of the query."""

    def __init__(self, source: bytes, root: Node) -> None:
        self.sites: list[Site] = []
        self._source = source
        declared = capture("c", _DECLARED, root)
        pointers, values = (set(map(text_of, declared.get(kind, ()))) for kind in ("pointer", "value"))
        self._pointers = pointers - values  # names that are pointers wherever this file declares them
        guard = _GUARD.match(source.decode("utf-8", "replace"))
        self._guard = guard[2] or "" if guard else ""

    def handlers(self) -> dict[str, Callable[[Node], None]]:
        """Return what reads the nodes of each capture."""
        return {
            "block": self._block,
            "call": self._call,
            "cast": self._cast,
            "comment": self._comment,
            "control": self._control,
            "enumerator": self._enumerator,
            "function": self._function,
            "label": self._label,
            "macro": self._macro,
            "operation": self._operation,
            "pointer": self._pointer,
            "return": self._return,
            "sizeof": self._sizeof,
            "struct": self._struct,
            "typedef": self._typedef,
        }

    def _add(self, aspect: str, value: str, node: Node, shown: str = "") -> None:
        if value:
            shown = " ".join((shown or text_of(node)).split())
            self.sites.append(Site(f"c.{aspect}", value, node.start_byte, shown[:80]))

    def guard(self) -> None:
        """Add how a header protects itself against being read twice."""
        found = _GUARD.match(self._source.decode("utf-8", "replace"))
        kind = "none" if found is None else "#pragma once" if found[1] else "#ifndef"
        self.sites.append(Site("c.guard", kind, 0, kind))
        if self._guard:
            end = re.search(r"_H\w*?_*$", self._guard)
            self.sites.append(Site("c.guard_end", end[0] if end else "other", 0, self._guard))

    # ------------------------------------------------------------ names

    def _function(self, node: Node) -> None:
        declarator = node.child_by_field_name("declarator")
        name = _core(declarator)
        body = node.child_by_field_name("body")
        if name is None or body is None:
            return
        called = text_of(name)
        static = any(
            text_of(child) == "static" for child in node.children if child.type == "storage_class_specifier"
        )
        self._add("function_name", case_of(called), name)
        if called != "main":
            self._add("static_prefix" if static else "function_prefix", prefix_of(called), name)
        self._add("function_brace", _line_of_brace(self._source, body), body, f"{called}() {{")
        kind = node.child_by_field_name("type")
        if kind is not None:
            own_line = kind.end_point[0] < name.start_point[0]
            self._add("return_type_line", "own line" if own_line else "same line", name)
        function = declarator
        while function is not None and function.type != "function_declarator":
            function = function.child_by_field_name("declarator")
        listed = function.child_by_field_name("parameters") if function is not None else None
        if listed is not None and "".join(text_of(listed).split()) in ("()", "(void)"):
            self._add("no_parameters", "".join(text_of(listed).split()), listed)

    def _typedef(self, node: Node) -> None:
        name = _core(node.child_by_field_name("declarator"))
        if name is None:
            return
        called = text_of(name)
        if "function_declarator" in str(node.child_by_field_name("declarator")):
            self._add("callback_type_end", _ending(called), name)
        else:
            self._add("type_end", _ending(called), name)
        self._add("type_prefix", prefix_of(called), name)

    def _struct(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            self._add("struct_end", _ending(text_of(name)), name)
            self._add("struct_prefix", prefix_of(text_of(name)), name)

    def _macro(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        called = text_of(name)
        if name is None or called == self._guard:
            return
        kind = "function_macro_name" if node.type == "preproc_function_def" else "macro_name"
        self._add(kind, case_of(called) or ("small" if called.islower() else ""), name)

    def _enumerator(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            self._add("enumerator_name", case_of(text_of(name)), name)
            self._add("enumerator_prefix", prefix_of(text_of(name)), name)

    def _label(self, node: Node) -> None:
        name = text_of(node.child_by_field_name("label"))
        self._add("label", name, node, f"{name}:")

    # ------------------------------------------------------------ return codes and pointers

    def _block(self, node: Node) -> None:
        children = [child for child in node.named_children if child.type != "comment"]
        for first, second in pairwise(children):
            if second.type == "if_statement":
                self._checked(_assigned_from_call(first), second)
        parent = node.parent
        if parent is not None and children and children[0].start_point[0] > node.start_point[0]:
            inner, outer = _indent(self._source, children[0]), _indent(self._source, parent)
            if inner.endswith(b"\t"):
                self._add("indent", "a tab", node, "a block")
            elif inner.startswith(outer) and children[0].type not in ("case_statement", "labeled_statement"):
                self._add("indent", f"{len(inner) - len(outer)} spaces", node, "a block")

    def _checked(self, name: str, condition: Node) -> None:
        tested = text_of(condition.child_by_field_name("condition")).strip("()").strip()
        if not name or name in self._pointers or not re.search(rf"\b{name}\b", tested):
            return
        form = " ".join(re.sub(rf"\b{name}\b", "result", tested).split())
        if re.fullmatch(r"!?result(?: (?:<|!=|==|>|<=|>=) -?\d+)?", form):
            self._add("return_check", form, condition, f"if ({tested})")
            self._add("return_variable", name, condition, f"if ({tested})")

    def _return(self, node: Node) -> None:
        value = node.named_child(0) if node.named_child_count else None
        if value is None:
            return
        written = text_of(value)
        if re.fullmatch(r"-\s*\d+", written):
            self._add("error_return", "a negative number", node)
        elif re.fullmatch(r"-\s*E[A-Z0-9]+", written):
            self._add("error_return", "-E...", node)
        elif value.type == "call_expression" and re.fullmatch(r"[A-Z][A-Z_0-9]*\s*\(\s*errno\s*\)", written):
            self._add("errno_return", f"{written.partition('(')[0].strip()}(errno)", node)
        elif written == "-errno":
            self._add("errno_return", "-errno", node)
        elif (found := _ERROR_NAME.fullmatch(written)) and found[1]:
            self._add("error_return", f"{found[1]}E...", node)

    def _operation(self, node: Node) -> None:
        operator = text_of(node.child_by_field_name("operator"))
        if node.type == "unary_expression" and operator == "!":
            if text_of(node.child_by_field_name("argument")) in self._pointers:
                self._add("null_check", "!pointer", node)
        elif operator in ("==", "!="):
            left, right = (node.child_by_field_name(side) for side in ("left", "right"))
            if text_of(right) == "NULL" and text_of(left) in self._pointers:
                self._add("null_check", "pointer == NULL", node)

    def _call(self, node: Node) -> None:
        function = node.child_by_field_name("function")
        if function is None or function.type != "identifier":
            return
        name = text_of(function)
        allocation = _ALLOCATION.fullmatch(name)
        if allocation:
            self._add(f"call:{allocation[1]}", name, node)
        elif _LOGGING.fullmatch(name):
            string = next((each for each in _arguments(node) if each.type == "string_literal"), None)
            if string is not None:
                words = text_of(string).strip('"')
                self._add("log_call", name, node)
                self._add("log_capital", letter_case(words), node)
                self._add("log_newline", "yes" if words.endswith("\\n") else "no", node)

    # ------------------------------------------------------------ layout

    def _control(self, node: Node) -> None:
        keyword = node.child(0)
        body = node.child_by_field_name("consequence") or node.child_by_field_name("body")
        if keyword is None or body is None:
            return
        word = text_of(keyword)
        spaced = self._source[keyword.end_byte : keyword.end_byte + 1] == b" "
        self._add("keyword_space", "space" if spaced else "no space", node, f"{word}{' ' * spaced}(")
        alternative = node.child_by_field_name("alternative")
        if body.type != "compound_statement":
            if alternative is None and word != "switch":
                self._add("single_statement", "no braces", node, f"{word} without braces")
            return
        self._add("control_brace", _line_of_brace(self._source, body), body, f"{word} (...) {{")
        single = (
            body.named_child_count == 1
            and body.named_children[0].start_point[0] == body.named_children[0].end_point[0]
        )
        if single and alternative is None and word != "switch":
            self._add("single_statement", "braces", node, f"{word} with braces")
        if alternative is not None:
            same = alternative.start_point[0] == body.end_point[0]
            self._add("else_line", "same line" if same else "own line", alternative, "else")

    def _pointer(self, node: Node) -> None:
        if node.parent is None or node.parent.type == "pointer_declarator" or node.start_byte == 0:
            return
        before = self._source[node.start_byte - 1 : node.start_byte].isspace()
        inner = node.child_by_field_name("declarator")
        if inner is None or self._source[: node.start_byte].rstrip().endswith((b",", b"(", b"*")):
            return
        after = inner.start_byte > node.start_byte + 1 and inner.type != "pointer_declarator"
        form = "char* p" if not before else "char * p" if after else "char *p"
        self._add("pointer_star", form, node)

    def _cast(self, node: Node) -> None:
        value = node.child_by_field_name("value")
        if value is not None:
            spaced = self._source[value.start_byte - 1 : value.start_byte].isspace()
            self._add("cast_space", "space" if spaced else "no space", node)

    def _sizeof(self, node: Node) -> None:
        value = node.child_by_field_name("value")
        kind = "type" if value is None or text_of(value).strip("() ").endswith("_t") else "expression"
        if _is_in_allocation(node):
            self._add("sizeof_allocated", kind, node)
        if value is not None:
            self._add(
                "sizeof_brackets", "brackets" if value.type == "parenthesized_expression" else "none", node
            )

    def _comment(self, node: Node) -> None:
        self._add("comment_form", "//" if text_of(node).startswith("//") else "/* */", node)


def _core(declarator: Node | None) -> Node | None:
    """Return the name at the core of a declarator."""
    while declarator is not None and declarator.type not in ("identifier", "type_identifier"):
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.type == "parenthesized_declarator" and declarator.named_child_count:
            inner = declarator.named_children[-1]
        declarator = inner
    return declarator


def _ending(name: str) -> str:
    """Return a short last part such as _t or _cb, "none" where there is none."""
    found = re.search(r"_[a-z]{1,3}$", name)
    return found[0] if found else "none"


def _line_of_brace(source: bytes, body: Node) -> str:
    before = source[: body.start_byte].rpartition(b"\n")[2]
    return "same line" if before.strip() else "next line"


def _indent(source: bytes, node: Node) -> bytes:
    start = source.rfind(b"\n", 0, node.start_byte) + 1
    line = source[start : node.start_byte + 1]
    return line[: len(line) - len(line.lstrip(b" \t"))]


def _arguments(call: Node) -> list[Node]:
    listed = call.child_by_field_name("arguments")
    return listed.named_children if listed is not None else []


def _assigned_from_call(statement: Node) -> str:
    """Return the variable that a statement sets to what a call returns, "" for other statements."""
    inner = (
        statement.named_child(0)
        if statement.type == "expression_statement" and statement.named_child_count
        else None
    )
    if inner is not None and inner.type == "assignment_expression":
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    elif statement.type == "declaration":
        made = statement.child_by_field_name("declarator")
        left, right = (made.child_by_field_name(side) if made else None for side in ("declarator", "value"))
    else:
        return ""
    is_call = right is not None and right.type == "call_expression"
    return text_of(left) if is_call and left is not None and left.type == "identifier" else ""


def _is_in_allocation(node: Node) -> bool:
    parent = node.parent
    while parent is not None and parent.type in (
        "argument_list",
        "binary_expression",
        "parenthesized_expression",
    ):
        parent = parent.parent
    if parent is None or parent.type != "call_expression":
        return False
    return _ALLOCATION.fullmatch(text_of(parent.child_by_field_name("function"))) is not None
