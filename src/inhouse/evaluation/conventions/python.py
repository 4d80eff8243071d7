"""Where Python code follows habits: names, imports, errors, logging, docstrings, annotations, layout."""

from __future__ import annotations

import builtins
import re
from collections import Counter
from typing import TYPE_CHECKING

from inhouse.evaluation.conventions.sites import Known, Site, case_of, letter_case
from inhouse.evaluation.syntax import capture, syntax_tree, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tree_sitter import Node

__all__ = ["BUILTIN_EXCEPTIONS", "exception_classes", "python_sites"]

BUILTIN_EXCEPTIONS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)
"""Exception classes of the language itself."""

_QUERY = """
    (function_definition) @function
    (class_definition) @class
    (assignment) @assignment
    [(import_statement) (import_from_statement)] @import
    (future_import_statement) @future
    (except_clause) @except
    (raise_statement) @raise
    (call) @call
    (string) @string
    (binary_operator left: (string) operator: "%") @percent
    (type) @type
    (comment) @comment
    (block) @block
    (assert_statement) @assert
    [(argument_list) (dictionary) (list) (parameters) (set) (tuple)] @bracket
"""
_CLASS = re.compile(r"^[ \t]*class[ \t]+(\w+)[ \t]*\(([^)]*)\)", re.M)
_LEVELS = frozenset({"critical", "debug", "error", "exception", "info", "warning"})
_LOGGER = re.compile(r"(?:\w+\.)*_?(?:log|logger|logging)\d?", re.I)
_OPTIONAL = re.compile(r"\bOptional\[")
_UNION_NONE = re.compile(r"\|\s*None\b|\bNone\s*\|")
_OLD_GENERIC = re.compile(r"\b(?:List|Dict|Tuple|Set|FrozenSet|Type)\[")
_NEW_GENERIC = re.compile(r"(?<!\.)\b(?:list|dict|tuple|set|frozenset|type)\[")
_SECTIONS = (
    (re.compile(r"^\s*:(?:param|returns?|raises?)\b", re.M), ":param name:"),
    (re.compile(r"^\s*(?:Args|Arguments|Returns|Raises):\s*$", re.M), "Args:"),
    (re.compile(r"^\s*(?:Parameters|Returns|Raises)\s*\n\s*-{3,}", re.M), "Parameters with a rule below"),
    (re.compile(r"^\s*@(?:param|return|raises?)\b", re.M), "@param"),
)
_VERB_LIST = """
    add apply build call change check clear close compute convert copy create decode define delete encode
    execute find format generate get give handle initialize insert invoke iterate list load look make mark
    open parse prepare print process produce provide raise read register remove render replace resolve
    return run save send set show split start stop test turn update use validate wrap write yield
"""
_VERBS = frozenset(_VERB_LIST.split())
_DIRECTIVE = re.compile(
    r"#(?:!|:|\s*(?:type:|noqa|pragma|pylint|fmt:|mypy|ruff|isort|-\*-|todo|fixme|xxx))", re.I
)
_MIN_DOCUMENTED = 4  # lines of a function from which a missing docstring says something


def exception_classes(texts: Iterable[str]) -> frozenset[str]:
    """Return the names of the exception classes that these files define, subclasses of them included."""
    bases = {name: _base_names(listed) for text in texts for name, listed in _CLASS.findall(text)}
    found: set[str] = set()
    grew = True
    while grew:
        new = {name for name, own in bases.items() if own & (found | BUILTIN_EXCEPTIONS)} - found
        found |= new
        grew = bool(new)
    return frozenset(found)


def python_sites(source: bytes, known: Known) -> list[Site]:
    """Return the sites of a Python file."""
    tree = syntax_tree("python", source)
    if tree is None:
        return []
    reader = _Reader(source, known)
    handlers = reader.handlers()
    for name, nodes in capture("python", _QUERY, tree.root_node).items():
        for node in nodes:
            handlers[name](node)
    reader.finish(tree.root_node)
    return reader.sites


class _Reader:
    """One method for each capture of the query."""

    def __init__(self, source: bytes, known: Known) -> None:
        self.sites: list[Site] = []
        self._source = source
        self._known = known
        self._from: list[tuple[str, Node, int]] = []  # module, statement, names
        self._has_future = False

    def handlers(self) -> dict[str, Callable[[Node], None]]:
        """Return what reads the nodes of each capture."""
        return {
            "assert": self._assert,
            "assignment": self._assignment,
            "block": self._block,
            "bracket": self._bracket,
            "call": self._call,
            "class": self._class,
            "comment": self._comment,
            "except": self._except,
            "function": self._function,
            "future": self._future,
            "import": self._import,
            "percent": self._percent,
            "raise": self._raise,
            "string": self._string,
            "type": self._type,
        }

    def _add(self, aspect: str, value: str, node: Node, shown: str = "") -> None:
        if value:
            shown = " ".join((shown or text_of(node)).split())
            self.sites.append(Site(f"python.{aspect}", value, node.start_byte, shown[:80]))

    def finish(self, root: Node) -> None:
        """Add what only the whole file shows."""
        split = Counter(module for module, _, names in self._from if names == 1)
        for module, node, names in self._from:
            if names > 1:
                self._add("names_per_import", "several", node)
            elif split[module] > 1:
                self._add("names_per_import", "one", node)
        if root.named_child_count > 2 and self._from:
            first = root.named_children[0]
            self._add("future_annotations", "yes" if self._has_future else "no", first)

    # ------------------------------------------------------------ definitions

    def _function(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name is None or body is None:
            return
        called = text_of(name)
        if not (called.startswith("__") and called.endswith("__")):
            self._add("function_name", case_of(called), name)
        self._parameters(node, name)
        decorators = _decorators(node)
        overloads = any("overload" in each or "override" in each for each in decorators)
        public = not called.startswith("_") and _is_public(node)
        lines = node.end_point[0] - body.start_point[0] + 1
        if public and not overloads and lines >= _MIN_DOCUMENTED:
            self._documented("function_docstring", body, called)
        self._docstring(body)

    def _class(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name is None or body is None:
            return
        called = text_of(name)
        self._add("class_name", case_of(called) or "snake_case", name)
        bases = _base_names(text_of(node.child_by_field_name("superclasses")).strip("()"))
        own, builtin = bases & self._known.exceptions, bases & BUILTIN_EXCEPTIONS
        if own or builtin:
            suffix = next((end for end in ("Error", "Exception", "Warning") if called.endswith(end)), "none")
            self._add("exception_suffix", suffix, name)
            self._add("exception_base", "own" if own else "built-in", name)
        if not called.startswith("_") and _is_public(node):
            self._documented("class_docstring", body, called)
        self._docstring(body)

    def _parameters(self, node: Node, name: Node) -> None:
        listed = node.child_by_field_name("parameters")
        parameters = [one for one in (listed.named_children if listed else ()) if "separator" not in one.type]
        names = [text_of(one.child_by_field_name("name") or one).partition(":")[0] for one in parameters]
        own = [
            (one, each.lstrip("*").partition("=")[0].strip())
            for one, each in zip(parameters, names, strict=True)
            if each not in ("self", "cls", "mcs") and one.type != "comment"
        ]
        for one, each in own:
            self._add("variable_name", case_of(each), one, each)
        shown = f"def {text_of(name)}"
        if own:
            annotated = all("typed" in one.type for one, _ in own)
            self._add("parameter_annotations", "yes" if annotated else "no", name, shown)
        returns = node.child_by_field_name("return_type") is not None
        self._add("return_annotations", "yes" if returns else "no", name, shown)

    def _assignment(self, node: Node) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "identifier":
            return
        name = text_of(left)
        if _is_inside(node, "function_definition"):
            self._add("variable_name", case_of(name), left)
        elif node.parent is not None and node.parent.parent is not None and _is_literal(right):
            at_top = node.parent.parent.type == "module" and not name.startswith("__")
            if at_top:
                self._add("constant_name", case_of(name) or "snake_case", left)

    # ------------------------------------------------------------ docstrings

    def _documented(self, aspect: str, body: Node, name: str) -> None:
        first = body.named_child(0) if body.named_child_count else None
        if first is not None:
            self._add(aspect, "yes" if _docstring_of(body) is not None else "no", first, name)

    def _docstring(self, body: Node) -> None:
        string = _docstring_of(body)
        if string is None:
            return
        written = text_of(string)
        quote = written.lstrip("rRuUbB")[:3]
        self._add("docstring_quotes", quote if quote in ('"""', "'''") else "single", string)
        words = written.lstrip("rRuUbB").strip("\"'")
        if "\n" in words:
            self._add("docstring_start", "same line" if words[:1].strip() else "next line", string)
        summary = words.strip().partition("\n\n")[0].strip()
        last = " ".join(summary.split())[-1:]
        if summary and last != ":" and not summary.startswith((":", "@")):
            self._add("docstring_period", "yes" if last in ".!?" else "no", string)
        self._add("docstring_mood", _mood(summary), string)
        for pattern, form in _SECTIONS:
            if pattern.search(words):
                self._add("docstring_sections", form, string, form)

    # ------------------------------------------------------------ imports

    def _import(self, node: Node) -> None:
        inside = _is_inside(node, "function_definition")
        self._add("import_place", "function" if inside else "top", node)
        if node.type == "import_statement":
            for name in node.children_by_field_name("name"):
                self._import_form(
                    text_of(name.child_by_field_name("name") or name), f"import {text_of(name)}", node
                )
            return
        module = text_of(node.child_by_field_name("module_name"))
        names = node.children_by_field_name("name")
        if names:
            self._from.append((module, node, len(names)))
        own = module.startswith(".") or module.partition(".")[0] in self._known.packages
        if own:
            self._add("own_imports", "relative" if module.startswith(".") else "absolute", node)
        else:
            self._import_form(module, f"from {module} import ...", node)

    def _import_form(self, module: str, form: str, node: Node) -> None:
        if module.partition(".")[0] not in self._known.packages:
            self._add(f"import:{module}", form, node)

    def _future(self, node: Node) -> None:
        self._has_future |= "annotations" in text_of(node)

    # ------------------------------------------------------------ errors

    def _except(self, node: Node) -> None:
        value = node.child_by_field_name("value")
        if value is None:
            kind = "bare"
        else:
            name = text_of(value).partition(" as ")[0].strip()
            kind = "broad" if name in ("Exception", "BaseException") else "specific"
        self._add("except", kind, node, text_of(node).partition("\n")[0])

    def _raise(self, node: Node) -> None:
        error = node.named_child(0) if node.named_child_count else None
        if error is None:
            return
        called = error.child_by_field_name("function") if error.type == "call" else error
        name = text_of(called).rpartition(".")[2]
        if not name[:1].isupper():
            return
        if name in self._known.exceptions:
            self._add("raised", "own", node)
            self.sites.append(Site("python.own_exception", name, node.start_byte, name))
        elif name in BUILTIN_EXCEPTIONS and name != "NotImplementedError":
            self._add("raised", "built-in", node)
        if _is_inside(node, "except_clause", "function_definition"):
            chained = node.child_by_field_name("cause") is not None
            self._add("raise_from", "yes" if chained else "no", node)
        if error.type == "call":
            self._error_message(error)

    def _error_message(self, error: Node) -> None:
        arguments = error.child_by_field_name("arguments")
        first = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
        if first is None:
            return
        wrapper, strings = _message(first)
        if not strings:
            return
        self._add("error_wrapped", wrapper or "plain", first)
        words = "".join(_content(string) for string in strings)
        self._add("error_capital", letter_case(words), first)
        if words and words[-1] != "}":
            self._add("error_period", "yes" if words.rstrip()[-1:] in (".", "!", "?") else "no", first)

    # ------------------------------------------------------------ calls and strings

    def _call(self, node: Node) -> None:
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return
        if function.type == "identifier" and text_of(function) == "super":
            self._add("super", "super()" if not arguments.named_child_count else "super(Class, self)", node)
        if function.type != "attribute":
            return
        owner, attribute = (
            function.child_by_field_name("object"),
            text_of(function.child_by_field_name("attribute")),
        )
        if attribute == "format" and owner is not None and "string" in owner.type:
            self._add("interpolation", ".format()", node)
        elif attribute in _LEVELS and _LOGGER.fullmatch(text_of(owner)):
            self._logged(node, text_of(owner), arguments)
        elif attribute.startswith("assert") and text_of(owner) == "self":
            self._add("assertion", "self.assert...()", node)

    def _logged(self, node: Node, logger: str, arguments: Node) -> None:
        self._add("logger", logger, node)
        first = arguments.named_child(0) if arguments.named_child_count else None
        if first is None:
            return
        _, strings = _message(first)
        if not strings:
            return
        self._add("log_capital", letter_case("".join(map(_content, strings))), node)
        if any(_has_interpolation(string) for string in strings):
            self._add("log_arguments", "f-string", node)
        elif first.type == "call":
            self._add("log_arguments", ".format()", node)
        elif first.type == "binary_operator":
            self._add("log_arguments", "%", node)
        elif arguments.named_child_count > 1 and "%" in _content(strings[-1]) + _content(strings[0]):
            self._add("log_arguments", "arguments", node)

    def _string(self, node: Node) -> None:
        parent = node.parent
        if parent is None or _is_docstring(node) or _is_inside(node, "interpolation", "block"):
            return
        if _has_interpolation(node):
            self._add("interpolation", "f-string", node)
        start = text_of(node.child(0) if node.child_count else None)
        content = text_of(node)[len(start) : -1]
        if start[-3:] not in ('"""', "'''") and "'" not in content and '"' not in content:
            self._add("quotes", "double" if start.endswith('"') else "single", node)

    def _percent(self, node: Node) -> None:
        self._add("interpolation", "%", node)

    def _assert(self, node: Node) -> None:
        self._add("assertion", "assert", node)

    def _type(self, node: Node) -> None:
        if node.parent is not None and node.parent.type in ("type_parameter", "union_type", "generic_type"):
            return
        written = text_of(node)
        for pattern, aspect, value in (
            (_OPTIONAL, "optional", "Optional[X]"),
            (_UNION_NONE, "optional", "X | None"),
            (_OLD_GENERIC, "generics", "List[X]"),
            (_NEW_GENERIC, "generics", "list[X]"),
        ):
            if pattern.search(written):
                self._add(aspect, value, node)

    # ------------------------------------------------------------ layout

    def _comment(self, node: Node) -> None:
        before = self._line_before(node)
        above = self._source[: node.start_byte - len(before)].removesuffix(b"\n").rpartition(b"\n")[2].strip()
        written = text_of(node)
        if before.strip() or above.startswith(b"#") or _DIRECTIVE.match(written):
            return
        self._add("comment_capital", letter_case(written.lstrip("#: ")), node)

    def _block(self, node: Node) -> None:
        parent = node.parent
        if parent is None or parent.start_point[0] == node.start_point[0]:
            return
        before = self._line_before(node)
        if before.strip():
            return
        start = parent.start_byte - len(self._line_before(parent))
        outer = self._source[start : parent.end_byte]
        width = len(before) - (len(outer) - len(outer.lstrip(b" \t")))
        self._add("indent", "a tab" if before.endswith(b"\t") else f"{width} spaces", node, "a block")

    def _bracket(self, node: Node) -> None:
        if node.start_point[0] == node.end_point[0] or not node.named_child_count:
            return
        children = [child for child in node.children if child.type != "comment"]
        closing = children[-1]
        alone = not self._line_before(closing).strip()
        sole = len(children) == 3 and children[1].type in ("generator_expression", "dictionary_splat")
        if alone and not sole:
            comma = children[-2].type == ","
            self._add("trailing_comma", "yes" if comma else "no", children[-2], text_of(children[-2]))

    def _line_before(self, node: Node) -> bytes:
        return self._source[: node.start_byte].rpartition(b"\n")[2]


def _base_names(listed: str) -> set[str]:
    """Return the simple names of the bases in a class statement."""
    return {base.strip().rpartition(".")[2] for base in listed.split(",") if "=" not in base}


def _decorators(node: Node) -> list[str]:
    parent = node.parent
    if parent is None or parent.type != "decorated_definition":
        return []
    return [text_of(child) for child in parent.children if child.type == "decorator"]


def _is_inside(node: Node, kind: str, *ends: str) -> bool:
    """Is there a node of a kind around this one, before one of those that end the search?"""
    parent = node.parent
    while parent is not None and parent.type not in ends:
        if parent.type == kind:
            return True
        parent = parent.parent
    return False


def _is_public(node: Node) -> bool:
    """Does a definition stand at the top or in public classes only?"""
    parent = node.parent
    while parent is not None:
        if parent.type == "function_definition":
            return False
        if parent.type == "class_definition" and text_of(parent.child_by_field_name("name")).startswith("_"):
            return False
        parent = parent.parent
    return True


def _is_literal(node: Node) -> bool:
    return node.type in ("float", "integer", "string", "true", "false") or (
        node.type in ("list", "set", "tuple") and all(map(_is_literal, node.named_children))
    )


def _docstring_of(body: Node) -> Node | None:
    statement = body.named_child(0) if body.named_child_count else None
    if statement is None or statement.type != "expression_statement":
        return None
    string = statement.named_child(0) if statement.named_child_count else None
    return string if string is not None and string.type == "string" else None


def _is_docstring(string: Node) -> bool:
    return string.parent is not None and string.parent.type == "expression_statement"


def _has_interpolation(string: Node) -> bool:
    return any(child.type == "interpolation" for child in string.children)


def _content(string: Node) -> str:
    return text_of(string).lstrip("rRuUbBfF").strip("\"'")


def _message(node: Node) -> tuple[str, list[Node]]:
    """Return (name of the function around it, strings) of the words in a first argument."""
    if node.type == "string":
        return "", [node]
    if node.type == "concatenated_string":
        return "", [child for child in node.named_children if child.type == "string"]
    if node.type == "binary_operator":
        left = node.child_by_field_name("left")
        return _message(left) if left is not None else ("", [])
    if node.type != "call":
        return "", []
    function = node.child_by_field_name("function")
    if function is not None and function.type == "attribute":  # _("...").format(...)
        owner = function.child_by_field_name("object")
        return _message(owner) if owner is not None else ("", [])
    arguments = node.child_by_field_name("arguments")
    first = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
    strings = _message(first)[1] if first is not None else []
    return text_of(function), strings


def _mood(summary: str) -> str:
    """Return whether a summary tells what to do or what is done, "" where the first word is no known verb."""
    word = (summary.split() or [""])[0].lower()
    if word in _VERBS:
        return "imperative"
    stems = {word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ies") + "y"}
    return "third person" if word.endswith("s") and stems & _VERBS else ""
