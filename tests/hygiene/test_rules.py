"""The gitleaks rule format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inhouse.errors import SettingsMistake, UserMistake
from inhouse.hygiene.rules import BUILTIN_RULES, read_rules
from inhouse.hygiene.secrets import SecretScanner
from tests.hygiene.samples import fill

if TYPE_CHECKING:
    from pathlib import Path

FULL = r"""
title = "everything that the format has"
minVersion = "v8.25.0"

[extend]
useDefault = true
disabledRules = ["telegram-token", "generic-secret"]
path = "other.toml"

[[allowlists]]
description = "the whole file's"
paths = ['''^docs/''']
regexes = ['''demo-[a-z]+-9''']

[[allowlists]]
targetRules = ["acme-token"]
stopwords = ["Placebo"]

[[rules]]
id = "acme-token"
description = "A token of Acme"
regex = '''(?i)\bacme[-_](key|token)\s*=\s*"([a-z0-9-]{8,40})"'''
secretGroup = 2
keywords = ["ACME"]
entropy = 2.5
tags = ["token", "acme"]
[[rules.allowlists]]
condition = "AND"
regexTarget = "line"
regexes = ['''# *nosec''']
paths = ['''_test\.py$''']
[[rules.allowlists]]
regexTarget = "match"
regexes = ['''acme_key''']

[[rules]]
id = "acme-key-file"
path = '''\.acmekey$'''

[[rules]]
id = "acme-in-config"
regex = '''pin: (\d{4})'''
path = '''\.cfg$'''
[rules.allowlist]
regexes = ['''^0000$''']
commits = ["0123456789012345678901234567890123456789"]
[[rules.required]]
id = "acme-token"
withinLines = 5
"""


@pytest.fixture
def scanner(tmp_path: Path) -> SecretScanner:
    return SecretScanner([_write(tmp_path, FULL)])


def _write(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _found(scanner: SecretScanner, text: str, *paths: str) -> list[tuple[str, str]]:
    return [(match.rule, text[match.start : match.end]) for match in scanner.scan(text, paths)]


def test_every_key_of_the_format_is_read(tmp_path: Path) -> None:
    file = read_rules(_write(tmp_path, FULL))
    token, key_file, config = file.rules
    assert (token.id, token.description, token.group, token.entropy) == (
        "acme-token",
        "A token of Acme",
        2,
        2.5,
    )
    assert token.keywords == ("acme",)
    assert token.tags == ("token", "acme")
    assert [each.every for each in token.allowlists] == [True, False, False]
    assert [each.target for each in token.allowlists] == ["line", "match", "secret"]
    assert token.allowlists[2].stopwords == (b"placebo",)
    assert key_file.regex is None
    assert config.allowlists[0].commits
    assert len(file.allowlists) == 1
    assert file.extends_builtin
    assert file.disabled == {"telegram-token", "generic-secret"}


def test_what_cannot_be_honoured_is_noted_not_swallowed(scanner: SecretScanner) -> None:
    assert scanner.notes == (
        "[extend] path is ignored: name further files in hygiene.rules",
        "rule 'acme-in-config': required is not supported and ignored",
        "an allowlist of rule 'acme-in-config' names commits, which are ignored: findings are per document",
    )


def test_secret_group_names_the_span_not_the_match(scanner: SecretScanner) -> None:
    assert _found(scanner, 'ACME-TOKEN = "a1b2-c3d4-e5f6"', "a.py") == [("acme-token", "a1b2-c3d4-e5f6")]


def test_entropy_must_be_exceeded(scanner: SecretScanner) -> None:
    assert _found(scanner, 'acme-token = "aaaabbbbaaaabbbb"', "a.py") == []


def test_a_keyword_must_occur_in_any_case(tmp_path: Path) -> None:
    text = "[[rules]]\nid = \"x\"\nregex = '''\\d{6}'''\nkeywords = [\"PIN\"]\n"
    scanner = SecretScanner([_write(tmp_path, text)])
    assert _found(scanner, "code 123456") == []
    assert _found(scanner, "Pin 123456") == [("x", "123456")]


def test_condition_and_wants_all_criteria(scanner: SecretScanner) -> None:
    line = 'acme-token = "a1b2-c3d4-e5f6"  # nosec'
    assert _found(scanner, line, "acme_test.py") == []
    assert _found(scanner, line, "acme.py") != []
    assert _found(scanner, line.replace("nosec", ""), "acme_test.py") != []


def test_regex_target_match_sees_more_than_the_secret(scanner: SecretScanner) -> None:
    assert _found(scanner, 'acme_key = "a1b2-c3d4-e5f6"', "a.py") == []


def test_stopwords_excuse_in_any_case(scanner: SecretScanner) -> None:
    assert _found(scanner, 'acme-token = "a1b2-PLACEBO-e5f6"', "a.py") == []


def test_a_document_is_excused_only_where_all_its_paths_are(scanner: SecretScanner) -> None:
    line = 'acme-token = "a1b2-c3d4-e5f6"'
    assert _found(scanner, line, "docs/a.py") == []
    assert _found(scanner, line, "docs/a.py", "src/a.py") != []
    assert _found(scanner, line) != []  # a message has no path


def test_a_rule_without_regex_takes_the_whole_file(scanner: SecretScanner) -> None:
    assert _found(scanner, "anything\nat all\n", "deploy/prod.acmekey") == [
        ("acme-key-file", "anything\nat all\n")
    ]


def test_a_rule_with_a_path_holds_there_only(scanner: SecretScanner) -> None:
    assert _found(scanner, "pin: 1234", "a.cfg") == [("acme-in-config", "1234")]
    assert _found(scanner, "pin: 1234", "a.txt") == []
    assert _found(scanner, "pin: 0000", "a.cfg") == []


def test_extending_reaches_the_builtin_rules(scanner: SecretScanner) -> None:
    telegram = fill("{D10}:AA{A33}")
    github = fill("ghp_{A36}")
    assert _found(scanner, telegram, "a.py") == []
    assert _found(scanner, github, "a.py") == [("github-token", github)]
    assert _found(scanner, github, "docs/a.py") == []


def test_a_file_that_stands_alone_leaves_the_builtin_rules_alone(tmp_path: Path) -> None:
    scanner = SecretScanner([_write(tmp_path, "[allowlist]\npaths = ['''.*''']\n")])
    github = fill("ghp_{A36}")
    assert _found(scanner, github, "a.py") == [("github-token", github)]


def test_a_rule_of_the_same_id_replaces_the_builtin_one_when_extending(tmp_path: Path) -> None:
    text = "[extend]\nuseDefault = true\n[[rules]]\nid = 'github-token'\nregex = '''never-{2}'''\n"
    scanner = SecretScanner([_write(tmp_path, text)])
    assert _found(scanner, fill("ghp_{A36}"), "a.py") == []
    assert scanner.rule_ids.count("github-token") == 1


def test_the_first_group_that_is_not_empty_is_the_secret(tmp_path: Path) -> None:
    text = "[[rules]]\nid = 'x'\nregex = '''a=(?:\"([^\"]*)\"|'([^']+)')'''\n"
    scanner = SecretScanner([_write(tmp_path, text)])
    assert _found(scanner, "a='one'") == [("x", "one")]
    assert _found(scanner, 'a=""') == [("x", 'a=""')]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = r"""
    [[rules]]
    regex = '''(?<=a)b'''
    [[rules]]
    id = "b"
    [[rules]]
    id = "c"
    regex = '''(a)'''
    secretGroup = 2
    entropy = "high"
    keywords = "one"
    [[rules.allowlists]]
    condition = "XOR"
    regexTarget = "file"
    [[allowlists]]
    targetRules = ["nobody"]
    stopwords = ["x"]
    """
    with pytest.raises(SettingsMistake) as caught:
        read_rules(_write(tmp_path, text))
    assert caught.value.problems == (
        "rule number 1 has no id",
        "rule number 1: regex is no RE2 expression (invalid perl operator: (?<=)",
        "rule 'b' has neither regex nor path",
        "rule 'c': keywords is a list of strings",
        "rule 'c': entropy is a number, not 'high'",
        "rule 'c': secretGroup is 2, but the regex has 1 group(s)",
        "an allowlist of rule 'c': regexTarget is one of secret, match, line, not 'file'",
        "an allowlist of rule 'c': condition is OR or AND, not 'XOR'",
        "an allowlist of rule 'c' names no regexes, paths, stopwords or commits",
        "targetRules names 'nobody', which is no rule of the file",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "a file of secret rules must be readable"),
        (b"[[rules]\n", "secret rules are TOML in the gitleaks format"),
        (b"title = '\xff'\n", "secret rules are TOML in the gitleaks format"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserMistake, match=sentence):
        read_rules(path)
    with pytest.raises(UserMistake, match=sentence):
        SecretScanner([path])


def test_the_builtin_rules_ask_for_nothing_that_is_ignored() -> None:
    file = read_rules(BUILTIN_RULES)
    assert file.notes == ()
    assert len(file.rules) > 100
    assert all(rule.keywords and rule.tags and rule.description for rule in file.rules)
