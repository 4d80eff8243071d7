"""Parsed files, in the shapes that the tests compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.languages import parse

if TYPE_CHECKING:
    from inhouse.records import Symbol


def symbols(path: str, text: str) -> dict[str, Symbol]:
    """Return the symbols by qualified name; the text must parse without an error."""
    parsed = parse(path, text)
    assert parsed.errors == 0
    return {symbol.qualified_name: symbol for symbol in parsed.symbols}


def kinds(path: str, text: str) -> list[tuple[str, str]]:
    """Return (qualified name, kind) in source order."""
    return [(name, symbol.kind) for name, symbol in symbols(path, text).items()]


def body(text: str, symbol: Symbol) -> str:
    """Return what stands behind the signature and the docstring."""
    return text.encode()[symbol.body : symbol.end].decode()


def imports(path: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return (module, bound names)."""
    return [(item.module, item.names) for item in parse(path, text).imports]


def calls(path: str, text: str) -> list[tuple[str, str]]:
    """Return (name, scope)."""
    return [(call.name, call.scope) for call in parse(path, text).calls]
