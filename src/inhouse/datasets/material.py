"""What the earlier stages left, as a dataset needs it: who is trained on, and clean text with its lineage."""

from __future__ import annotations

import json
import re
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.datasets.split import is_candidate
from inhouse.datasets.texts import Texts
from inhouse.hygiene.corpus import Corpus
from inhouse.languages import Parsed, detect, is_code, parse
from inhouse.records import Change, Commit, Occurrence, Split, TreeEntry
from inhouse.shards import read_records
from inhouse.sources.history import ancestors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from inhouse.progress import Task
    from inhouse.records import Hunk

    Wanted = Callable[[Change, Hunk], bool]

__all__ = ["PROSE", "Material", "Placed", "SourceFile", "TrainingFiles", "Version"]

PROSE = ("markdown", "rst")
"""Languages of documents: trained on when the code does not use the budget up, and measured apart."""

# People and tools: they say nothing about the code, and names are no business of the model.
_TRAILER = re.compile(r"^(?:(?:[a-z]+-)+by|change-id|cc):.*\n?", re.IGNORECASE | re.MULTILINE)
_COMMITS = 256  # that progress tells at once
_NEAR = 4_000_000  # characters of files that stay in memory with their parses, which weigh ten times as much
_NEARLY_ALL = 0.9  # of the files of code


class Placed(NamedTuple):
    """A clean document at a path."""

    path: str
    document: str
    occurrence: str
    text: str


@dataclass(frozen=True, slots=True)
class Version:
    """A file with runs of new code, as its commit left it. `removed` says why there is no text, or is ""."""

    change: Change
    occurrence: str
    text: str
    removed: str


@dataclass(frozen=True)
class SourceFile:
    """A clean file of the training tree."""

    path: str
    text: str
    language: str
    message: str  # first line of the last message that came with it, "" when unknown
    lineage: tuple[str, ...]

    def __reduce__(self) -> tuple[type[SourceFile], tuple[Any, ...]]:
        """Leave the parse behind on the way to another process: made anew it costs less than it weighs."""
        return SourceFile, (self.path, self.text, self.language, self.message, self.lineage)

    @cached_property
    def parsed(self) -> Parsed:
        """What its grammar sees; nothing in a language without one."""
        return parse(self.path, self.text, self.language)


class Material:
    """The history and the corpus of a repository. Texts that are looked up wait on the disk, in `folder`."""

    def __init__(self, history: Path, corpus: Path, folder: Path | None = None) -> None:
        self.split = Split(**json.loads((history / "split.json").read_text(encoding="utf-8")))
        self.commits = list(read_records(history, "commits", Commit))
        self.dates = {commit.id: commit.date for commit in self.commits}
        self._history = history
        self._corpus = Corpus(corpus)
        self._texts = Texts(corpus, folder)
        self._changes: dict[str, list[Change]] = defaultdict(list)
        for change in read_records(history, "changes", Change):
            self._changes[change.commit].append(change)

    @property
    def training_cut(self) -> str:
        """The newest commit that is trained on."""
        return self.split.validation_cut or self.split.cut

    @cached_property
    def periods(self) -> dict[str, list[str]]:
        """Commits with changes by what they are used for, newest first: train, validation, heldout."""
        trained = ancestors(self.commits, self.training_cut)
        before = ancestors(self.commits, self.split.cut)
        found: dict[str, list[str]] = {"train": [], "validation": [], "heldout": []}
        for commit in self.commits:
            if commit.id in self._changes:
                use = "train" if commit.id in trained else "validation" if commit.id in before else "heldout"
                found[use].append(commit.id)
        return found

    def message(self, commit: str) -> tuple[str, tuple[str, ...]]:
        """Return a commit's clean message, trailers apart, and its lineage; both empty if it was removed."""
        occurrence = self._messages.get(commit)
        text = self._message_texts.get(commit, "")
        return (text, (occurrence.id,)) if occurrence is not None and text else ("", ())

    def versions(
        self, commits: Sequence[str], task: Task | None = None, wanted: Wanted = is_candidate
    ) -> Iterator[Version]:
        """Yield the files in which commits have candidates, in the order of `commits`, then by path."""
        for start in range(0, len(commits), _COMMITS):
            batch = commits[start : start + _COMMITS]
            changes = [change for commit in batch for change in self.changes(commit, wanted)]
            for change in changes:
                yield self._version(change)
            if task is not None:
                task.advance(len(batch))

    def changes(self, commit: str, wanted: Wanted = is_candidate) -> list[Change]:
        """Return the changes of a commit that have candidates for items, by path."""
        changes = self._changes[commit]
        return [change for change in changes if any(wanted(change, hunk) for hunk in change.hunks)]

    def all_changes(self, commit: str) -> list[Change]:
        """Return the changes of a commit, by path."""
        return self._changes.get(commit, [])

    def place(self, path: str, document: str) -> Occurrence | None:
        """Return the occurrence of a document at a path, removed or not; None when there is none."""
        return self._places.get((path, document))

    def tree_documents(self, revision: str) -> dict[str, str]:
        """Return the document at each path of a revision, removed ones too."""
        entries = read_records(self._history, "trees", TreeEntry)
        return {entry.path: entry.document for entry in entries if entry.revision == revision}

    def _version(self, change: Change) -> Version:
        occurrence = self._places.get((change.path, change.document))
        text = self.texts([change.document]).get(change.document)
        if occurrence is None or text is None:
            return Version(change, "", "", occurrence.removed if occurrence is not None else "missing")
        return Version(change, occurrence.id, "" if occurrence.removed else text, occurrence.removed)

    def tree(self, revision: str, use: str) -> Iterator[Placed]:
        """Yield the files of a revision that may be used to "train" or "index", by path."""
        for path, document in sorted(self.tree_documents(revision).items()):
            occurrence = self._places[path, document]
            if use not in occurrence.forbids:
                yield Placed(path, document, occurrence.id, self.texts([document])[document])

    def placed(self, occurrences: Collection[str]) -> Iterator[Placed]:
        """Yield files and versions by their occurrences, in the order of the corpus."""
        found = [place for place in self._places.values() if place.id in occurrences]
        for place in found:
            yield Placed(place.path, place.document, place.id, self.texts([place.document])[place.document])

    def tree_paths(self, revision: str) -> frozenset[str]:
        """Return the paths of all files of a revision."""
        return frozenset(self.tree_documents(revision))

    def texts(self, documents: Collection[str]) -> dict[str, str]:
        """Return the text of documents."""
        return self._texts.of(documents)

    def last_commits(self) -> dict[str, tuple[int, str]]:
        """Return for each path the last training commit that changed it, and how many others came after."""
        found: dict[str, tuple[int, str]] = {}
        for age, commit in enumerate(self.periods["train"]):
            for change in self._changes[commit]:
                found.setdefault(change.path, (age, commit))
        return found

    @cached_property
    def _places(self) -> dict[tuple[str, str], Occurrence]:
        found = (occurrence for occurrence in self._corpus.occurrences if occurrence.kind != "message")
        return {(occurrence.path, occurrence.document): occurrence for occurrence in found}

    @cached_property
    def _messages(self) -> dict[str, Occurrence]:
        found = (occurrence for occurrence in self._corpus.occurrences if occurrence.kind == "message")
        return {occurrence.revision: occurrence for occurrence in found if not occurrence.removed}

    @cached_property
    def _message_texts(self) -> dict[str, str]:
        texts = self.texts([occurrence.document for occurrence in self._messages.values()])
        return {
            commit: _TRAILER.sub("", texts[occurrence.document].replace("\r\n", "\n")).strip()
            for commit, occurrence in self._messages.items()
            if occurrence.document in texts
        }


class TrainingFiles:
    """The files of the training tree, best first; their text is read as far as it is asked for.

    Code comes before prose, the most recently changed first, in turns from the services: the top-level
    folders, or where a single folder holds nearly all of the code, the folders in which that one branches.
    """

    def __init__(self, material: Material) -> None:
        self._material = material
        self._last = material.last_commits()
        self._near: OrderedDict[int, SourceFile] = OrderedDict()  # the latest, with their parses
        self._near_size = 0
        found: dict[bool, dict[str, tuple[str, str, str]]] = {True: {}, False: {}}
        self.bytes = 0
        for path, document, occurrence, text in material.tree(material.training_cut, "train"):
            language = detect(path, text)
            if is_code(language) or language in PROSE:
                found[is_code(language)][path] = (language, document, occurrence)
                self.bytes += len(text.encode())
        self.code, self.prose = len(found[True]), len(found[False])
        places = found[True] | found[False]
        trunk = _trunk(found[True])
        order = self._in_turns(found[True], trunk) + self._in_turns(found[False], trunk)
        self._order = [(path, *places[path]) for path in order]

    def __iter__(self) -> Iterator[SourceFile]:
        """Go through the files from the first on, as often as wanted."""
        return map(self._file, range(len(self._order)))

    def _file(self, number: int) -> SourceFile:
        file = self._near.pop(number, None) or self._read(number)
        self._near[number] = file
        while self._near_size > _NEAR and len(self._near) > 1:
            self._near_size -= len(self._near.popitem(last=False)[1].text)
        return file

    def _read(self, number: int) -> SourceFile:
        path, language, document, occurrence = self._order[number]
        text = self._material.texts([document])[document]
        _, commit = self._last.get(path, (0, ""))
        message, lineage = self._material.message(commit)
        subject = message.partition("\n")[0].strip()
        self._near_size += len(text)
        return SourceFile(path, text, language, subject, (occurrence, *lineage))

    def _in_turns(self, paths: Iterable[str], trunk: str) -> list[str]:
        services: dict[str, list[str]] = defaultdict(list)
        for path in sorted(paths, key=lambda path: (self._age(path), path)):
            services[_service(path, trunk)].append(path)
        return [path for turn in zip_longest(*services.values()) for path in turn if path is not None]

    def _age(self, path: str) -> int:
        return self._last[path][0] if path in self._last else len(self._material.commits)


def _trunk(paths: Collection[str]) -> str:
    """Return the folder, with a slash, in which a tree branches into services; "" for its root."""
    trunk = ""
    while True:
        inside = Counter(_service(path, trunk) for path in paths if path.startswith(trunk))
        largest, count = max(inside.items(), key=lambda pair: (pair[1], pair[0]), default=("", 0))
        if largest in ("", trunk) or count < _NEARLY_ALL * len(paths):
            return trunk
        trunk = largest


def _service(path: str, trunk: str) -> str:
    """Return the folder of a path below the trunk, or below the root; the trunk itself for its own files."""
    start = len(trunk) if path.startswith(trunk) else 0
    return path[: path.find("/", start) + 1]
