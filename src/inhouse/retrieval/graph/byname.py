"""Definitions by their name alone: what is left where nothing says what a name is bound to."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from inhouse.retrieval.graph.view import nearest
from inhouse.retrieval.store import simple_name

if TYPE_CHECKING:
    from inhouse.records import Reference, Symbol
    from inhouse.retrieval.graph.view import View

__all__ = ["MOST", "by_name"]

MOST = 5
"""Candidates that are named; more say nothing."""

_DECLARED = (".d.ts", ".d.mts", ".d.cts")  # files that say what others define
_MEMBERS = frozenset({"function", "method"})
_OF_PYTHON = frozenset(
    name
    for kind in (str, bytes, list, dict, set, tuple, int, float, io.StringIO, io.BytesIO, Exception)
    for name in dir(kind)
)
# fmt: off
_OF_SCRIPTS = frozenset({
    "apply", "bind", "call", "catch", "charAt", "concat", "constructor", "endsWith", "entries", "every",
    "filter", "finally", "find", "findIndex", "flat", "flatMap", "forEach", "get", "has",
    "hasOwnProperty", "includes", "indexOf", "join", "keys", "length", "map", "match", "next", "pop",
    "push", "reduce", "replace", "reverse", "set", "shift", "slice", "some", "sort", "splice", "split",
    "startsWith", "substring", "test", "then", "toLowerCase", "toString", "toUpperCase", "trim",
    "unshift", "values",
})
_OF_JAVA = frozenset({
    "accept", "add", "addAll", "and", "append", "apply", "asList", "call", "cast", "charAt", "clear",
    "clone", "close", "collect", "compare", "compareTo", "concat", "contains", "containsAll",
    "containsKey", "containsValue", "count", "delete", "endsWith", "entrySet", "equals",
    "equalsIgnoreCase", "filter", "find", "findFirst", "flush", "forEach", "format", "get", "getBytes",
    "getCause", "getClass", "getKey", "getMessage", "getName", "getOrDefault", "getSimpleName",
    "getValue", "group", "hasNext", "hashCode", "ifPresent", "indexOf", "insert", "isAssignableFrom",
    "isEmpty", "isInstance", "isPresent", "iterator", "join", "keySet", "lastIndexOf", "length", "limit",
    "lock", "map", "matcher", "matches", "name", "negate", "newInstance", "next", "of", "or", "orElse",
    "ordinal", "parse", "print", "println", "put", "putAll", "read", "remove", "removeAll", "removeIf",
    "replace", "replaceAll", "retainAll", "reverse", "run", "set", "setLength", "setValue", "size",
    "sort", "split", "start", "startsWith", "stream", "subList", "subSequence", "substring", "test",
    "toArray", "toCharArray", "toLowerCase", "toString", "toUpperCase", "trim", "unlock", "valueOf",
    "values", "write",
})
_OF_GO = frozenset({
    "Close", "Error", "Len", "Less", "Read", "String", "Swap", "Unwrap", "Write",
})
_OF_RUST = frozenset({
    "as_bytes", "as_mut", "as_ref", "as_slice", "as_str", "borrow", "clone", "cmp", "collect",
    "contains", "default", "deref", "drop", "eq", "expect", "extend", "filter", "find", "fmt", "from",
    "get", "hash", "insert", "into", "into_iter", "is_empty", "is_none", "is_ok", "is_some", "iter",
    "join", "len", "lock", "map", "map_err", "next", "ok", "parse", "pop", "push", "push_str", "read",
    "remove", "send", "spawn", "split", "to_owned", "to_string", "trim", "try_from", "unwrap",
    "unwrap_or", "write",
})
_OF_CPP = frozenset({
    "append", "at", "back", "begin", "c_str", "clear", "count", "data", "empty", "end", "erase", "find",
    "first", "front", "get", "insert", "length", "pop_back", "push_back", "reserve", "reset", "resize",
    "second", "size", "str", "substr", "swap",
})
# fmt: on
_BUILT_IN = {
    "python": _OF_PYTHON,
    "javascript": _OF_SCRIPTS,
    "typescript": _OF_SCRIPTS,
    "java": _OF_JAVA,
    "go": _OF_GO,
    "rust": _OF_RUST,
    "cpp": _OF_CPP,
}


def by_name(view: View, reference: Reference) -> tuple[list[Symbol], bool]:
    """Return the members that a call on something unknown may mean, nearest first, and whether it is one.

    Names that the language's own types have are no hint at all. Tests define things for tests.
    """
    name = simple_name(reference.name)
    language = view.file(reference.path).language
    if name.startswith("__") or name in _BUILT_IN.get(language, ()):
        return [], False
    found = [
        symbol
        for symbol in view.named(name, reference.path)
        if symbol.kind in _MEMBERS and _is_member(view, symbol) and _is_known(view, symbol, reference)
    ]
    if not view.file(reference.path).is_test:
        found = [symbol for symbol in found if not view.file(symbol.path).is_test]
    found = [symbol for symbol in found if not symbol.path.endswith(_DECLARED)] or found
    targets = {(symbol.path, symbol.qualified_name): symbol for symbol in found}
    paths = {
        path: place for place, path in enumerate(nearest(reference.path, sorted({one[0] for one in targets})))
    }
    ordered = sorted(targets.values(), key=lambda symbol: (paths[symbol.path], symbol.start))
    return ordered[:MOST], len(targets) == 1


def _is_member(view: View, symbol: Symbol) -> bool:
    """Tell a method, or a function that is given to a member, from a function inside of another."""
    above = view.file(symbol.path).symbols.get(symbol.qualified_name.rpartition(".")[0])
    return "." in symbol.qualified_name and (above is None or above.kind not in _MEMBERS)


def _is_known(view: View, symbol: Symbol, reference: Reference) -> bool:
    """Tell whether a definition is known where it is referred to: one inside a function only in there."""
    symbols = view.file(symbol.path).symbols
    scope = symbol.qualified_name.rpartition(".")[0]
    while scope:
        if scope in symbols and symbols[scope].kind in _MEMBERS:
            return reference.path == symbol.path and f"{reference.scope}.".startswith(f"{scope}.")
        scope = scope.rpartition(".")[0]
    return True
