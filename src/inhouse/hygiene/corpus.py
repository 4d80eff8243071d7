"""The corpus: clean documents with their occurrences, findings and counts.

    documents-NNNNN.parquet   Document, sorted by digest, then the messages by commit
    occurrences.parquet       Occurrence, sorted by kind, path, document
    findings.parquet          Finding, in the order of their occurrences
    counts.json               in = kept + removed, by reason and kind

Only redacted text reaches the disk, whatever happens on the way: originals go from git through memory.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inhouse.hygiene.cleaning import (
    DOCUMENTS,
    VERDICTS,
    BlobReader,
    Method,
    OpenReader,
    Verdict,
    clean_shard,
    load_scanner,
    plan_shards,
)
from inhouse.hygiene.duplicates import near_duplicates
from inhouse.hygiene.encoding import decode
from inhouse.hygiene.inventory import Inventory, removed, take_inventory
from inhouse.hygiene.secrets import rules_digest
from inhouse.hygiene.vendored import Layout
from inhouse.hygiene.verdicts import REASONS
from inhouse.records import Document, Finding, Occurrence, TreeEntry
from inhouse.shards import map_shards, read_records, write_json, write_records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from inhouse.config import Hygiene, Sources
    from inhouse.progress import Progress

__all__ = ["Corpus", "write_corpus"]

_COUNTS = "counts.json"
_UNREAD = ("link", "submodule", "excluded", "huge", "missing")
_BATCH_BYTES = 16_000_000  # of text in memory at once, where documents are wanted in another order


def write_corpus(
    open_reader: OpenReader,
    repository: Path,
    history: Path,
    settings: Hygiene,
    sources: Sources,
    source_name: str,
    folder: Path,
    workers: int,
    progress: Progress,
) -> None:
    """Fill `folder` with the corpus of a history artefact; shards that a killed run had finished are kept.

    `open_reader(repository)` gives access to the originals, here and in each of the `workers` processes.
    The result depends on neither their number nor on what was there before.
    """
    if not (folder / _COUNTS).exists():
        reader = open_reader(repository)
        inventory = take_inventory(history, source_name, sources)
        occurrences = _with_sizes(inventory.occurrences, reader, sources.max_file_bytes)
        layout = _layout(occurrences, inventory, reader)
        digest = rules_digest(settings.rules)
        method = Method(open_reader, repository, settings.rules, digest, layout)
        _clean(occurrences, method, folder, workers, progress)
        with progress.task("compare files for copies"):
            _Judgement(folder, occurrences, inventory.training).write(settings.near_duplicate)
    for path in folder.glob(f"{VERDICTS}-*.parquet"):
        path.unlink()


class Corpus:
    """A finished corpus, read as it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def occurrences(self) -> list[Occurrence]:
        """All occurrences, removed ones too, sorted by kind, path and document."""
        return list(read_records(self._folder, "occurrences", Occurrence))

    def documents(self, digests: Collection[str]) -> dict[str, Document]:
        """Return the clean documents with these digests; those that were removed entirely are left out."""
        return _read_documents(self._folder, digests)

    def findings(self) -> Iterator[Finding]:
        """Yield what was seen, in the order of the occurrences."""
        return read_records(self._folder, "findings", Finding)

    def counts(self) -> dict[str, Any]:
        """Return what went in, what was kept, and what was removed for which reason."""
        counts: dict[str, Any] = json.loads((self._folder / _COUNTS).read_text(encoding="utf-8"))
        return counts

    def tree(self, history: Path, revision: str, use: str) -> Iterator[tuple[str, Document]]:
        """Yield (path, document) for the files of a revision that may be used to train, index or serve.

        In path order, a bounded part of the text in memory at a time.
        """
        return self.texts(file for file in self.files(history, revision) if use not in file.forbids)

    def files(self, history: Path, revision: str) -> list[Occurrence]:
        """Return the files of a revision by path, those that may not be used too."""
        entries = (entry for entry in read_records(history, "trees", TreeEntry) if entry.revision == revision)
        return [self._files[place] for place in sorted((entry.path, entry.document) for entry in entries)]

    def texts(self, files: Iterable[Occurrence]) -> Iterator[tuple[str, Document]]:
        """Yield (path, document) in the order given, a bounded part of the text in memory at a time."""
        return _in_order(self._folder, list(files))

    @cached_property
    def _files(self) -> dict[tuple[str, str], Occurrence]:
        files = (occurrence for occurrence in self.occurrences if occurrence.kind == "file")
        return {(occurrence.path, occurrence.document): occurrence for occurrence in files}


class _Judgement:
    """Puts together what the shards saw, file by file, with what only the whole tree shows: the copies."""

    def __init__(self, folder: Path, occurrences: Sequence[Occurrence], training: Collection[str]) -> None:
        self._folder = folder
        self._verdicts = {verdict.document: verdict for verdict in read_records(folder, VERDICTS, Verdict)}
        self._training = training
        self._why: dict[str, str] = {}  # occurrence id: detail of its removal
        self._occurrences = [self._judged(occurrence) for occurrence in occurrences]

    def write(self, near_duplicate: float) -> None:
        """Mark the copies, then write occurrences, findings and, last, the counts."""
        self._remove("duplicate", self._same())
        self._remove("near-duplicate", self._similar(near_duplicate))
        write_records(self._folder / "occurrences.parquet", self._occurrences, Occurrence)
        write_records(self._folder / "findings.parquet", self._findings(), Finding)
        write_json(self._folder / _COUNTS, self._counts())

    def _judged(self, occurrence: Occurrence) -> Occurrence:
        verdict = self._verdicts.get(occurrence.document)
        if occurrence.removed or verdict is None:
            return occurrence
        if occurrence.kind == "message":
            occurrence = replace(occurrence, size=verdict.size)
        if verdict.problem:
            return removed(occurrence, verdict.problem)
        for found in verdict.classes:
            if found.path == occurrence.path:
                self._why[occurrence.id] = found.detail
                return removed(occurrence, found.category)
        return occurrence

    def _candidates(self) -> list[tuple[int, Occurrence]]:
        """Return what is still there of the tree that is trained on, with its place in the list; by path."""
        numbered = enumerate(self._occurrences)
        return [(number, item) for number, item in numbered if item.id in self._training and not item.removed]

    def _same(self) -> Iterator[tuple[int, str]]:
        first: dict[str, str] = {}
        for number, occurrence in self._candidates():
            path = first.setdefault(occurrence.document, occurrence.path)
            if path != occurrence.path:
                yield number, f"as {path}"

    def _similar(self, threshold: float) -> Iterator[tuple[int, str]]:
        candidates = self._candidates()
        texts = _Texts(self._folder, [occurrence for _, occurrence in candidates])
        for later, earlier, similarity in near_duplicates(texts, threshold):
            yield candidates[later][0], f"{similarity:.3f} as {candidates[earlier][1].path}"

    def _remove(self, reason: str, copies: Iterable[tuple[int, str]]) -> None:
        for number, why in list(copies):
            self._occurrences[number] = removed(self._occurrences[number], reason)
            self._why[self._occurrences[number].id] = why

    def _findings(self) -> Iterator[Finding]:
        for occurrence in self._occurrences:
            if occurrence.removed:
                why = self._why.get(occurrence.id, "")
                yield Finding(occurrence.id, occurrence.removed, "", 0, 0, 0, "remove", why)
            for found in self._secrets(occurrence):
                verdict = "remove" if occurrence.removed == "secret" else "redact"
                yield Finding(
                    occurrence.id,
                    "secret",
                    found.rule,
                    found.line,
                    found.start,
                    found.end,
                    verdict,
                    found.category,
                )

    def _secrets(self, occurrence: Occurrence) -> Sequence[Any]:
        """Return the secrets of an occurrence whose document was read for its sake."""
        verdict = self._verdicts.get(occurrence.document)
        unread = occurrence.removed in _UNREAD
        return () if verdict is None or unread else verdict.secrets

    def _counts(self) -> dict[str, Any]:
        stored = [verdict for verdict in self._verdicts.values() if not verdict.problem]
        secrets = Counter(found.rule for verdict in self._verdicts.values() for found in verdict.secrets)
        return {
            **_tally(self._occurrences),
            "by_kind": {
                kind: _tally([item for item in self._occurrences if item.kind == kind])
                for kind in ("file", "version", "message")
            },
            "searchable": sum(
                item.kind == "file" and "index" not in item.forbids for item in self._occurrences
            ),
            "redacted": sum(
                bool(self._secrets(item)) for item in self._occurrences if item.removed != "secret"
            ),
            "documents": len(stored),
            "transcoded": sum(verdict.encoding != "utf-8" for verdict in stored),
            "secrets": dict(sorted(secrets.items())),
        }


class _Texts:
    """The texts of occurrences in their order, from the disk each time that they are gone through."""

    def __init__(self, folder: Path, occurrences: Sequence[Occurrence]) -> None:
        self._folder = folder
        self._occurrences = occurrences

    def __iter__(self) -> Iterator[str]:
        return (document.text for _, document in _in_order(self._folder, self._occurrences))


def _with_sizes(occurrences: Sequence[Occurrence], reader: BlobReader, limit: int) -> list[Occurrence]:
    """Fill in the sizes of what is to be read; take out what is missing or huge."""
    wanted = {item.document for item in occurrences if item.kind != "message" and not item.removed}
    sizes = dict(reader.sizes(sorted(wanted)))
    return [
        _sized(item, sizes[item.document], limit) if item.document in sizes else item for item in occurrences
    ]


def _sized(occurrence: Occurrence, size: int, limit: int) -> Occurrence:
    if occurrence.removed:
        return occurrence
    if size < 0:
        return removed(occurrence, "missing")
    occurrence = replace(occurrence, size=size)
    return removed(occurrence, "huge") if size > limit else occurrence


def _layout(occurrences: Sequence[Occurrence], inventory: Inventory, reader: BlobReader) -> Layout:
    """Read the tree's shape, and the .gitattributes of the part that is trained on."""
    attributes = [
        (item.path, item.document)
        for item in occurrences
        if item.id in inventory.training and not item.removed and item.path.split("/")[-1] == ".gitattributes"
    ]
    contents = dict(reader.read(sorted({document for _, document in attributes})))
    texts = {path: decode(contents[document]).text for path, document in attributes}
    return Layout.of((item.path for item in occurrences if item.path), texts)


def _clean(
    occurrences: Sequence[Occurrence], method: Method, folder: Path, workers: int, progress: Progress
) -> None:
    paths: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for item in occurrences:
        if item.kind != "message" and not item.removed:
            paths.setdefault(item.document, []).append(item.path)
            sizes[item.document] = item.size
    blobs = [(document, tuple(sorted(set(paths[document]))), sizes[document]) for document in sorted(paths)]
    messages = sorted(item.document for item in occurrences if item.kind == "message")
    shards, weights = plan_shards(blobs, messages, method)
    for note in load_scanner(method.rules, method.rules_digest).notes:
        progress.warn(f"secret rules: {note}")
    with progress.task("clean", sum(weights) / 1e6, "MB") as task:
        megabytes = [weight / 1e6 for weight in weights]
        map_shards(clean_shard, shards, folder, DOCUMENTS, workers=workers, sizes=megabytes, task=task)


def _in_order(folder: Path, occurrences: Sequence[Occurrence]) -> Iterator[tuple[str, Document]]:
    """Yield (path, document) in the order given, reading the shards once for each batch of text."""
    batch: list[Occurrence] = []
    size = 0
    for number, occurrence in enumerate(occurrences, 1):
        batch.append(occurrence)
        size += occurrence.size
        if size >= _BATCH_BYTES or number == len(occurrences):
            documents = _read_documents(folder, {item.document for item in batch})
            yield from ((item.path, documents[item.document]) for item in batch)
            batch, size = [], 0


def _read_documents(folder: Path, digests: Collection[str]) -> dict[str, Document]:
    import pyarrow.parquet as pq

    found: dict[str, Document] = {}
    for path in sorted(folder.glob(f"{DOCUMENTS}-[0-9]*.parquet")) if digests else ():
        table = pq.read_table(path, filters=[("digest", "in", list(digests))])
        found.update((row["digest"], Document(**row)) for row in table.to_pylist())
    return found


def _tally(occurrences: Sequence[Occurrence]) -> dict[str, Any]:
    reasons = Counter(item.removed for item in occurrences if item.removed)
    return {
        "in": len(occurrences),
        "kept": sum(not item.removed for item in occurrences),
        "removed": {reason: reasons[reason] for reason in REASONS if reason in reasons},
    }
