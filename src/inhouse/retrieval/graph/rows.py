"""What a file says of other files, as rows of the index: the near ends of all edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.records import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.languages import Parsed

__all__ = ["references_of"]


def references_of(parsed: Parsed, path: str) -> tuple[Reference, ...]:
    """Return what a parsed file uses, by place.

    Kinds: call, inherit, import and read; besides, what resolution needs: type (of the variable in `bound`),
    bind (a variable given to the attribute in `bound`), export. The name of a call on the value of another
    one is `Box().close` where that is plain, else `.close`.
    """
    found = [*_imports(parsed, path), *_calls(parsed, path), *_mentions(parsed, path)]
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.kind, one.name)))


def _imports(parsed: Parsed, path: str) -> Iterator[Reference]:
    for item in parsed.imports:
        yield Reference(path, item.scope, "import", item.module, item.bound, item.line, item.start, item.end)


def _calls(parsed: Parsed, path: str) -> Iterator[Reference]:
    for call in parsed.calls:
        name = call.name if call.on is None else f"{call.on}.{call.name}"
        bound = ((call.bound, ""),) if call.bound else ()
        yield Reference(path, call.scope, "call", name, bound, call.line, call.start, call.end)


def _mentions(parsed: Parsed, path: str) -> Iterator[Reference]:
    for item in parsed.mentions:
        yield Reference(path, item.scope, item.kind, item.name, item.bound, item.line, item.start, item.end)
