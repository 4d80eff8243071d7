"""What source files say: definitions, imports, calls, mentions, comments; one file per language."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from inhouse.languages.detect import CODE, detect, is_code, is_test
from inhouse.languages.keys import configuration_keys
from inhouse.languages.parsed import Call, Comment, Import, Mention, Parsed
from inhouse.languages.types import parameters, plain_type, returned

if TYPE_CHECKING:
    from tree_sitter import Node

    from inhouse.languages.grammar import Grammar

__all__ = [
    "CODE",
    "Call",
    "Comment",
    "Import",
    "Mention",
    "Parsed",
    "configuration_keys",
    "detect",
    "grammar_versions",
    "is_code",
    "is_test",
    "parameters",
    "parse",
    "plain_type",
    "returned",
    "syntax_tree",
]


def parse(path: str, text: str, language: str | None = None) -> Parsed:
    """Parse a file; what parses is kept even where the rest does not.

    `language` is detected when it is None. A language without a grammar gives a `Parsed` that holds nothing.
    """
    language = detect(path, text) if language is None else language
    grammar = _grammar_of(path, language)
    if grammar is None:
        return Parsed(language)
    from inhouse.languages.treesitter import parse_with

    return parse_with(grammar, path, text)


def syntax_tree(path: str, text: str, language: str) -> Node | None:
    """Return the root of a file's syntax tree, errors and all; its offsets are bytes of the text.

    None without a grammar, and where a parse would cost too much.
    """
    grammar = _grammar_of(path, language)
    if grammar is None:
        return None
    from inhouse.languages.treesitter import tree_with

    return tree_with(grammar, text)


def grammar_versions() -> dict[str, str]:
    """Return the version of the parser and of each grammar wheel: another version may give other symbols."""
    from importlib.metadata import version  # half as slow to import as all the rest

    wheels = sorted({"tree-sitter", *(grammar.distribution for grammar in _grammars().values())})
    return {wheel: version(wheel) for wheel in wheels}


def _grammar_of(path: str, language: str) -> Grammar | None:
    is_tsx = language == "typescript" and path.lower().endswith("tsx")
    return _grammars().get("tsx" if is_tsx else language)


@cache
def _grammars() -> dict[str, Grammar]:
    from inhouse.languages.c import C
    from inhouse.languages.cpp import Cpp
    from inhouse.languages.go import Go
    from inhouse.languages.java import Java
    from inhouse.languages.javascript import JavaScript
    from inhouse.languages.python import Python
    from inhouse.languages.rust import Rust
    from inhouse.languages.typescript import Tsx, TypeScript

    return {
        "c": C(),
        "cpp": Cpp(),
        "go": Go(),
        "java": Java(),
        "javascript": JavaScript(),
        "python": Python(),
        "rust": Rust(),
        "tsx": Tsx(),
        "typescript": TypeScript(),
    }
