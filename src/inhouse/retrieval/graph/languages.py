"""Which rules follow the names of a language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.graph.c import C
from inhouse.retrieval.graph.cpp import Cpp
from inhouse.retrieval.graph.go import Go
from inhouse.retrieval.graph.java import Java
from inhouse.retrieval.graph.javascript import JavaScript
from inhouse.retrieval.graph.python import Python
from inhouse.retrieval.graph.rust import Rust

if TYPE_CHECKING:
    from collections.abc import Callable

    from inhouse.retrieval.graph.resolver import Resolver
    from inhouse.retrieval.graph.view import View

__all__ = ["resolver_of"]

_RESOLVERS: dict[str, Callable[[View], Resolver]] = {
    "c": C,
    "cpp": Cpp,
    "go": Go,
    "java": Java,
    "javascript": JavaScript,
    "python": Python,
    "rust": Rust,
    "typescript": JavaScript,
}


def resolver_of(language: str) -> Callable[[View], Resolver] | None:
    """Return the rules of a language, None for one that has none."""
    return _RESOLVERS.get(language)
