"""Records to rows and back, the same in every database.

The text of a chunk is kept as bytes: source may hold what no database takes for text.
"""

from __future__ import annotations

import json
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from inhouse.records import Chunk, Reference
from inhouse.retrieval.store import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.records import Symbol
    from inhouse.retrieval.store import FileRow

__all__ = [
    "CHUNK",
    "FILE",
    "REFERENCE",
    "SYMBOL",
    "chunk_of",
    "chunk_row",
    "file_row",
    "prefixed",
    "reference_of",
    "reference_place",
    "reference_row",
    "symbol_place",
    "symbol_row",
    "text_of",
    "unit",
]

FILE = "path, digest, language, state, errors, reason"
CHUNK = 'symbol, scope, imports, start_line, end_line, start, "end", text, defines, tokens'
SYMBOL = 'name, qualified_name, kind, start_line, end_line, start, "end", signature, docstring, body'
REFERENCE = 'scope, kind, name, bound, line, start, "end"'
_KEPT = 10_000
_ROUNDING = 1e-6  # of a length in single precision
_symbol_values = attrgetter(*SYMBOL.replace('"', "").split(", "))


def prefixed(table: str, columns: str) -> str:
    """Return columns with the table that they belong to."""
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))


def file_row(file: FileRow) -> tuple[Any, ...]:
    """Return the columns of `FILE`."""
    return tuple(printable(value) if isinstance(value, str) else value for value in file)


def chunk_row(chunk: Chunk) -> tuple[Any, ...]:
    """Return the columns of `CHUNK`."""
    return (
        printable(chunk.symbol),
        _json(chunk.scope),
        _json(chunk.imports),
        chunk.start_line,
        chunk.end_line,
        chunk.start,
        chunk.end,
        chunk.text.encode("utf-8", "surrogatepass"),
        _json(chunk.defines),
        chunk.tokens,
    )


def chunk_of(row: Sequence[Any]) -> Chunk:
    """Return the chunk of (path, language) and the columns of `CHUNK`."""
    path, language, symbol, scope, imports, start_line, end_line, start, end, text, defines, tokens = row
    return Chunk(
        path,
        language,
        symbol,
        _tuple(scope),
        _tuple(imports),
        start_line,
        end_line,
        start,
        end,
        text_of(text),
        _tuple(defines),
        tokens,
    )


def symbol_row(symbol: Symbol) -> tuple[Any, ...]:
    """Return the columns of `SYMBOL`."""
    return tuple(printable(value) if isinstance(value, str) else value for value in _symbol_values(symbol))


def symbol_place(symbol: Symbol) -> tuple[Any, ...]:
    """Return what definitions are sorted by."""
    return (symbol.path, symbol.start, symbol.end, symbol.qualified_name, symbol.kind)


def reference_row(reference: Reference) -> tuple[Any, ...]:
    """Return the columns of `REFERENCE`."""
    return (
        printable(reference.scope),
        reference.kind,
        printable(reference.name),
        _json(reference.bound),
        reference.line,
        reference.start,
        reference.end,
    )


def reference_of(row: Sequence[Any]) -> Reference:
    """Return the reference of a path and the columns of `REFERENCE`."""
    path, scope, kind, name, bound, line, start, end = row
    return Reference(path, scope, kind, name, _pairs(bound), line, start, end)


def reference_place(reference: Reference) -> tuple[Any, ...]:
    """Return what references are sorted by."""
    return (reference.path, reference.start, reference.end, reference.kind, reference.name)


# A search reads thousands of these; most are empty, or what the neighbours in the file have.
@lru_cache(maxsize=_KEPT)
def _tuple(value: str) -> tuple[Any, ...]:
    return tuple(json.loads(value))


@lru_cache(maxsize=_KEPT)
def _pairs(value: str) -> tuple[tuple[str, str], ...]:
    return tuple((here, there) for here, there in json.loads(value))


def text_of(value: bytes) -> str:
    """Return the text of a chunk."""
    return value.decode("utf-8", "surrogatepass")


def unit(vector: np.ndarray) -> np.ndarray:
    """Return a vector of length 1 in its direction; zeros, and one of that length, stay as they are."""
    values = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(values))
    return values if length == 0.0 or abs(length - 1.0) < _ROUNDING else values / np.float32(length)


@lru_cache(maxsize=_KEPT)
def _json(value: tuple[Any, ...]) -> str:
    return json.dumps(value) if value else "[]"  # in ASCII: lone surrogates come back as they were
