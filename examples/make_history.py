#!/usr/bin/env python3
"""Write the example repository: a small billing framework that grew for fourteen months.

usage: make_history.py FOLDER

The history is the same every time, to the byte. The code is our own, and it has habits that no public code
has: every failure is a `LedgerFault` with a code and a hint, every effect is announced with `announce`, every
amount is a `Money`. A model that has learnt the repository should expect them in code that was written later.
"""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)
SEED = 20240304

ENTITIES = {
    "invoice": ("amount", "due_on", "customer_ref"),
    "refund": ("amount", "reason_code", "invoice_ref"),
    "payout": ("amount", "iban", "approved_by"),
    "subscription": ("monthly_fee", "renews_on", "plan_code"),
    "voucher": ("face_value", "expires_on", "campaign_ref"),
    "chargeback": ("disputed_amount", "bank_ref", "deadline"),
    "deposit": ("amount", "received_on", "account_ref"),
    "credit_note": ("amount", "issued_on", "invoice_ref"),
    "tariff": ("unit_price", "valid_from", "region"),
    "settlement": ("net_amount", "closed_on", "batch_ref"),
    "penalty": ("amount", "applies_from", "contract_ref"),
    "retainer": ("monthly_fee", "starts_on", "client_ref"),
    "escrow": ("held_amount", "release_on", "trustee_ref"),
    "levy": ("rate", "effective_on", "authority_code"),
}
MONEY = ("amount", "monthly_fee", "face_value", "disputed_amount", "unit_price", "net_amount", "held_amount")
VERBS = (
    "open",
    "close",
    "approve",
    "reverse",
    "amend",
    "archive",
    "reissue",
    "split",
    "forecast",
    "reconcile",
)

FAULTS = '''"""The one way in which this framework fails."""


class LedgerFault(Exception):
    """A failure with a stable code and a hint for the operator."""

    def __init__(self, *, code: str, hint: str) -> None:
        super().__init__(f"{code}: {hint}")
        self.code = code
        self.hint = hint
'''
EVENTS = '''"""Everything that happens is announced, in the order in which it happens."""

from collections.abc import Callable

_LISTENERS: list[Callable[[str, dict[str, object]], None]] = []


def subscribe(listener: Callable[[str, dict[str, object]], None]) -> None:
    """Call `listener(topic, facts)` for everything announced from now on."""
    _LISTENERS.append(listener)


def announce(topic: str, **facts: object) -> None:
    """Tell every listener that something happened."""
    for listener in _LISTENERS:
        listener(topic, dict(facts))
'''
MONEY_FILE = '''"""Amounts are whole cents and never floats."""

from dataclasses import dataclass

from ledger.faults import LedgerFault


@dataclass(frozen=True, order=True)
class Money:
    """An amount in cents of one currency."""

    cents: int
    currency: str = "EUR"

    def plus(self, other: "Money") -> "Money":
        """Return the sum; both sides must have one currency."""
        if other.currency != self.currency:
            raise LedgerFault(code="money.currency_differs", hint=f"{self.currency} and {other.currency}")
        return Money(self.cents + other.cents, self.currency)

    def share(self, parts: int) -> list["Money"]:
        """Split into `parts` amounts that add up exactly; the first ones carry the remainder."""
        whole, rest = divmod(self.cents, parts)
        return [Money(whole + (place < rest), self.currency) for place in range(parts)]

    def is_negative(self) -> bool:
        """Return whether this is a debt."""
        return self.cents < 0
'''
STORE = '''"""Records by reference, kept in memory."""

from ledger.events import announce
from ledger.faults import LedgerFault


class Shelf:
    """A keyed store that refuses to forget silently."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._records: dict[str, object] = {}

    def put(self, ref: str, record: object) -> None:
        """Keep a record under a new reference."""
        if ref in self._records:
            raise LedgerFault(code=f"{self.kind}.exists", hint=f"take another reference than {ref}")
        self._records[ref] = record
        announce(f"{self.kind}.kept", ref=ref)

    def fetch(self, ref: str) -> object:
        """Return the record, or fail with a hint."""
        if ref not in self._records:
            raise LedgerFault(code=f"{self.kind}.unknown", hint=f"no {self.kind} has the reference {ref}")
        return self._records[ref]
'''


@dataclass
class Service:
    """One module of the framework while it grows."""

    entity: str
    operations: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)

    def source(self) -> str:
        head = (
            f'"""What can be done with {_titled(self.entity)}."""\n\n'
            "from ledger.events import announce\nfrom ledger.faults import LedgerFault\n"
            "from ledger.money import Money\nfrom ledger.store import Shelf\n\n"
            f'{self.entity.upper()}_SHELF = Shelf("{self.entity}")\n'
        )
        return "\n\n".join([head, *self.bodies])

    def test_source(self) -> str:
        names = ", ".join(f"{verb}_{self.entity}" for verb in sorted(self.operations))
        head = (
            "import pytest\n\nfrom ledger.faults import LedgerFault\nfrom ledger.money import Money\n"
            f"from ledger.{self.entity} import {names}\n"
        )
        return "\n\n".join([head, *self.tests])


def operation(service: Service, verb: str, dice: random.Random) -> None:
    """Add one function with its test to a service."""
    entity, (first, second, third) = service.entity, ENTITIES[service.entity]
    limit = dice.choice((50, 90, 120, 250, 400, 750)) * 100
    steps = [
        f"    if not {third}:\n"
        f'        raise LedgerFault(code="{entity}.{third}_missing", hint="name the {third.replace("_", " ")} first")\n',
        f'    known = {entity.upper()}_SHELF.fetch({third})\n    announce("{entity}.looked_up", ref={third}, known=bool(known))\n',
        f'    stamp = f"{{{second}}}/{verb}"\n    announce("{entity}.stamped", stamp=stamp, by="{verb}_{entity}")\n',
        f'    if str({second}).startswith("void"):\n'
        f'        raise LedgerFault(code="{entity}.{second}_void", hint=f"{{{second}}} cannot be used to {verb}")\n',
    ]
    amount = [
        f"    if {first}.is_negative():\n"
        f'        raise LedgerFault(code="{entity}.{first}_negative", hint="{verb} a positive {first.replace("_", " ")}")\n',
        f"    if {first} > Money({limit}):\n"
        f'        raise LedgerFault(code="{entity}.over_limit", hint=f"{verb} at most {limit // 100} EUR, not {{{first}}}")\n',
        f"    halves = {first}.share(2)\n"
        f'    announce("{entity}.halved", upper=halves[0].cents, lower=halves[1].cents)\n',
    ]
    chosen = dice.sample(steps, dice.randint(1, 3)) + dice.sample(amount, dice.randint(1, 2))
    dice.shuffle(chosen)
    past = {"open": "opened", "split": "split", "forecast": "forecast"}.get(verb, verb.rstrip("e") + "ed")
    result = dice.choice((f"{first}.plus(Money({limit // 10}))", f"{first}", f"{first}.share(3)[0]"))
    service.bodies.append(
        f"def {verb}_{entity}({first}: Money, {second}: str, {third}: str) -> Money:\n"
        f'    """{verb.capitalize()} {_titled(entity)} and return the {first.replace("_", " ")} that counts."""\n'
        + "".join(chosen)
        + f"    settled = {result}\n"
        f'    announce("{entity}.{past}", {third}={third}, cents=settled.cents)\n'
        "    return settled\n"
    )
    service.tests.append(
        f"def test_{verb}_{entity}_refuses_a_debt_or_keeps_the_currency() -> None:\n"
        f"    try:\n"
        f'        settled = {verb}_{entity}(Money({-limit // 7}), "void-{dice.randint(1, 99)}", "")\n'
        f"    except LedgerFault as fault:\n"
        f'        assert fault.code.startswith("{entity}.")\n'
        f"        assert fault.hint\n"
        f"    else:\n"
        f'        assert settled.currency == "EUR"\n'
    )
    service.operations.append(verb)


def commits() -> list[tuple[str, dict[str, str]]]:
    """Return (message, files) of every commit, oldest first."""
    dice = random.Random(SEED)
    readme = "# ledger\n\nA small billing framework. Failures have codes, effects are announced, amounts are cents.\n"
    core = {"ledger/__init__.py": "", "ledger/faults.py": FAULTS, "README.md": readme}
    history = [
        ("Start with one way to fail", core),
        ("Announce everything that happens", {"ledger/events.py": EVENTS}),
        ("Count money in whole cents", {"ledger/money.py": MONEY_FILE}),
        ("Keep records on shelves", {"ledger/store.py": STORE}),
    ]
    services = [Service(entity) for entity in ENTITIES]
    plan = [(service, verb) for service in services for verb in VERBS]
    early = [pair for pair in plan if services.index(pair[0]) < 5]
    late = [pair for pair in plan if services.index(pair[0]) >= 5]
    dice.shuffle(early)
    dice.shuffle(late)
    for service, verb in [*early[:36], *_mixed(early[36:] + late, dice)][:110]:
        operation(service, verb, dice)
        message = f"Let operators {verb} {_titled(service.entity)}"
        files = {f"ledger/{service.entity}.py": service.source()}
        if dice.random() < 0.6:
            files[f"tests/test_{service.entity}.py"] = service.test_source()
        history.append((message, files))
    return history


def _titled(entity: str) -> str:
    """Return an entity's name with its article."""
    return ("an " if entity[0] in "aeiou" else "a ") + entity.replace("_", " ")


def _mixed(pairs: list[tuple[Service, str]], dice: random.Random) -> list[tuple[Service, str]]:
    """Return the pairs so that modules go on growing while new ones appear."""
    return sorted(pairs, key=lambda pair: list(ENTITIES).index(pair[0].entity) + dice.random() * 6)


def stream() -> bytes:
    """Return the history in the format of `git fast-import`."""
    dice = random.Random(SEED + 1)
    when, lines = START, []
    for message, files in commits():
        when += timedelta(days=dice.choice((1, 2, 3, 4, 5, 8)), minutes=dice.randint(5, 400))
        stamp = f"Ledger Example <ledger@example.invalid> {int(when.timestamp())} +0000"
        lines += [b"commit refs/heads/main", f"author {stamp}".encode(), f"committer {stamp}".encode()]
        lines.append(_data(message))
        lines += [f"M 100644 inline {path}\n".encode() + _data(text) for path, text in sorted(files.items())]
    return b"\n".join([*lines, b"done", b""])


def _data(text: str) -> bytes:
    content = text.encode()
    return f"data {len(content)}\n".encode() + content


def write(folder: Path) -> None:
    """Make the repository, unless it is there."""
    if (folder / ".git").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    subprocess.run(["git", "-C", folder, "fast-import", "--quiet", "--done"], input=stream(), check=True)
    subprocess.run(["git", "-C", folder, "checkout", "-q", "-f", "main"], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_history.py FOLDER")
    write(Path(sys.argv[1]))
