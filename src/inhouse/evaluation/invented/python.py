"""What Python code uses, and what a repository of Python files offers."""

from __future__ import annotations

import builtins
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from inhouse.evaluation.invented.uses import Use
from inhouse.evaluation.syntax import capture, encode, syntax_tree, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from tree_sitter import Node

    from inhouse.evaluation.placed import Placed

__all__ = ["BUILTINS", "COMMON_ATTRIBUTES", "Class", "PythonNames", "python_names", "python_uses"]

BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__", "reveal_type"}
"""Names that need no import."""

_TYPES = (str, bytes, int, float, list, dict, set, tuple, object, type, BaseException, range, slice)
COMMON_ATTRIBUTES = frozenset(name for kind in _TYPES for name in dir(kind)) | {
    *("__name__", "__module__", "__qualname__", "__dict__", "__wrapped__", "__annotations__", "__code__"),
    *("send", "throw", "gi_frame", "tb_frame", "tb_next", "f_back", "f_code", "f_locals", "f_globals"),
}
"""Attributes of the language's own types."""

_QUERY = """
    (call) @call
    (attribute) @attribute
    [(import_statement) (import_from_statement)] @import
    (decorator (identifier) @name)
    (class_definition superclasses: (argument_list (identifier) @name))
    (raise_statement . (identifier) @name)
"""
_BINDINGS = """
    (function_definition name: (identifier) @bound)
    (class_definition name: (identifier) @bound)
    (parameters (_) @target)
    (lambda_parameters (_) @target)
    (assignment left: (_) @target)
    (augmented_assignment left: (_) @target)
    (named_expression name: (_) @target)
    (for_statement left: (_) @target)
    (for_in_clause left: (_) @target)
    (as_pattern_target (_) @target)
    (case_pattern (_) @target)
    (type_alias_statement left: (_) @target)
    (type_parameter (_) @target)
    (import_statement name: (_) @import)
    (import_from_statement name: (_) @import)
    (wildcard_import) @star
"""
_CLASSES = "(class_definition) @class"
_TARGETS = frozenset(
    {
        "as_pattern",
        "case_pattern",
        "class_pattern",
        "dictionary_splat_pattern",
        "list",
        "list_pattern",
        "list_splat_pattern",
        "pattern_list",
        "splat_pattern",
        "tuple",
        "tuple_pattern",
        "type",
        "union_pattern",
    }
)
_NAMED = frozenset({"default_parameter", "typed_default_parameter", "typed_parameter"})
_SELF = re.compile(r"\b(?:self|cls)\.(\w+)\s*(?:[-+*/|&^%]?=(?!=)|:)")
_MADE = re.compile(r"\.(\w+)(?:\s*:[^=\n]+)?\s*=(?!=)")
_ROOTS = frozenset({"lib", "python", "src"})
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(slots=True)
class Class:
    """What the classes of one name have, wherever the repository defines them."""

    bases: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)


@dataclass(slots=True)
class PythonNames:
    """What files offer: modules with their names, classes with their members, and every word."""

    modules: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by full name
    relative: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by the ends of those
    open_modules: set[str] = field(default_factory=set)  # star imports, __getattr__: names are not all known
    classes: dict[str, Class] = field(default_factory=lambda: defaultdict(Class))
    definitions: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)  # first names of modules of others
    words: AbstractSet[str] = field(default_factory=set)

    def members(self, name: str, seen: frozenset[str] = frozenset()) -> set[str] | None:
        """Return what a class and its bases have; None where a base is not the repository's own."""
        if name == "object":
            return set()
        if name in seen or name not in self.classes:  # a base of its own name is another module's
            return None
        found = set(self.classes[name].members)
        for base in self.classes[name].bases:
            more = self.members(base, seen | {name})
            if more is None:
                return None
            found |= more
        return found


def python_names(files: Iterable[tuple[str, str]]) -> PythonNames:
    """Read what the Python files of a tree, given as (path, text), define."""
    names = PythonNames()
    read = list(files)
    packages = {path.rpartition("/")[0] for path, _ in read if path.endswith("/__init__.py")}
    for path, text in read:
        _read_file(names, path, text, packages)
    own = {module.partition(".")[0] for module in names.modules}
    names.imported -= own
    return names


def python_uses(answer: Placed) -> tuple[list[Use], PythonNames]:
    """Return what an answer uses, and what its file binds, the answer included."""
    scope = _given_scope(answer.given).copy()
    tree = syntax_tree("python", answer.source)
    if tree is None:
        return [], PythonNames()
    root, span = tree.root_node, answer.byte_span
    scope.read(root, span)
    uses = [
        use
        for kind, nodes in capture("python", _QUERY, root, span).items()
        for node in nodes
        for use in scope.uses(kind, node)
    ]
    return list(dict.fromkeys(uses)), scope.names(answer.answer)


@lru_cache(maxsize=64)
def _given_scope(text: str) -> _Scope:
    """Return the names of a file without its answer: read once for all the answers to a task."""
    scope = _Scope(set(), set(), {}, defaultdict(Class), frozenset(_WORD.findall(text)))
    tree = syntax_tree("python", encode(text))
    if tree is not None:
        scope.read(tree.root_node, None)
    return scope


@dataclass(slots=True)
class _Scope:
    """The names of one file, all its scopes as one: what is bound anywhere is believed everywhere."""

    bound: set[str]
    local: set[str]  # of these, those that are not only imported
    modules: dict[str, tuple[str, ...]]  # name in this file -> module, or what of a module
    classes: dict[str, Class]
    words: frozenset[str]  # of the file without the answer
    star: bool = False

    def copy(self) -> _Scope:
        """Return a scope that can be read on into."""
        classes = defaultdict(
            Class, {name: Class(set(one.bases), set(one.members)) for name, one in self.classes.items()}
        )
        return _Scope(set(self.bound), set(self.local), dict(self.modules), classes, self.words, self.star)

    def read(self, root: Node, span: tuple[int, int] | None) -> None:
        """Add what a tree, or a span of it, binds."""
        captured = capture("python", _BINDINGS, root, span)
        self.local.update(text_of(node) for node in captured.get("bound", ()))
        for node in captured.get("target", ()):
            self.local.update(_names_in(node))
        self.star |= bool(captured.get("star"))
        _add_classes(self.classes, root, span)
        self.bound |= self.local
        for name, path in _imports(captured.get("import", ())):
            self.bound.add(name)
            if not path[0].startswith("."):
                self.modules[name] = path
        for name in self.local & self.modules.keys():
            del self.modules[name]

    def names(self, answer: str) -> PythonNames:
        """Return what the file offers, with the attributes that the answer itself makes."""
        return PythonNames(
            open_modules={""} if self.star else set(),
            classes=self.classes,
            definitions=self.bound,
            imported={path[0] for path in self.modules.values()},
            words=self.words | set(_MADE.findall(answer)),
        )

    def uses(self, kind: str, node: Node) -> Iterator[Use]:
        if kind == "import":
            yield from self._imported(node)
        elif kind == "attribute":
            yield from self._attribute(node)
        elif kind == "name":
            yield Use("call", (text_of(node),), "", text_of(node))
        else:
            function = node.child_by_field_name("function")
            if function is not None and function.type == "identifier":
                yield Use("call", (text_of(function),), "", text_of(function))

    def _imported(self, node: Node) -> Iterator[Use]:
        shown = " ".join(text_of(node).split())
        if node.type == "import_statement":
            for name in node.children_by_field_name("name"):
                module = text_of(name.child_by_field_name("name") or name)
                yield Use("import", tuple(module.split(".")), "module", f"import {module}")
            return
        module = text_of(node.child_by_field_name("module_name"))
        path = tuple(module.split(".")) if not module.startswith(".") else (module,)
        brought = [
            text_of(name.child_by_field_name("name") or name) for name in node.children_by_field_name("name")
        ]
        if not brought:
            yield Use("import", path, "module", shown)
        for each in brought:
            yield Use("import", (*path, each), "module", f"from {module} import {each}")

    def _attribute(self, node: Node) -> Iterator[Use]:
        if _is_assigned(node):
            return
        parts = _dotted(node)
        shown = " ".join(text_of(node).split())[-60:]
        if parts is None:
            yield Use("attribute", (text_of(node.child_by_field_name("attribute")),), "", shown)
        elif parts[0] in self.modules:
            if node.parent is None or node.parent.type != "attribute":
                yield Use("attribute", (*self.modules[parts[0]], *parts[1:]), "module", shown)
        elif len(parts) == 2 and parts[0] in ("self", "cls") and (owner := _class_around(node)):
            yield Use("attribute", (owner, parts[1]), "class", shown)
        elif len(parts) == 2 and parts[0] in self.classes:
            yield Use("attribute", tuple(parts), "class", shown)
        else:
            yield Use("attribute", (parts[-1],), "", shown)


def _read_file(names: PythonNames, path: str, text: str, packages: set[str]) -> None:
    tree = syntax_tree("python", text.encode("utf-8", "replace"))
    names.words |= set(_WORD.findall(text))
    if tree is None:
        return
    _add_classes(names.classes, tree.root_node, None)
    captured = capture("python", _BINDINGS, tree.root_node)
    top: set[str] = set()
    for node in captured.get("bound", ()):
        names.definitions.add(text_of(node))
        top.add(text_of(node))
    for node in captured.get("target", ()):
        if _is_at_top(node):
            top.update(_names_in(node))
    bound = list(_imports(captured.get("import", ())))
    top.update(name for name, _ in bound)
    names.imported.update(module[0] for _, module in bound if not module[0].startswith("."))
    is_open = bool(captured.get("star")) or "__getattr__" in top
    _add_module(names, path, top, packages, is_open=is_open)


def _add_module(names: PythonNames, path: str, top: set[str], packages: set[str], *, is_open: bool) -> None:
    """Enter a module under the names by which it may be imported, and into the packages around it."""
    parts = path.removesuffix(".pyi").removesuffix(".py").removesuffix("/__init__").split("/")
    for first in range(len(parts)):
        name = ".".join(parts[first:])
        outer, folder = "/".join(parts[:first]), parts[0]
        full = outer not in packages and (
            (first <= 1 and (not outer or folder in _ROOTS)) or _is_in_package(parts, first, packages)
        )
        for table in (names.relative, names.modules) if full else (names.relative,):
            table[name] |= top
            for last in range(first + 1, len(parts)):
                table[".".join(parts[first:last])].add(parts[last])
        if is_open:
            names.open_modules.add(name)


def _is_in_package(parts: list[str], first: int, packages: set[str]) -> bool:
    """Are all the folders between an import root and a module packages?"""
    return all("/".join(parts[:last]) in packages for last in range(first + 1, len(parts)))


def _add_classes(classes: dict[str, Class], root: Node, span: tuple[int, int] | None) -> None:
    for node in capture("python", _CLASSES, root, span).get("class", ()):
        found = classes[text_of(node.child_by_field_name("name"))]
        listed = text_of(node.child_by_field_name("superclasses")).strip("()")
        bases = [base.strip() for base in re.sub(r"\[.*?\]", "", listed).split(",")]
        found.bases |= {base.rpartition(".")[2] for base in bases if base and "=" not in base}
        found.bases |= {
            f"={base}" for base in bases if "metaclass" in base
        }  # never a class: members are unknown
        body = text_of(node.child_by_field_name("body"))
        found.members |= set(_SELF.findall(body)) | set(
            re.findall(r"^\s*(?:async )?(?:def|class)\s+(\w+)", body, re.M)
        )
        found.members |= set(re.findall(r"^\s*(\w+)\s*(?:=(?!=)|:)", body, re.M))
        if "__getattr__" in found.members or "setattr(" in body or "__slots__" in body:
            found.bases.add("=dynamic")


def _imports(nodes: Iterable[Node]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (bound name, what it stands for) of the names in import statements."""
    for name in nodes:
        statement = name.parent
        while statement is not None and not statement.type.startswith("import"):
            statement = statement.parent
        written = text_of(name.child_by_field_name("name") or name)
        alias = text_of(name.child_by_field_name("alias"))
        if statement is None or statement.type == "import_statement":
            parts = tuple(written.split("."))
            yield (alias, parts) if alias else (parts[0], parts[:1])
        else:
            module = text_of(statement.child_by_field_name("module_name"))
            path = (module,) if module.startswith(".") else tuple(module.split("."))
            yield alias or written, (*path, written)


def _names_in(node: Node) -> Iterator[str]:
    """Yield the names that a target, a parameter or a pattern binds."""
    if node.type == "identifier":
        yield text_of(node)
    elif node.type in _NAMED:
        name = node.child_by_field_name("name") or (node.named_child(0) if node.named_child_count else None)
        if name is not None:
            yield from _names_in(name)
    elif node.type == "dotted_name" and node.named_child_count == 1:
        yield text_of(node)
    elif node.type in _TARGETS:
        for child in node.named_children:
            yield from _names_in(child)


def _dotted(node: Node) -> list[str] | None:
    """Return the names of a chain such as os.path.join, None when it begins with anything but a name."""
    parts: list[str] = []
    inner: Node | None = node
    while inner is not None and inner.type == "attribute":
        parts.append(text_of(inner.child_by_field_name("attribute")))
        inner = inner.child_by_field_name("object")
    if inner is None or inner.type != "identifier":
        return None
    return [text_of(inner), *reversed(parts)]


def _is_assigned(node: Node) -> bool:
    """Is this where an attribute is made?"""
    parent = node.parent
    return parent is not None and parent.type == "assignment" and parent.child_by_field_name("left") == node


def _class_around(node: Node) -> str:
    parent = node.parent
    while parent is not None and parent.type != "class_definition":
        parent = parent.parent
    return text_of(parent.child_by_field_name("name")) if parent is not None else ""


def _is_at_top(node: Node) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.type in ("class_definition", "function_definition", "lambda"):
            return False
        parent = parent.parent
    return True
