"""A repository with strong, odd conventions of its own, made of nothing but a seed.

It is a small internal framework (`ledgerkit`) and services on top of it. Every function logs with
`log_event("SERVICE/ACTION:stage", ...)`, looks entries up with `vault.pick_or_none(kind=..., ref=...)`, fails
with `raise LedgerFault(code="LF-nnnn", hint=...)` and answers with `Verdictlet.of(...)`. A model that knows
public code only cannot guess these; a model tuned on the first eleven months should.
"""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inhouse.digests import digest_text
from inhouse.records import Item

if TYPE_CHECKING:
    from pathlib import Path

START = int(datetime(2025, 1, 6, 9, 0, tzinfo=UTC).timestamp())
DAY = 86_400
MONTHS = 14
COMMITS = 84

# fmt: off
_NOUNS = (
    "invoice", "tariff", "payout", "refund", "voucher", "batch", "mandate", "quote",
    "deposit", "transfer", "rebate", "charge", "escrow", "parcel", "permit", "roster",
    "ticket", "lease", "claim", "bond", "meter", "docket", "beacon", "cohort",
)
_VERBS = (
    "settle", "freeze", "reopen", "audit", "split", "merge",
    "expire", "renew", "assign", "release", "verify", "archive",
)
# fmt: on
_SERVICES = ("billing", "custody", "dispatch", "treasury", "intake", "clearing")

_FRAMEWORK = '''"""What every service of the house builds on."""

from __future__ import annotations


class LedgerFault(Exception):
    """The only exception that a service may raise."""

    def __init__(self, *, code: str, hint: str, ref: str = "") -> None:
        super().__init__(f"{code}: {hint}")
        self.code = code
        self.hint = hint
        self.ref = ref


class Verdictlet:
    """What every service function returns."""

    def __init__(self, kind: str, payload: dict) -> None:
        self.kind = kind
        self.payload = payload

    @classmethod
    def of(cls, kind: str, **payload) -> "Verdictlet":
        return cls(kind, payload)


def log_event(topic: str, **fields) -> None:
    """Write an event; topics look like service/action:stage."""
    print(topic, fields)
'''

_HEAD = '''"""{service}: {noun}s."""

from __future__ import annotations

from ledgerkit.core import LedgerFault, Verdictlet, log_event
from ledgerkit.vault import Vault
'''

_BODIES = (
    """

def {verb}_{noun}(vault: Vault, {noun}_ref: str, amount_minor: int) -> Verdictlet:
    log_event("{service}/{verb}_{noun}:begin", ref={noun}_ref)
    entry = vault.pick_or_none(kind="{noun}", ref={noun}_ref)
    if entry is None:
        raise LedgerFault(code="LF-{code}", hint="{noun}_not_held", ref={noun}_ref)
    with vault.guarded(entry, reason="{verb}"):
        entry.shift_minor(amount_minor, unit="minor")
    log_event("{service}/{verb}_{noun}:done", ref={noun}_ref, amount=amount_minor)
    return Verdictlet.of("{noun}_{verb}", ref=entry.ref, stamp=vault.stamp())
""",
    """

def {verb}_{noun}_run(vault: Vault, {noun}_refs: list[str]) -> Verdictlet:
    log_event("{service}/{verb}_{noun}_run:begin", size=len({noun}_refs))
    held = [vault.pick_or_none(kind="{noun}", ref=ref) for ref in {noun}_refs]
    if any(entry is None for entry in held):
        raise LedgerFault(code="LF-{code}", hint="{noun}_run_incomplete")
    for entry in held:
        entry.mark_state("{verb}", stamp=vault.stamp())
    log_event("{service}/{verb}_{noun}_run:done", size=len(held))
    return Verdictlet.of("{noun}_{verb}_run", refs=[entry.ref for entry in held])
""",
    """

def can_{verb}_{noun}(vault: Vault, {noun}_ref: str) -> Verdictlet:
    log_event("{service}/can_{verb}_{noun}:begin", ref={noun}_ref)
    entry = vault.pick_or_none(kind="{noun}", ref={noun}_ref)
    if entry is None or entry.is_sealed():
        raise LedgerFault(code="LF-{code}", hint="{noun}_sealed", ref={noun}_ref)
    allowed = entry.minor_left() > vault.floor_minor("{noun}")
    log_event("{service}/can_{verb}_{noun}:done", ref={noun}_ref, allowed=allowed)
    return Verdictlet.of("{noun}_{verb}_check", ref=entry.ref, allowed=allowed)
""",
)
_MESSAGES = (
    "Add {verb} for {noun} to {service}",
    "{service}: {verb} {noun}",
    "Let {service} {verb} a {noun}",
)


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit: one file as it was and as it became."""

    number: int
    date: int
    message: str
    path: str
    before: str
    after: str

    @property
    def added(self) -> str:
        return self.after[len(self.before) :]


@dataclass(frozen=True, slots=True)
class Planted:
    """The repository: its commits, oldest first, and when its held-out period begins."""

    revisions: tuple[Revision, ...]
    cut_date: int

    def tree(self) -> dict[str, str]:
        """Return the files at the cut."""
        return {
            revision.path: revision.after for revision in self.revisions if revision.date <= self.cut_date
        }

    def items(self) -> list[Item]:
        """Return what was added after the cut, one item for each commit."""
        known = set(self.tree())
        return [
            Item(
                id=digest_text(f"{revision.number} {revision.path}"),
                split="heldout",
                commit=f"{revision.number:040x}",
                date=revision.date,
                path=revision.path,
                language="python",
                message=revision.message,
                prefix=revision.before,
                target=revision.added,
                known_path=revision.path in known,
            )
            for revision in self.revisions
            if revision.date > self.cut_date
        ]


def plant(seed: int = 0, commits: int = COMMITS) -> Planted:
    """Return the repository of a seed; each commit after the first adds one function to one file."""
    draw = random.Random(seed)
    pairs = [(verb, noun) for verb in _VERBS for noun in _NOUNS]
    draw.shuffle(pairs)
    files = {"ledgerkit/core.py": _FRAMEWORK}
    revisions = [Revision(0, START, "Begin the framework", "ledgerkit/core.py", "", _FRAMEWORK)]
    length = MONTHS * 30 * DAY
    for number, (verb, noun) in enumerate(pairs[: commits - 1], 1):
        service = draw.choice(_SERVICES)
        path = f"services/{service}/{noun}.py"
        before = files.get(path, _HEAD.format(service=service, noun=noun))
        values = {"verb": verb, "noun": noun, "service": service, "code": draw.randrange(1000, 9999)}
        files[path] = before + draw.choice(_BODIES).format(**values)
        message = draw.choice(_MESSAGES).format(**values)
        date = START + length * number // commits
        revisions.append(Revision(number, date, message, path, before, files[path]))
    return Planted(tuple(revisions), START + length - 90 * DAY)


def write_repository(planted: Planted, folder: Path) -> None:
    """Make a git repository of it."""
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    for revision in planted.revisions:
        path = folder / revision.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(revision.after, encoding="utf-8")
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message", revision.message, date=revision.date)


def _git(folder: Path, *words: str, date: int = 0) -> None:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "Planter",
        "GIT_AUTHOR_EMAIL": "planter@example.org",
        "GIT_COMMITTER_NAME": "Planter",
        "GIT_COMMITTER_EMAIL": "planter@example.org",
        "GIT_AUTHOR_DATE": f"{date} +0000",
        "GIT_COMMITTER_DATE": f"{date} +0000",
    }
    subprocess.run(["git", "-C", str(folder), *words], check=True, env=environment)
