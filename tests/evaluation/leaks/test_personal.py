"""Values that mean a person are found; examples, versions and numbers of programs are not."""

from __future__ import annotations

import pytest

from inhouse.evaluation.leaks import personal_data

PERSONAL = [
    ("mail ada.lovelace@analytical-engines.co.uk now", "e-mail address"),
    ("IBAN DE89 3704 0044 0532 0130 00.", "account number"),
    ("iban = 'GB82WEST12345698765432'", "account number"),
    ("card 4539 1488 0343 6467", "card number"),
    ("ssn 536-22-8726", "social security number"),
    ("call +49 30 901820 today", "telephone number"),
    ("tel (212) 736-5000", "telephone number"),
    ("host 93.184.216.34 down", "IP address"),
]
NOT_PERSONAL = [
    "user@example.com and bob@mail.example.org and root@localhost",
    "git@github.com:pallets/click.git",
    "DE89 3704 0044 0532 0130 01",  # wrong check digits
    "4539 1488 0343 6468",
    "1111 1111 1111 1111",
    "version 1.2.3.4, 127.0.0.1, 10.0.0.7, 192.168.1.1, 203.0.113.9",
    "078-05-1120 and 000-12-3456",
    "x = a + 1234567890",
    "2024-01-31 12:30:00",
    "decorator @property, a@b",
    "0x4539148803436467",
    "sha 3f786850e387550fdab836ed7e6dc881de23001b",
]


@pytest.mark.parametrize(("text", "kind"), PERSONAL)
def test_a_value_that_means_a_person_is_found_once(text: str, kind: str) -> None:
    (found,) = personal_data(text)
    assert found.kind == kind
    assert text[found.start : found.end] not in found.shown
    assert text[found.start : found.end] not in repr(found)


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_examples_and_numbers_of_programs_are_not_personal(text: str) -> None:
    assert personal_data(text) == []


def test_equal_values_have_equal_digests() -> None:
    first, second, third = personal_data("a@firm.de b@firm.de a@firm.de")
    assert first.digest == third.digest != second.digest


def test_long_noise_takes_no_time() -> None:
    for noise in (
        "1" * 50_000,
        "+1 " * 20_000,
        "a@" * 20_000,
        "a." * 20_000 + "@",
        "DE89 " + "ABCD " * 10_000,
    ):
        personal_data(noise)
