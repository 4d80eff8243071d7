"""Placeholders in the place of secrets."""

from __future__ import annotations

import ast
import json
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inhouse.hygiene.redaction import mostly_secret, placeholder, redact, redact_with_spans
from inhouse.hygiene.secrets import SecretMatch, SecretScanner
from tests.hygiene.samples import Sample, fill, private_key, samples

SCANNER = SecretScanner()


def _clean(text: str, *paths: str) -> str:
    return redact(text, SCANNER.scan(text, paths))


def _match(start: int, end: int) -> SecretMatch:
    return SecretMatch("some-rule", "token", start, end, 1)


def test_the_placeholder_names_the_rule() -> None:
    token = fill("ghp_{A36}")
    assert _clean(f'token = "{token}"\n', "a.py") == 'token = "<redacted:github-token>"\n'


def test_a_users_rule_name_cannot_break_quotes_or_lines() -> None:
    assert placeholder('my "rule"\\\n') == "<redacted:my--rule--->"


@pytest.mark.parametrize("sample", samples(5), ids=lambda sample: sample.rule)
def test_nothing_of_a_secret_is_left(sample: Sample) -> None:
    clean = _clean(sample.text, sample.path)
    pieces = {sample.secret[start : start + 12] for start in range(len(sample.secret) - 11)}
    assert [piece for piece in sorted(pieces) if piece in clean and "\n" not in piece] == []


@pytest.mark.parametrize("sample", samples(6), ids=lambda sample: sample.rule)
def test_a_second_scan_finds_nothing(sample: Sample) -> None:
    clean = _clean(sample.text, sample.path)
    assert SCANNER.scan(clean, (sample.path,)) == []


def test_each_line_of_a_private_key_has_a_placeholder() -> None:
    text = f"a\n{private_key(lines=3)}\nb\n"
    clean = _clean(text)
    assert clean.split("\n") == ["a", *["<redacted:private-key>"] * 5, "b", ""]


def test_line_ends_of_every_system_stay() -> None:
    text = private_key(lines=3, end="\r\n") + "\r\nx\r\n"
    assert _clean(text).replace("<redacted:private-key>", "") == "\r\n" * 4 + "\r\nx\r\n"


def test_what_held_the_secret_still_parses() -> None:
    secret = fill("{A20}9x")
    assert ast.parse(_clean(f"password = '{secret}'\n", "a.py"))
    assert json.loads(_clean(json.dumps({"password": secret}), "a.json"))
    assert yaml.safe_load(_clean(f"db:\n  password: {secret}\n", "a.yml")) == {
        "db": {"password": "<redacted:password-config>"}
    }
    assert tomllib.loads(_clean(f'password = "{secret}"\n', "a.toml"))


def test_spans_point_at_the_placeholders_in_bytes_of_the_clean_text() -> None:
    token = fill("ghp_{A36}")
    text = f"é {token} ü {token}\n"
    clean, spans = redact_with_spans(text, SCANNER.scan(text))
    encoded = clean.encode()
    assert [encoded[start:end].decode() for start, end in spans] == ["<redacted:github-token>"] * 2


@given(st.text(max_size=80), st.lists(st.integers(0, 80), min_size=2, max_size=8, unique=True))
def test_the_number_of_lines_never_changes(text: str, cuts: list[int]) -> None:
    places = sorted(cut for cut in cuts if cut <= len(text))
    matches = [_match(a, b) for a, b in zip(places[::2], places[1::2], strict=False)]
    clean = redact(text, matches)
    assert clean.count("\n") == text.count("\n")
    assert len(clean.splitlines()) == len(text.splitlines())


def test_a_file_that_is_a_key_is_mostly_secret() -> None:
    key = private_key()
    assert mostly_secret(key + "\n", SCANNER.scan(key + "\n"))


def test_a_program_with_a_key_in_it_is_not() -> None:
    text = f"KEY = '''{private_key(lines=2)}'''\n" + "def use(key):\n    return key.strip()\n" * 20
    assert not mostly_secret(text, SCANNER.scan(text))
    assert not mostly_secret("", [])
