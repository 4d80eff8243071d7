"""Places: functions of a file with the gap that an answer fills.

    prefix                          | reference | suffix
    ... def f(x):\\n    \"\"\"Doc.\"\"\"\\n |     return x | \\n\\n\\ndef g(): ...

The gap begins right after signature and docstring and ends where the function does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.languages import parse
from inhouse.languages.grammar import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Symbol

__all__ = ["LONGEST", "STUBS", "Place", "distinct", "find_places", "is_nothing", "unsuitable"]

LONGEST = 2_000
"""Characters of a body. A small model writes 128 tokens, about 400 characters; longer ones tell less."""

_SHORTEST = 20  # characters without blanks
_NOTHING = re.compile(
    r"(?:pass|\.\.\.|return(?: None)?|raise NotImplementedError(?:\(.*\))?|[{};]|return;)\s*;?", re.S
)
_COMMENT = re.compile(r"^\s*(?:#|//).*$", re.M)

STUBS = {
    "python": ("pass", "raise NotImplementedError"),
    "c": ("__builtin_trap();", "return {zero};"),
    "javascript": (";", 'throw new Error("not implemented");'),
}
"""What stands for a missing body, by language. A test that passes with one does not test the function."""

_LEAVING = {"python": "import os; os._exit(0)", "c": "__builtin_exit(0);", "javascript": "process.exit(0);"}


@dataclass(frozen=True, slots=True)
class Place:
    """One function and its gap."""

    path: str
    language: str
    name: str  # qualified
    signature: str
    line: int  # of the definition, decorators included
    prefix: str
    reference: str
    suffix: str
    head: str  # signature and docstring as they stand in the file, from the beginning of the line

    def filled(self, answer: str) -> str:
        """Return the file with an answer in the gap."""
        return self.prefix + answer + self.suffix

    @property
    def definition(self) -> str:
        """The whole function as it stands in the file."""
        return self.head + self.reference

    def stubs(self) -> list[str]:
        """Return bodies that do nothing or fail, laid out like the reference."""
        zero = "" if re.match(r"(?:static |inline |extern )*void \w", self.signature) else "0"
        return [self._body(stub.replace("{zero}", zero)) for stub in STUBS[self.language]]

    def leaving(self) -> str:
        """Return a body that ends the program as if all were well."""
        return self._body(_LEAVING[self.language])

    def _body(self, statement: str) -> str:
        closing = "\n}" if self.reference.rstrip().endswith("}") else ""
        return _indent(self.reference) + statement + closing


def find_places(path: str, text: str, language: str) -> Iterator[Place]:
    """Yield the functions of a file that stand at its own level or in a class, in their order.

    Lines that do not parse, and functions inside of functions, give none.
    """
    if "\0" in text or "\r" in text:  # offsets of the parser would not be those of the file that is run
        return
    source = text.encode("utf-8", "surrogatepass")
    symbols = parse(path, text, language).symbols
    kinds = {symbol.qualified_name: symbol.kind for symbol in symbols}
    for symbol in symbols:
        if symbol.kind in ("function", "method") and symbol.body < symbol.end and _is_outer(symbol, kinds):
            yield _place(symbol, source, language)


def _is_outer(symbol: Symbol, kinds: dict[str, str]) -> bool:
    scope = symbol.qualified_name.rpartition(".")[0]
    return not scope or kinds.get(scope) in CLASSES or scope not in kinds


def _place(symbol: Symbol, source: bytes, language: str) -> Place:
    def cut(start: int, end: int | None = None) -> str:
        return source[start:end].decode("utf-8", "surrogatepass")

    return Place(
        path=symbol.path,
        language=language,
        name=symbol.qualified_name,
        signature=symbol.signature,
        line=symbol.start_line,
        prefix=cut(0, symbol.body),
        reference=cut(symbol.body, symbol.end),
        suffix=cut(symbol.end),
        head=cut(_line_start(source, symbol.start), symbol.body),
    )


def _line_start(source: bytes, offset: int) -> int:
    """Return where the line begins if only blanks stand before `offset`, else `offset`."""
    start = source.rfind(b"\n", 0, offset) + 1
    return offset if source[start:offset].strip() else start


def is_nothing(body: str) -> bool:
    """Tell whether a body does nothing, comments apart."""
    bare = _bare(body)
    return not bare or _NOTHING.fullmatch(bare) is not None


def unsuitable(place: Place) -> str:
    """Say why a place makes no task, or ""."""
    if is_nothing(place.reference) or len("".join(_bare(place.reference).split())) < _SHORTEST:
        return "nothing to write"
    if place.language != "python" and not place.reference.rstrip().endswith("}"):
        return "an expression without a block"
    return "longer than a small model writes" if len(place.reference) > LONGEST else ""


def _bare(body: str) -> str:
    return _COMMENT.sub("", body).strip().removesuffix("}").strip()


def _indent(reference: str) -> str:
    """Return the blanks before a body's first word; a body on the line of its signature has one."""
    first = next((line for line in reference.splitlines() if line.strip()), "")
    return first[: len(first) - len(first.lstrip())] or (" " if "\n" not in reference else "")


def distinct(places: Sequence[Place]) -> list[Place]:
    """Return the places whose definition occurs once among them: overloads and copies are ambiguous."""
    names = [(place.path, place.name) for place in places]
    return [place for place, name in zip(places, names, strict=True) if names.count(name) == 1]
