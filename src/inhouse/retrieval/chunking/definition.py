"""Definition: a class or function that fits is one chunk, a larger one is cut at what it holds.

    imports and constants | def a | def b | class C: header | C.first | C.second | rest

A function that does not fit is cut at blank lines. The strategies `function` and `hierarchical` cut by the
same walk with other rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inhouse.retrieval.chunking.source import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Symbol
    from inhouse.retrieval.chunking.source import Source

__all__ = ["FUNCTIONS", "Rules", "cut", "outermost", "walk"]

FUNCTIONS = frozenset({"function", "method"})


class Rules(NamedTuple):
    """Which definitions stay whole."""

    classes_that_fit: bool  # else every class is cut at its members
    all_functions: bool  # however long; else those that fit


def cut(source: Source) -> Iterator[Part]:
    """Yield the parts of a file."""
    return walk(source, Rules(classes_that_fit=True, all_functions=False))


def walk(source: Source, rules: Rules) -> Iterator[Part]:
    """Yield definitions and what stands between them, which together are the file."""
    yield from _cut(Part(0, len(source.bytes)), source.definitions, source, rules)


def outermost(symbols: Sequence[Symbol]) -> Iterator[tuple[Symbol, list[Symbol]]]:
    """Yield each definition that no other one holds, with those that it holds."""
    place = 0
    while place < len(symbols):
        outer = symbols[place]
        place += 1
        inner = []
        while place < len(symbols) and symbols[place].start < outer.end:
            inner.append(symbols[place])
            place += 1
        yield outer, inner


def _cut(part: Part, symbols: Sequence[Symbol], source: Source, rules: Rules) -> Iterator[Part]:
    at = part.start
    for symbol, inner in outermost(symbols):
        start = max(at, source.line_start(symbol.start))
        end = min(part.end, source.line_end(symbol.end))
        start = source.above(at, start)
        if end <= start:
            continue  # another definition on the same line has it
        end = source.blank_after(end, part.end)
        yield from _fill(Part(at, start, part.symbol, part.scope), source)
        yield from _definition(Part(start, end, symbol, part.scope), inner, source, rules)
        at = end
    yield from _fill(Part(at, part.end, part.symbol, part.scope), source)


def _definition(part: Part, inner: Sequence[Symbol], source: Source, rules: Rules) -> Iterator[Part]:
    symbol = part.symbol
    is_function = symbol is not None and symbol.kind in FUNCTIONS
    fits = part.end - part.start <= source.max_bytes
    if is_function and rules.all_functions:
        yield part
    elif symbol is None or not inner or (fits and (is_function or rules.classes_that_fit)):
        yield from _fill(part, source)
    else:
        inside = Part(part.start, part.end, symbol, (*part.scope, symbol.signature))
        yield from _cut(inside, inner, source, rules)


def _fill(part: Part, source: Source) -> Iterator[Part]:
    """Yield a span in pieces of at most `max_bytes`."""
    start = part.start
    while part.end - start > source.max_bytes:
        end = source.best_cut(start, start + source.max_bytes)
        yield part._replace(start=start, end=end)
        start = end
    if start < part.end:
        yield part._replace(start=start)
