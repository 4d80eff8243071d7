"""What an index keeps of a file: a pure function of its path and text, so that any process may compute it.

text --parse--> definitions, references, comments
  |                 |
  +------chunk------+--> chunks, and the words of each by field
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.languages import configuration_keys, detect, grammar_versions, is_code, parse
from inhouse.retrieval.chunking import DEFAULT, chunk_by
from inhouse.retrieval.graph import references_of
from inhouse.retrieval.store import FileFacts, FileRow, Words
from inhouse.retrieval.words import written_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.languages import Parsed
    from inhouse.records import Chunk

__all__ = ["MAX_BYTES", "VERSION", "read_file", "read_files", "reader"]

VERSION = 5
"""Rises when the same text would give other facts; an index of other facts is read anew."""

MAX_BYTES = 10_000_000
"""A larger file is data, and would crowd everything else out of the answers."""

_BINARY_HEAD = 8_000  # git looks this far for a NUL
_DOCSTRINGS = frozenset({"python"})  # elsewhere a docstring is a comment, and counted as one


def reader(strategy: str = DEFAULT) -> str:
    """Return what decides about facts besides the files: this module, the grammars, and how files are cut."""
    return digest_json({"facts": VERSION, "grammars": grammar_versions(), "chunking": strategy})


def read_file(
    path: str, digest: str, text: str, strategy: str = DEFAULT, neighbours: tuple[str, ...] = ()
) -> FileFacts:
    """Return what an index keeps of a file; never raises, whatever the text is.

    `strategy` is one of `chunking.STRATEGIES`; `neighbours` is for the one that needs them.
    """
    language = detect(path, text)
    reason = _why_not(text)
    if reason:
        return FileFacts(FileRow(path, digest, language, "unindexed", 0, reason), (), (), (), ())
    parsed = parse(path, text, language)
    chunks = tuple(chunk_by(parsed, path, text, strategy, neighbours=neighbours))
    return FileFacts(
        _row(path, digest, parsed),
        chunks,
        tuple(_words(parsed, path, chunks)),
        (*parsed.symbols, *configuration_keys(path, text, language)),
        references_of(parsed, path),
    )


def read_files(files: Sequence[tuple[str, str, str]], strategy: str = DEFAULT) -> list[FileFacts]:
    """Return the facts of several files, given as (path, digest, text)."""
    return [read_file(*file, strategy) for file in files]


def _why_not(text: str) -> str:
    if "\0" in text[:_BINARY_HEAD]:
        return "binary"
    if len(text) > MAX_BYTES or (
        not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES
    ):
        return f"larger than {MAX_BYTES // 1_000_000} MB"
    return ""


def _row(path: str, digest: str, parsed: Parsed) -> FileRow:
    if not is_code(parsed.language):
        reason = f"no grammar for {parsed.language}" if parsed.language else "its language is not known"
        return FileRow(path, digest, parsed.language, "fallback", 0, reason)
    if parsed.errors and not (parsed.symbols or parsed.imports or parsed.calls or parsed.comments):
        return FileRow(path, digest, parsed.language, "fallback", parsed.errors, "its syntax cannot be read")
    return FileRow(path, digest, parsed.language, "parsed", parsed.errors, "")


# ------------------------------------------------------------------ words


def _words(parsed: Parsed, path: str, chunks: Sequence[Chunk]) -> Iterator[Words]:
    """Yield the words of each chunk by field."""
    path_words = written_terms(path)
    symbol_starts = [symbol.start for symbol in parsed.symbols]
    comment_starts = [comment.start for comment in parsed.comments]
    for chunk in chunks:
        symbols = parsed.symbols[_between(symbol_starts, chunk)]
        comments = parsed.comments[_between(comment_starts, chunk)]
        names = [chunk.symbol, *chunk.scope, *(symbol.qualified_name for symbol in symbols)]
        docs = [comment.text for comment in comments]
        if parsed.language in _DOCSTRINGS:
            docs += [symbol.docstring for symbol in symbols]
        yield Words(path_words, *map(written_terms, (" ".join(names), "\n".join(docs), chunk.text)))


def _between(starts: Sequence[int], chunk: Chunk) -> slice:
    return slice(bisect_left(starts, chunk.start), bisect_left(starts, chunk.end))
