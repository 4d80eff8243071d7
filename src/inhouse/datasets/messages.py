"""What kind of change a commit message speaks of, by its words alone.

The rules for good instructions follow CommitPackFT (Muennighoff et al. 2023, OctoPack, arXiv 2308.07124):
the subject is in the imperative, neither short nor long, and names no merge, revert, version bump or work on
the build machines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Message", "read_message"]

_SUBJECT_WORDS = (3, 24)
_LONGEST = 4_000  # characters of a message
_MERGE = re.compile(r"^merged?\b(?! sort)|^pull request\b", re.IGNORECASE)
_PULL = re.compile(r"^Merge (?:pull request [#!]?\d+|branch ').*|^Merged in .*\(pull request #\d+\)", re.I)
_REVERT = re.compile(r"^(?:revert(?:s|ed)?\b|back ?out\b)", re.IGNORECASE)
_BUMP = re.compile(
    r"^(?:bump|prepare (?:for )?release|release|version|start(?:ing)? (?:version )?v?\d"
    r"|update (?:dependencies|lock\w*)|upgrade \S+ to v?\d"
    r"|now working on)\b|^v?\d+\.\d+|\bbump (?:version|\S+ from)\b"
    r"|\[pre-commit\.ci\]|^\[?(?:auto|bot)\b|pre-commit autoupdate|pip-compile",
    re.IGNORECASE,
)
_CI = re.compile(
    r"\b(?:ci|travis|appveyor|circleci|azure pipelines?|github actions?|workflows?|codecov|tox|pre-commit"
    r"|dependabot|renovate|changelog|authors|contributors|coverage|copyright|license year)\b",
    re.IGNORECASE,
)
_REFACTOR = re.compile(
    r"\b(?:refactor(?:ed|ing)?|re-?factor|rename|extract|simplif(?:y|ied)|clean ?up|restructure|reorgani[sz]e"
    r"|dedup(?:licate)?|inline|move|split|consolidate|unify|rework|tidy|modernize)\b",
    re.IGNORECASE,
)
_BEHAVES = re.compile(
    r"\b(?:fix(?:e[sd])?|bug|add(?:s|ed)? support|new feature|break(?:s|ing)|change[sd]? behaviou?r|crash"
    r"|security|vulnerab\w+|leak|regression|error|wrong|incorrect|features?)\b",
    re.IGNORECASE,
)
_TICKET = re.compile(
    r"\b(?:fix(?:e[sd])?|close[sd]?|resolve[sd]?|refs?|references?)\b[ :]*"
    r"(?:[\w./-]*#\d+|https?://\S+/(?:issues|pull|merge_requests|browse)/\S+|\b[A-Z][A-Z0-9]+-\d+\b)"
    r"|^(?:PR-URL|Pull request|Closes|Issue|Ticket)\s*:.*$",
    re.IGNORECASE | re.MULTILINE,
)
_SQUASHED = re.compile(r"\s*\(#\d+\)\s*$")
_FIX = re.compile(r"\b(?:fix(?:e[sd]|ing)?|bug|repair|correct(?:s|ed)?|regression)\b", re.IGNORECASE)
_REVIEW = re.compile(
    r"\b(?:address(?:es|ed|ing)?|after|per|from|apply|incorporate)\b.{0,24}"
    r"\b(?:reviews?|feedback|(?:review )?comments?)\b"
    r"|^code review\b|\b(?:review(?:er'?s?)?|pr|mr) (?:comments?|feedback|fixes|suggestions?)\b"
    r"|\b(?:requested changes|changes requested)\b|^(?:fixup|squash)!",
    re.IGNORECASE,
)
_FIXUP = re.compile(r"^(?:fixup|squash)!", re.IGNORECASE)
_TAG = re.compile(r"^(?:\w+(?:\([^)]*\))?!?|[\w./-]+(?:,\s?[\w./-]+)*):\s+(?=\S)")
_REFERENCE = re.compile(
    r"^(?:PR-URL|Refs?|Fixes|Closes|Issue|Ticket|Backport\S*|See(?: also)?)\s*:.*$", re.I | re.M
)
# Subjects that do not begin with a verb in the imperative: other forms, and words that are never verbs.
_FORM = re.compile(r"\w{3,}(?:ed|ing|tion|ment|ness)$")
_NO_VERB = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "it",
        "some",
        "more",
        "new",
        "minor",
        "small",
        "better",
        "various",
        "several",
        "no",
        "not",
        "wip",
        "todo",
        "oops",
        "and",
        "or",
        "but",
        "for",
        "from",
        "in",
        "on",
        "at",
        "to",
        "with",
        "of",
        "as",
        "by",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "initial",
        "first",
        "another",
        "misc",
        "typo",
        "typos",
        "readme",
        "docs",
        "doc",
        "tests",
        "test",
        "comment",
        "comments",
    ]
)
_VERBS = frozenset(
    [
        "embed",
        "feed",
        "need",
        "exceed",
        "proceed",
        "seed",
        "speed",
        "string",
        "bring",
        "ring",
        "implement",
        "document",
        "mention",
    ]
)
_THIRD = re.compile(
    r"(?:adds|fixes|removes|makes|uses|updates|changes|moves|renames|allows|improves|handles)$"
)


@dataclass(frozen=True, slots=True)
class Message:
    """A commit message, read."""

    kind: str  # task, ticket, refactor, revert, or "" with a reason
    subject: str  # without its tag and its number
    body: str  # without lines that only refer to something
    reason: str  # why it is no task
    fixes: bool  # it says that something was wrong
    reviewed: bool  # it says that somebody asked for it

    @property
    def about(self) -> str:
        """The subject without what only says that a review asked for it, or which commit it belongs to."""
        return "" if _FIXUP.match(self.subject) else _REVIEW.sub("", self.subject).strip()

    @property
    def words(self) -> str:
        """Subject and body."""
        return f"{self.subject}\n\n{self.body}".strip()


def read_message(text: str, *, merged: bool = False) -> Message:
    """Return what a message asks for. That of a merged pull request is its title and description."""
    if merged:
        text = _PULL.sub("", text, count=1).strip()
    first, _, rest = text.strip().partition("\n")
    plain = _SQUASHED.sub("", first).strip()
    subject = _TAG.sub("", plain, count=1)
    subject = subject[:1].upper() + subject[1:]
    body = _REFERENCE.sub("", rest).strip()
    fixes, reviewed = bool(_FIX.search(subject)), bool(_REVIEW.search(plain))
    if _REVERT.match(subject):
        return Message("revert", subject, body, "a revert", fixes, reviewed)
    reason = _reason(plain, subject, text)
    squashed = bool(_SQUASHED.search(first))
    kind = "" if reason else "ticket" if merged else _kind(subject, body, text, squashed)
    return Message(kind, subject, body, reason, fixes, reviewed)


def _kind(subject: str, body: str, text: str, is_pull: bool) -> str:
    if _REFACTOR.search(subject) and not _BEHAVES.search(subject):
        return "refactor"
    return "ticket" if _TICKET.search(text) or (is_pull and body) else "task"


def _reason(plain: str, subject: str, text: str) -> str:
    """Return why a message is no instruction, "" when it is one."""
    words = subject.split()
    if not words:
        return "no message"
    if len(text) > _LONGEST:
        return "a message longer than an instruction"
    if _MERGE.match(subject):
        return "a merge"
    if _BUMP.search(plain) or _BUMP.search(subject):
        return "a version bump"
    if _CI.search(plain):
        return "about the build machines or the change log"
    if not _SUBJECT_WORDS[0] <= len(words) <= _SUBJECT_WORDS[1]:
        return "a subject of too few or too many words"
    return "" if _is_imperative(words[0]) else "a subject that is not in the imperative"


def _is_imperative(word: str) -> bool:
    bare = word.lower().strip("`'\"*_.,:;()[]")
    if bare in _VERBS:
        return True
    return bare.isalpha() and bare not in _NO_VERB and not _FORM.search(bare) and not _THIRD.match(bare)
