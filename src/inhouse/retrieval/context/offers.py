"""What may be shown: a span of a file in full, and the signatures that stand for it where room is short."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.retrieval.context.marks import lines_mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Chunk, Hit, Symbol

__all__ = ["Offer", "Part", "Signature", "offer_of", "outline_of", "runs"]

BODY, SIGNATURE, PATH = "body", "signature", "path"

_INDENT = "    "
_NO_SIGNATURE = ("#", "//", "/*", "*", "@")  # comments and decorators above a definition
_VALUES = frozenset({"constant", "macro"})  # no outline lists them


@dataclass(frozen=True, slots=True)
class Signature:
    """A definition in one line."""

    symbol: str  # qualified name
    start_line: int
    end_line: int
    text: str
    above: tuple[Signature, ...] = ()  # of the definitions around it, outermost first


@dataclass(frozen=True, slots=True)
class Offer:
    """Lines of a file that may be shown, and why; without lines only its signatures may be."""

    path: str
    language: str
    symbol: str
    start_line: int
    lines: tuple[str, ...]
    scope: tuple[str, ...]
    imports: tuple[str, ...]
    signatures: tuple[Signature, ...]
    why: str
    chunk: Chunk | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is shown. `text` ends with a line end; it is "" for a path."""

    offer: Offer
    form: str  # body, signature or path
    symbol: str
    start_line: int
    end_line: int
    text: str
    after: str = ""  # blank lines that follow in the offer, in case that what follows them is shown as well

    @property
    def marked(self) -> str:
        """The part by itself: where it is from, then its text."""
        lines = (self.start_line, self.end_line)
        scope = self.offer.scope if self.form == BODY else ()
        return lines_mark(self.offer.language, self.offer.path, lines, scope) + self.text


def offer_of(hit: Hit, symbols: Sequence[Symbol] = ()) -> Offer:
    """Return what a hit has to offer; `symbols` are those of its file by place, where they are known."""
    chunk = hit.chunk
    lines = chunk.text.removesuffix("\n").split("\n")
    return Offer(
        path=chunk.path,
        language=chunk.language,
        symbol=chunk.symbol,
        start_line=chunk.start_line,
        lines=tuple(lines),
        scope=chunk.scope,
        imports=chunk.imports,
        signatures=tuple(_signatures(chunk, symbols)) or tuple(_first_line(chunk)),
        why=hit.why,
        chunk=chunk,
    )


def outline_of(path: str, language: str, symbols: Sequence[Symbol], why: str) -> Offer:
    """Return an offer of the definitions of a file, without their bodies."""
    listed = tuple(signature for signature, one in _nested(symbols) if one.kind not in _VALUES)
    return Offer(path, language, "", 0, (), (), (), listed, why)


def runs(offer: Offer, covered: set[int]) -> Iterator[Part]:
    """Yield the lines of an offer that are not among `covered`, each unbroken run without blank ends."""
    run: list[str] = []
    for number, line in enumerate((*offer.lines, None), start=offer.start_line):
        if line is not None and number not in covered:
            run.append(line)
            continue
        if any(kept.strip() for kept in run):
            yield _body(offer, number - len(run), run)
        run = []


def _body(offer: Offer, start: int, lines: list[str]) -> Part:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    first, last = filled[0], filled[-1]
    text = "\n".join(lines[first : last + 1]) + "\n"
    after = "".join(f"{line}\n" for line in lines[last + 1 :])
    return Part(offer, BODY, offer.symbol, start + first, start + last, text, after)


def _signatures(chunk: Chunk, symbols: Sequence[Symbol]) -> Iterator[Signature]:
    """Yield the definitions that begin among the lines of a chunk, or else the one that it is a piece of."""
    nested = _nested(symbols)
    lines = range(chunk.start_line, chunk.end_line + 1)
    inside = [signature for signature, _ in nested if signature.start_line in lines]
    if not inside:
        around = [
            signature
            for signature, one in nested
            if one.qualified_name == chunk.symbol and one.start_line <= chunk.start_line <= one.end_line
        ]
        inside = around[-1:]
    yield from inside


def _nested(symbols: Sequence[Symbol]) -> list[tuple[Signature, Symbol]]:
    """Return the signatures of a file, each with those of the definitions around it."""
    found: list[tuple[Signature, Symbol]] = []
    around: list[tuple[Signature, Symbol]] = []
    for symbol in symbols:
        while around and around[-1][1].end <= symbol.start:
            around.pop()
        above = tuple(signature for signature, _ in around)
        text = _INDENT * len(above) + symbol.signature
        one = Signature(symbol.qualified_name, symbol.start_line, symbol.end_line, text, above)
        found.append((one, symbol))
        around.append((one, symbol))
    return found


def _first_line(chunk: Chunk) -> Iterator[Signature]:
    """Yield the line that names the definition of a chunk, where nothing else is known of its file."""
    lines = [line for line in chunk.text.split("\n") if line.strip()]
    if not chunk.symbol or not lines:
        return
    name = re.compile(rf"\b{re.escape(chunk.symbol.rpartition('.')[2])}\b")
    named = (line for line in lines if name.search(line) and not line.lstrip().startswith(_NO_SIGNATURE))
    yield Signature(chunk.symbol, chunk.start_line, chunk.end_line, next(named, lines[0]))
