"""Reads the originals of one shard, judges them, and writes only what is clean.

    documents-NNNNN.parquet    Document: redacted text, by digest
    verdicts-NNNNN.parquet     Verdict: what was seen; read when all shards are done, then deleted

A shard's verdicts are written before its documents: where the documents are, the verdicts are too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from inhouse.errors import UserMistake
from inhouse.hygiene.encoding import decode
from inhouse.hygiene.generated import classify
from inhouse.hygiene.redaction import mostly_secret, redact_with_spans
from inhouse.hygiene.secrets import SecretScanner
from inhouse.records import Document
from inhouse.shards import write_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.hygiene.vendored import Layout

__all__ = [
    "DOCUMENTS",
    "VERDICTS",
    "BlobReader",
    "Classification",
    "Method",
    "OpenReader",
    "SecretFinding",
    "Shard",
    "Verdict",
    "clean_shard",
    "load_scanner",
    "plan_shards",
]

DOCUMENTS = "documents"
VERDICTS = "verdicts"

_SHARD_BYTES = 4_000_000
_SHARD_MESSAGES = 5_000
_MESSAGE_BYTES = 200  # on average
# The name that git gives a message: rules for configurations and texts hold for it.
_MESSAGE_PATH = "COMMIT_EDITMSG"


class BlobReader(Protocol):
    """What cleaning needs of a repository; ids are content ids of files, or commit ids."""

    def read(self, documents: Iterable[str], /) -> Iterator[tuple[str, bytes]]:
        """Yield (id, content), leaving out what is missing."""

    def sizes(self, documents: Iterable[str], /) -> Iterator[tuple[str, int]]:
        """Yield (id, bytes), -1 for what is missing."""

    def messages(self, commits: Iterable[str], /) -> Iterator[tuple[str, str]]:
        """Yield (commit, message)."""


OpenReader = Callable[[Path], BlobReader]
"""Opens the repository at a path; importable, because every worker process opens its own."""


@dataclass(frozen=True, slots=True)
class Method:
    """How documents are read and judged: the same for all shards, and small enough to go with each."""

    open_reader: OpenReader
    repository: Path
    rules: tuple[Path, ...]
    rules_digest: str
    layout: Layout


@dataclass(frozen=True, slots=True)
class Shard:
    """Documents of one kind ("blob" or "message") with the paths at which they stand."""

    kind: str
    documents: tuple[tuple[str, tuple[str, ...]], ...]
    method: Method


@dataclass(frozen=True, slots=True)
class Classification:
    """Why a document at a path is not first-party, hand-written code."""

    path: str
    category: str
    detail: str


@dataclass(frozen=True, slots=True)
class SecretFinding:
    """A secret that was redacted; the span is that of its placeholder, in bytes of the clean text."""

    rule: str
    category: str
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen in one document. Without a `problem` its clean text is stored."""

    document: str
    size: int
    problem: str  # missing, binary, encoding, empty, secret, or ""
    encoding: str
    classes: tuple[Classification, ...]
    secrets: tuple[SecretFinding, ...]


@lru_cache(maxsize=1)
def load_scanner(rules: tuple[Path, ...], digest: str) -> SecretScanner:
    """Return the scanner of these rule files, made once in a process. `digest` is what they should be."""
    scanner = SecretScanner(rules)
    if scanner.digest != digest:
        raise UserMistake(
            "secret rules must stay as they are while the corpus is made",
            ", ".join(map(str, rules)),
            "run the command again",
        )
    return scanner


def plan_shards(
    sizes: Sequence[tuple[str, tuple[str, ...], int]], messages: Sequence[str], method: Method
) -> tuple[list[Shard], list[int]]:
    """Cut (document, paths, bytes), in order, and messages into shards; boundaries hang on nothing else.

    Returns the shards, and their sizes in bytes (a message counts as 200).
    """
    shards: list[Shard] = []
    weights: list[int] = []
    documents: list[tuple[str, tuple[str, ...]]] = []
    weight = 0
    for number, (document, paths, size) in enumerate(sizes, 1):
        documents.append((document, paths))
        weight += size
        if weight >= _SHARD_BYTES or number == len(sizes):
            shards.append(Shard("blob", tuple(documents), method))
            weights.append(weight)
            documents, weight = [], 0
    for start in range(0, len(messages), _SHARD_MESSAGES):
        part = messages[start : start + _SHARD_MESSAGES]
        shards.append(Shard("message", tuple((commit, (_MESSAGE_PATH,)) for commit in part), method))
        weights.append(_MESSAGE_BYTES * len(part))
    return shards, weights


def clean_shard(shard: Shard, path: Path) -> None:
    """Judge the documents of a shard; write the clean ones to `path` and the verdicts beside it."""
    scanner = load_scanner(shard.method.rules, shard.method.rules_digest)
    paths = dict(shard.documents)
    documents: dict[str, Document] = {}
    verdicts: dict[str, Verdict] = {}
    for digest, size, encoding, problem, text in _texts(shard, paths):
        if problem:
            verdicts[digest] = Verdict(digest, size, problem, encoding, (), ())
            continue
        layout = shard.method.layout if shard.kind == "blob" else None
        classes = _classes(paths[digest], text, layout)
        verdict, document = _judge(digest, size, encoding, text, classes, scanner, paths[digest])
        verdicts[digest] = verdict
        if document is not None:
            documents[digest] = document
    for digest in paths:
        verdicts.setdefault(digest, Verdict(digest, 0, "missing", "", (), ()))
    verdict_path = path.with_name(path.name.replace(DOCUMENTS, VERDICTS))
    write_records(verdict_path, (verdicts[digest] for digest in sorted(verdicts)), Verdict)
    write_records(path, (documents[digest] for digest in sorted(documents)), Document)


def _texts(shard: Shard, paths: Iterable[str]) -> Iterator[tuple[str, int, str, str, str]]:
    """Yield (document, bytes, encoding, problem, text)."""
    reader = shard.method.open_reader(shard.method.repository)
    if shard.kind == "message":
        for commit, text in reader.messages(paths):
            problem = "" if text.strip() else "empty"
            yield commit, len(text.encode("utf-8", "replace")), "utf-8", problem, text
        return
    for digest, data in reader.read(paths):
        decoded = decode(data)
        yield digest, len(data), decoded.encoding, decoded.problem, decoded.text


def _classes(paths: Sequence[str], text: str, layout: Layout | None) -> tuple[Classification, ...]:
    if layout is None:
        return ()
    found = ((path, classify(path, text, layout)) for path in paths)
    return tuple(Classification(path, *why) for path, why in found if why is not None)


def _judge(
    digest: str,
    size: int,
    encoding: str,
    text: str,
    classes: tuple[Classification, ...],
    scanner: SecretScanner,
    paths: Sequence[str],
) -> tuple[Verdict, Document | None]:
    matches = scanner.scan(text, paths)
    clean, spans = redact_with_spans(text, matches)
    lost = mostly_secret(text, matches)
    secrets = tuple(
        SecretFinding(match.rule, match.category, match.line, *((0, 0) if lost else span))
        for match, span in zip(matches, spans, strict=True)
    )
    if lost:
        return Verdict(digest, size, "secret", encoding, classes, secrets), None
    return Verdict(digest, size, "", encoding, classes, secrets), Document(digest, clean, len(matches))
