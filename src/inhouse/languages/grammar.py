"""What a language has to say about itself: its grammar, its query, and the few places where they differ.

Every query uses the same capture names:

    @function @class @struct @enum @union @interface @trait @type @macro @constant @module @impl
                 a definition of that kind
    @wrapper     a node whose last child is a definition and that belongs to it (decorators, template<...>)
    @attribute   what belongs to the definition that comes next (#[test])
    @import @call @comment
    @inherit     the name of a base, inside of its class
    @applied     what is called without parentheses: a decorator
    @used        the name of a type that is used
    @bind        an assignment or a declaration that may tell what a variable is
    @export      what others may import from this file
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = [
    "CLASSES",
    "KINDS",
    "MAX_CHAIN",
    "SCOPES",
    "VALUES",
    "Binding",
    "Definition",
    "Grammar",
    "Imported",
    "clean_comment",
    "skip_blank",
    "span",
    "text",
]

CLASSES = frozenset({"class", "struct", "enum", "union", "interface", "trait", "impl"})
"""Kinds whose functions are methods."""

SCOPES = CLASSES | {"function", "method", "module"}
"""Kinds that qualify the names inside them."""

VALUES = frozenset({"macro", "constant"})
"""Kinds whose body is a value."""

KINDS = SCOPES | VALUES | {"type"}

_SHORT_VALUE = 120  # bytes of a definition that is shown whole in its signature

_MARKERS = re.compile(r"^\s*(?:/\*[*!]*|//[/!]?|\*(?!/)|#+:?)[ \t]?|[ \t]*\**\*/\s*$", re.M)
_AFTER_OPENING = re.compile(r"(?<=[(\[{<])\s*\n\s*")
_BEFORE_CLOSING = re.compile(r",?\s*\n\s*(?=[)\]}>])")
_LINE_BREAK = re.compile(r"\s*\n\s*")
_BLANK = re.compile(rb"[ \t\f\r]*(?:\n|\Z)")


class Definition(NamedTuple):
    """A definition before its place in the file is known. Offsets are bytes of the file."""

    kind: str
    name: str  # "Class.method" where the definition itself names its class
    start: int  # decorators and the like included
    head: int  # where the signature begins
    signature_end: int
    body: int
    end: int
    start_line: int
    end_line: int
    docstring: str = ""
    tail: int = 0  # what stands between here and `end` closes the signature; 0 for nothing


class Imported(NamedTuple):
    """A module that a statement imports."""

    module: str  # as written
    names: tuple[str, ...]  # what this file calls it, or what is taken out of it
    bound: tuple[tuple[str, str], ...]  # (name here, name there), as in `parsed.Import`


class Binding(NamedTuple):
    """What a variable is, by the statement that gives it its value."""

    kind: str  # "call": the value of this call; "type": of this type; "bind": the value of this variable
    variable: str
    node: Node


MAX_CHAIN = 12
"""Calls on what the call before gives that are followed back."""


class Grammar:
    """One language. The base class fits languages with braces; a language overrides what differs."""

    language = ""
    distribution = ""  # the wheel that carries the grammar
    prototypes = False  # are there declarations that repeat a definition of the same file?
    query = ""
    import_keyword = ""  # what an import says before it, where the query captures less than a statement
    begins = re.compile(rb"(?!(?:else|catch|finally|case|default|while)\b|\w+\s*:(?!:))(?:[A-Za-z_~@$]|#\[)")
    """A line, without its indentation, that may begin a definition; a label does not."""
    container = re.compile(
        rb"[^;{}=()]*\b(?:class|interface|enum|struct|trait|impl|namespace|mod|union)\b[^;=()]*$"
    )
    """The first line of a definition that holds others."""
    space = re.compile(rb"(?!)")
    """The first line of one whose members may stand at its own indentation."""

    def load(self) -> object:
        """Return the compiled grammar."""
        raise NotImplementedError

    def define(self, node: Node, kind: str, source: bytes) -> Definition | None:
        """Return the definition that `node` is, or None when it is none after all."""
        name = self.name(node, source)
        if not name:
            return None
        start, end = span(node, source)
        line = node.start_point[0] + 1
        signature_end, offset = self.extent(node, kind, source)
        return Definition(
            kind=self.kind(node, kind),
            name=name,
            start=start,
            head=start,
            signature_end=min(signature_end, end),
            body=min(offset, end),
            end=end,
            start_line=line,
            end_line=line + source.count(b"\n", start, end),
        )

    def kind(self, node: Node, kind: str) -> str:  # noqa: ARG002
        """Return the kind of a definition that the query captured as `kind`."""
        return kind

    def name(self, node: Node, source: bytes) -> str:
        """Return the name that `node` defines, "" for none."""
        return text(node.child_by_field_name("name"), source)

    def body(self, node: Node) -> Node | None:
        """Return the body of a definition."""
        return node.child_by_field_name("body")

    def value(self, node: Node) -> Node | None:
        """Return the value of a constant or a macro."""
        return node.child_by_field_name("value")

    def extent(self, node: Node, kind: str, source: bytes) -> tuple[int, int]:
        """Return where the signature ends and where the body begins; a short value belongs to both."""
        if kind in VALUES:
            value, (start, end) = self.value(node), span(node, source)
            if value is None:
                return end, end
            is_short = end - start <= _SHORT_VALUE and b"\n" not in source[start:end]
            return (end if is_short else value.start_byte), value.start_byte
        body = self.body(node)
        return (node.end_byte, node.end_byte) if body is None else self.split(body, source)

    def split(self, body: Node, source: bytes) -> tuple[int, int]:
        """Return where the signature ends and where the body begins, behind its opening brace."""
        start = body.start_byte
        inside = start + 1 if source[start : start + 1] == b"{" else start
        return start, skip_blank(source, inside) if inside > start else start

    def imports(self, node: Node, source: bytes) -> Iterator[Imported]:
        """Yield the modules of an import statement."""
        raise NotImplementedError

    def bindings(self, node: Node, source: bytes) -> Iterator[Binding]:  # noqa: ARG002
        """Yield what a captured @bind says of variables."""
        yield from ()

    def exports(self, node: Node, source: bytes) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Yield (name for others, name in this file) of a captured @export."""
        yield from ()

    def callee(self, node: Node) -> tuple[int, int]:
        """Return the byte span of what a call calls."""
        function = node.child_by_field_name("function")
        return node.byte_range if function is None else function.byte_range

    def chained(self, node: Node, source: bytes) -> tuple[str, str] | None:  # noqa: ARG002
        """Return the name of what is called and the value that it is a member of, as `Box().open()`.

        "" for a value that cannot be followed; None where the text of the callee tells as much.
        """
        return None

    def mark(self, node: Node) -> str:  # noqa: ARG002
        """Return what a call's name ends with besides: "!" where it is that of a macro by the syntax."""
        return ""

    def prepare(self, source: bytes) -> bytes:
        """Return a source of the same length without what the grammar would read as something else."""
        return source

    def repair(self, source: bytes) -> bytes | None:  # noqa: ARG002
        """Return a source of the same length that may parse better, or None."""
        return None

    def hopeless(self, source: bytes) -> bool:  # noqa: ARG002
        """Tell whether the grammar is known to need unbounded memory for this source."""
        return False


def text(node: Node | None, source: bytes) -> str:
    """Return the source text of a node, "" for None."""
    return "" if node is None else source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def span(node: Node, source: bytes) -> tuple[int, int]:
    """Return the byte span of a node without the white space that some grammars leave at its end."""
    start, end = node.start_byte, node.end_byte
    while end > start and source[end - 1] in b" \t\r\n\f":
        end -= 1
    return start, end


def skip_blank(source: bytes, offset: int) -> int:
    """Return the start of the next line when only blanks follow `offset` on its line, else `offset`."""
    blank = _BLANK.match(source, offset)
    return blank.end() if blank else offset


def one_line(source: bytes) -> str:
    """Return source text on one line, as a formatter would join it."""
    joined = source.decode("utf-8", "replace").strip()
    if "\n" not in joined:
        return joined
    return _LINE_BREAK.sub(" ", _BEFORE_CLOSING.sub("", _AFTER_OPENING.sub("", joined)))


def clean_comment(comment: str) -> str:
    """Return the words of a comment without its markers."""
    return "\n".join(line.rstrip() for line in _MARKERS.sub("", comment).strip().splitlines())
