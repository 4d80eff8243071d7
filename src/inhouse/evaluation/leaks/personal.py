"""Personal data in text, by rules and check digits: where it stands and of what kind, never the value."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.digests import digest_text, short

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Personal", "personal_data"]

_EXAMPLE_DOMAINS = re.compile(
    r"(?:^|\.)(?:example(?:\.\w+)?|test|invalid|localhost|local|domain\.\w+)$", re.I
)
_LARGEST_IN_VERSION = 20


@dataclass(frozen=True, slots=True)
class Personal:
    """One finding. `digest` tells equal values apart from others without saying them."""

    kind: str
    start: int
    end: int
    digest: str

    @property
    def shown(self) -> str:
        """What may be printed."""
        return f"{self.kind} of {self.end - self.start} characters"


def personal_data(text: str) -> list[Personal]:
    """Return what looks like personal data, in order; values that are reserved for examples are none."""
    found: list[Personal] = []
    for kind, pattern, is_real in _RULES:
        for match in pattern.finditer(text):
            taken = any(one.start < match.end() and match.start() < one.end for one in found)
            if not taken and is_real(match[0]):
                found.append(Personal(kind, *match.span(), short(digest_text(match[0]))))
    return sorted(found, key=lambda one: one.start)


def _is_mail(value: str) -> bool:
    name, _, domain = value.rpartition("@")
    generic = name.lower() in (
        "user",
        "username",
        "name",
        "foo",
        "bar",
        "me",
        "you",
        "git",
        "noreply",
        "no-reply",
    )
    return not generic and not _EXAMPLE_DOMAINS.search(domain)


def _is_iban(value: str) -> bool:
    """ISO 13616: moved and spelled in digits, the remainder by 97 is 1."""
    compact = value.replace(" ", "").upper()
    digits = "".join(str(int(char, 36)) for char in compact[4:] + compact[:4])
    return int(digits) % 97 == 1


def _is_card(value: str) -> bool:
    """ISO 7812: the check digit of Luhn."""
    digits = [int(char) for char in value if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 2 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_public_address(value: str) -> bool:
    """Is it an address of somebody, and no version such as 1.2.3.4?"""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.is_global and max(address.packed) > _LARGEST_IN_VERSION


def _is_phone(value: str) -> bool:
    """E.164: 8 to 15 digits; the range 555-01xx is for films."""
    digits = "".join(filter(str.isdigit, value))
    return 8 <= len(digits) <= 15 and len(set(digits)) > 3 and "55501" not in digits


def _is_social_security(value: str) -> bool:
    area, group, serial = value.split("-")
    known = ("078-05-1120", "219-09-9999", "123-45-6789")  # printed in advertisements and handbooks
    return (
        area not in ("000", "666")
        and area < "900"
        and group != "00"
        and serial != "0000"
        and value not in known
    )


_RULES: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    (
        "e-mail address",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?![\w-])"),
        _is_mail,
    ),
    ("account number", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _is_iban),
    ("card number", re.compile(r"(?<![\w.-])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{3,4}(?![\d.-])"), _is_card),
    ("social security number", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), _is_social_security),
    (
        "telephone number",
        re.compile(r"(?<![\w.+])\+[1-9]\d{0,2}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?![\w.])"),
        _is_phone,
    ),
    ("telephone number", re.compile(r"(?<![\w.-])\(\d{3}\) ?\d{3}-\d{4}(?![\w-])"), _is_phone),
    ("IP address", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"), _is_public_address),
    (
        "IP address",
        re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}(?![\w:])"),
        _is_public_address,
    ),
)
