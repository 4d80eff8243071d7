"""The history of lines: which commits made them what they are, and what their messages say.

git says which lines of which document (`git log -L`, over renames); the text is that of the documents, each
redacted as a whole, as the corpus is: a secret is often recognised by lines that stand before it. Messages
are redacted likewise, and lose their addresses. Authors are not named: what changed, and why, is enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake
from inhouse.hygiene.encoding import decode
from inhouse.hygiene.patterns import PathPatterns
from inhouse.hygiene.redaction import mostly_secret, redact
from inhouse.hygiene.secrets import SecretScanner
from inhouse.sources.git import MISSING
from inhouse.sources.paths import is_escaped

if TYPE_CHECKING:
    from inhouse.config import Settings
    from inhouse.sources.git import Repository
    from inhouse.sources.lines import LineChange, Span

__all__ = ["LineHistory", "Lines", "Version", "read_place"]

MOST_LINES = 400
"""Lines that are followed at once; more is the history of a file, which no reader wants line by line."""

_MESSAGE_PATH = "COMMIT_EDITMSG"  # the name that the corpus gives to messages
_MESSAGE_CHARACTERS = 2_000
_LINE_CHARACTERS = 1_000
_ADDRESS = re.compile(r"<?[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}>?")
_PLACE = re.compile(r"(?P<path>.+?):(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a path. `hidden` says why their text is not shown, "" when it is."""

    path: str
    start_line: int
    end_line: int
    text: tuple[str, ...]
    hidden: str  # excluded, huge, missing, binary, encoding, secret, merge


@dataclass(frozen=True, slots=True)
class Version:
    """What one commit did to the lines. `before` is empty where they began."""

    commit: str
    date: int
    message: str
    before: tuple[Lines, ...]
    after: tuple[Lines, ...]


class LineHistory:
    """Reads histories of lines of one repository."""

    def __init__(self, repository: Repository, settings: Settings) -> None:
        self._repository = repository
        self._scanner = SecretScanner(settings.hygiene.rules)
        self._exclude = PathPatterns(settings.sources.exclude)
        self._largest = settings.sources.max_file_bytes
        self._texts: dict[tuple[str, str], tuple[list[str], str]] = {}  # (path, document): lines, why hidden

    def versions(self, path: str, first: int, last: int, limit: int, revision: str = "") -> list[Version]:
        """Return the newest `limit` commits that changed lines `first` to `last`, newest first.

        Lines are counted at `revision`, the id of a commit in the history of the tip, by default the tip.
        Raises UserMistake for a commit that is not there, a path without text, lines that it does not have.
        """
        commit = self._repository.past(revision or self._repository.tip)
        if not commit:
            rule = "a revision is the id of a commit that the checked-out branch builds on"
            raise UserMistake(rule, revision, "see `git log --format=%H`")
        self._check(commit, path, first, last)
        changes = self._repository.line_changes(commit, path, first, last)
        found = list(islice((change for change in changes if change.after), limit))
        messages = dict(self._repository.messages([change.commit for change in found]))
        return [self._version(change, messages.get(change.commit, "")) for change in found]

    def _check(self, commit: str, path: str, first: int, last: int) -> None:
        """Raise UserMistake where git would."""
        lines, hidden = self._document(commit, path)
        where = f"{path} at {commit[:12]}"
        if hidden:
            raise UserMistake("lines are followed in a text of the repository", f"{where} ({hidden})")
        if not 1 <= first <= last <= len(lines):
            rule = f"lines are counted from 1 to the end of the file, {len(lines)} here"
            raise UserMistake(rule, f"{where}, {_range(first, last)}")
        if last - first >= MOST_LINES:
            raise UserMistake(f"at most {MOST_LINES} lines are followed at once", _range(first, last))

    def _version(self, change: LineChange, message: str) -> Version:
        merge = len(change.parents) > 1
        before = [span for span in change.before if span.path and span.count]
        parent = change.parents[0] if change.parents else ""
        return Version(
            change.commit,
            change.date,
            self._message(message),
            tuple(self._lines(parent, span, merge=merge) for span in before if parent),
            tuple(self._lines(change.commit, span) for span in change.after if span.count),
        )

    def _lines(self, commit: str, span: Span, *, merge: bool = False) -> Lines:
        """Return lines of a document; of a merge it is not said which parent's they were."""
        last = span.start + span.count - 1
        if merge:
            return Lines(span.path, span.start, last, (), "merge")
        lines, hidden = self._document(commit, span.path)
        if not hidden and last > len(lines):  # git saw other line ends than the decoded text has
            hidden = "encoding"
        text = () if hidden else tuple(line[:_LINE_CHARACTERS] for line in lines[span.start - 1 : last])
        return Lines(span.path, span.start, last, text, hidden)

    def _document(self, commit: str, path: str) -> tuple[list[str], str]:
        """Return the redacted lines of a file, or why there are none."""
        if is_escaped(path) or self._exclude.matches(path):
            return [], "excluded"
        entry = self._repository.entry(commit, path)
        if entry is None or entry.size == MISSING:
            return [], "missing"
        if entry.size > self._largest:
            return [], "huge"
        place = (path, entry.document)
        if place not in self._texts:
            self._texts[place] = self._redacted(entry.document, path)
        return self._texts[place]

    def _redacted(self, document: str, path: str) -> tuple[list[str], str]:
        for _, content in self._repository.read([document]):
            decoded = decode(content)
            if decoded.problem:
                return [], decoded.problem
            matches = self._scanner.scan(decoded.text, [path])
            if mostly_secret(decoded.text, matches):
                return [], "secret"
            return _split(redact(decoded.text, matches)), ""
        return [], "missing"

    def _message(self, message: str) -> str:
        matches = self._scanner.scan(message, [_MESSAGE_PATH])
        if mostly_secret(message, matches):
            return ""
        return _ADDRESS.sub("<redacted:address>", redact(message, matches)).strip()[:_MESSAGE_CHARACTERS]


def read_place(place: str) -> tuple[str, int, int]:
    """Return path, first and last line of ``src/a.py:10`` or ``src/a.py:10-20``. Raises UserMistake."""
    found = _PLACE.fullmatch(place.strip())
    if found is None:
        raise UserMistake("a place is a path and a line", place, "try src/app.py:10 or src/app.py:10-20")
    first = int(found["first"])
    return found["path"], first, int(found["last"] or first)


def _split(text: str) -> list[str]:
    """Return the lines as git counts them."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _range(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"
