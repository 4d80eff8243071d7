"""From definitions to symbols: what encloses what, signatures on one line, the comments that belong."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from inhouse.languages.configuration import keys_read
from inhouse.languages.grammar import CLASSES, SCOPES, Definition, clean_comment, one_line
from inhouse.languages.parsed import Call, Comment, Mention, Parsed
from inhouse.records import Symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.languages.captures import Found
    from inhouse.languages.grammar import Grammar
    from inhouse.languages.parsed import Import

    Opened = tuple[int, int, str]  # where the signature begins, minus the end, qualified name

__all__ = ["assemble"]

_MAX_SIGNATURE = 1_000  # characters
_MAX_INDENT = 200


def assemble(grammar: Grammar, path: str, source: bytes, found: Found) -> Parsed:
    """Return the captured pieces of a file as one whole, in source order."""
    for key, start, end in keys_read(source, found.calls, found.comments):
        found.mentions[start, end, "read"] = (key, (), source.count(b"\n", 0, start) + 1)
    comments = tuple(found.comments[start] for start in sorted(found.comments))
    by_place = _Comments(comments, source)
    definitions = _place(found)
    scopes = _nest(definitions)
    if grammar.prototypes:
        definitions, scopes = _drop_repeated(definitions, scopes)
    symbols = tuple(
        _symbol(path, definition, scope, source, by_place)
        for definition, scope in zip(definitions, scopes, strict=True)
    )
    opened = _opened(definitions, scopes)
    return Parsed(
        grammar.language,
        symbols,
        tuple(_imports(found, opened)),
        tuple(_calls(found, opened)),
        comments,
        found.errors,
        tuple(_mentions(found, opened)),
    )


def _place(found: Found) -> list[Definition]:
    """Return the definitions in source order, decorators and attributes inside their spans."""
    placed = []
    for definitions in found.definitions.values():
        for definition in definitions:
            start, line = _outer_start(found, definition.start, definition.start_line)
            outer = (
                definition if start == definition.start else definition._replace(start=start, start_line=line)
            )
            placed.append(outer)
    return sorted(placed, key=lambda one: (one.start, -one.end, one.name))


def _outer_start(found: Found, start: int, line: int) -> tuple[int, int]:
    while start in found.wrappers:
        start, line = found.wrappers[start]
    return start, line


def _nest(definitions: Sequence[Definition]) -> list[tuple[str, str]]:
    """Return (qualified name, kind) of each definition, from the definitions that enclose it."""
    nested: list[tuple[str, str]] = []
    open_scopes: list[tuple[int, str, str]] = []  # end, qualified name, kind
    for definition in definitions:
        while open_scopes and open_scopes[-1][0] <= definition.start:
            open_scopes.pop()
        prefix, parent = (open_scopes[-1][1] + ".", open_scopes[-1][2]) if open_scopes else ("", "")
        kind = "method" if definition.kind == "function" and parent in CLASSES else definition.kind
        name = definition.name
        qualified = name if name.startswith(prefix) else prefix + name
        nested.append((qualified, kind))
        if kind in SCOPES:
            open_scopes.append((definition.end, qualified, kind))
    return nested


def _drop_repeated(
    definitions: list[Definition], scopes: list[tuple[str, str]]
) -> tuple[list[Definition], list[tuple[str, str]]]:
    """Drop the declarations of functions that the same file defines."""
    places = list(zip(definitions, scopes, strict=True))
    defined = {scope for one, scope in places if one.body < one.end}
    kept = [
        (one, scope)
        for one, scope in places
        if one.body < one.end or one.kind != "function" or scope not in defined
    ]
    return [one for one, _ in kept], [scope for _, scope in kept]


def _imports(found: Found, opened: Sequence[Opened]) -> Iterator[Import]:
    starts = sorted(found.imports)
    for start, scope in zip(starts, _around(starts, opened), strict=True):
        for item in found.imports[start]:
            yield item._replace(scope=scope) if scope else item


def _calls(found: Found, opened: Sequence[Opened]) -> Iterator[Call]:
    spans = sorted(found.calls)
    bound = found.bound
    for span, scope in zip(spans, _around([start for start, _ in spans], opened), strict=True):
        name, on, line = found.calls[span]
        yield Call(name, scope, line, *span, bound.get(span, ""), on)


def _mentions(found: Found, opened: Sequence[Opened]) -> Iterator[Mention]:
    keys = sorted(found.mentions)
    for key, scope in zip(keys, _around([start for start, _, _ in keys], opened), strict=True):
        start, end, kind = key
        name, bound, line = found.mentions[key]
        yield Mention(kind, name, bound, scope, line, start, end)


def _opened(definitions: Sequence[Definition], scopes: Sequence[tuple[str, str]]) -> list[Opened]:
    """Return where each definition begins to be around something, the last one first."""
    return sorted(
        (
            (one.head, -one.end, name)
            for one, (name, kind) in zip(definitions, scopes, strict=True)
            if kind in SCOPES
        ),
        reverse=True,
    )


def _around(starts: Iterable[int], opened: Sequence[Opened]) -> Iterator[str]:
    """Yield the definition around each ascending offset; a decorator stands outside of its function."""
    later = list(opened)
    around: list[tuple[int, str]] = []  # end, qualified name
    for start in starts:
        while later and later[-1][0] <= start:
            head, minus_end, scope = later.pop()
            _leave(around, head)
            around.append((-minus_end, scope))
        _leave(around, start)
        yield around[-1][1] if around else ""


def _leave(around: list[tuple[int, str]], offset: int) -> None:
    while around and around[-1][0] <= offset:
        around.pop()


def _symbol(
    path: str,
    definition: Definition,
    place: tuple[str, str],
    source: bytes,
    comments: _Comments,
) -> Symbol:
    qualified, kind = place
    return Symbol(
        path=path,
        name=qualified.rpartition(".")[2],
        qualified_name=qualified,
        kind=kind,
        start_line=definition.start_line,
        end_line=definition.end_line,
        start=definition.start,
        end=definition.end,
        signature=_signature(definition, source, comments),
        docstring=definition.docstring or comments.above(definition.start_line),
        body=definition.body,
    )


def _signature(definition: Definition, source: bytes, comments: _Comments) -> str:
    """Return the signature on one line, without comments."""
    kept = comments.cut_out(definition.head, definition.signature_end)
    if definition.tail:
        kept = kept.rstrip() + b" " + source[definition.tail : definition.end].strip()
    line = one_line(kept).rstrip(" ;=\\")
    return line if len(line) <= _MAX_SIGNATURE else line[:_MAX_SIGNATURE] + " ..."


class _Comments:
    """The comments of a file, to be found by place."""

    def __init__(self, comments: Sequence[Comment], source: bytes) -> None:
        self._comments = comments
        self._starts = [comment.start for comment in comments]
        self._source = source
        self._by_last_line = {comment.line + comment.text.count("\n"): comment for comment in comments}

    def cut_out(self, start: int, end: int) -> bytes:
        """Return the source between two offsets without the comments in it."""
        parts = []
        for comment in self._comments[bisect_left(self._starts, start) : bisect_left(self._starts, end)]:
            parts.append(self._source[start : comment.start].rstrip(b" "))
            start = comment.end
        return b"".join((*parts, self._source[start:end]))

    def above(self, line: int) -> str:
        """Return the words of the comments that end on the line above, and of those directly above them."""
        block: list[str] = []
        while (comment := self._by_last_line.get(line - 1)) is not None and self._is_alone(comment):
            block.append(comment.text)
            line = comment.line
        return clean_comment("\n".join(reversed(block))) if block else ""

    def _is_alone(self, comment: Comment) -> bool:
        before = self._source[max(0, comment.start - _MAX_INDENT) : comment.start]
        return not before.rpartition(b"\n")[2].strip()
