"""Secrets in text: rules with keywords, entropy and allowlists, over RE2.

One pass of a multi-string automaton over the lower-cased text tells which keywords occur; only the rules that
those keywords call for are tried, each in time linear in the text (no input can make RE2 backtrack).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import re2

from inhouse.digests import digest_bytes, digest_json
from inhouse.hygiene.rules import BUILTIN_RULES, Rule, RuleFile, read_rules, rule_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["SecretMatch", "SecretScanner", "entropy", "rules_digest"]

_MIN_REPEATED = 10  # characters from which a found secret is looked for in the rest of its document
_MAX_REPEATED = 200  # different ones in a document: a list of thousands would take minutes


@dataclass(frozen=True, slots=True)
class SecretMatch:
    """Where a secret stands: character offsets of the secret itself, and its first line (from 1)."""

    rule: str
    category: str  # the rule's first tag: token, key, password, url, ...
    start: int
    end: int
    line: int


class SecretScanner:
    """All the rules, ready to scan. `notes` say what the user's files ask for in vain."""

    def __init__(self, rule_files: Sequence[Path] = ()) -> None:
        self._files = _effective([read_rules(path) for path in (BUILTIN_RULES, *rule_files)])
        self._rules = [(rule, file) for file in self._files for rule in file.rules]
        self._keywords, self._wanted_by = _keyword_automaton([rule for rule, _ in self._rules])
        self.digest: str = rules_digest(rule_files)
        self.notes: tuple[str, ...] = tuple(note for file in self._files for note in file.notes)

    @cached_property
    def rule_ids(self) -> tuple[str, ...]:
        """The ids of all the rules, in the order in which they take precedence."""
        return tuple(rule.id for rule, _ in self._rules)

    def scan(self, text: str, paths: Sequence[str] = ()) -> list[SecretMatch]:
        """Return the secrets in a document that stands at `paths`, in order.

        Matches do not overlap: where rules meet, their spans are united under the first rule. A secret that
        comes again elsewhere in the text, without the words that gave it away, is matched there too.
        """
        data = text.encode("utf-8", "replace")  # one byte for a lone surrogate: offsets still map back
        spans = [span for number in self._candidates(text) for span in self._spans(number, data, paths)]
        found = _united(spans)
        found = _united([*found, *_repeated(data, found)])
        return list(self._matches(data, text.isascii(), found))

    def _candidates(self, text: str) -> list[int]:
        """Return the rules that the text's keywords call for, in rule order."""
        lower = text.lower().encode("utf-8", "replace")
        found = self._keywords.Match(lower) if self._keywords is not None else None
        wanted = {number for keyword in found or () for number in self._wanted_by[keyword]}
        wanted.update(number for number, (rule, _) in enumerate(self._rules) if not rule.keywords)
        return sorted(wanted)

    def _spans(self, number: int, data: bytes, paths: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Yield (start, end, rule number) in bytes for what one rule finds."""
        rule, file = self._rules[number]
        if rule.path is not None and not any(rule.path.search(path) for path in paths):
            return
        allowlists = rule.allowlists + file.allowlists
        if rule.regex is None:
            if data and not any(each.allows(b"", b"", b"", paths) for each in allowlists):
                yield 0, len(data), number
            return
        for match, start, end in _occurrences(rule, data):
            secret = data[start:end]
            if rule.entropy and entropy(secret) <= rule.entropy:
                continue
            line = _lines_around(data, *match.span())
            if not any(each.allows(secret, match.group(), line, paths) for each in allowlists):
                yield start, end, number

    def _matches(
        self, data: bytes, ascii_only: bool, spans: Iterable[tuple[int, int, int]]
    ) -> Iterator[SecretMatch]:
        byte = character = 0
        line = 1
        for start, end, number in spans:
            line += data.count(b"\n", byte, start)
            first = start if ascii_only else character + len(data[byte:start].decode("utf-8", "replace"))
            last = end if ascii_only else first + len(data[start:end].decode("utf-8", "replace"))
            rule, _ = self._rules[number]
            yield SecretMatch(rule.id, rule.tags[0] if rule.tags else "secret", first, last, line)
            line += data.count(b"\n", start, end)
            byte, character = end, last


def rules_digest(rule_files: Sequence[Path] = ()) -> str:
    """Return the digest of the built-in rules and the user's files, as they are now."""
    return digest_json([digest_bytes(rule_bytes(path)) for path in (BUILTIN_RULES, *rule_files)])


def entropy(value: bytes | str) -> float:
    """Return the Shannon entropy of a string in bits per character."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


def _effective(files: list[RuleFile]) -> list[RuleFile]:
    """Let files that extend the built-in rules switch them off, replace them and excuse their findings.

    The built-in rules come last: where rules meet, the user's gives the name.
    """
    builtin, *others = files
    extending = [file for file in others if file.extends_builtin]
    gone = {rule.id for file in extending for rule in file.rules}.union(
        *(file.disabled for file in extending)
    )
    builtin = replace(
        builtin,
        rules=tuple(rule for rule in builtin.rules if rule.id not in gone),
        allowlists=builtin.allowlists + tuple(each for file in extending for each in file.allowlists),
    )
    return [*others, builtin]


def _keyword_automaton(rules: Sequence[Rule]) -> tuple[Any, list[list[int]]]:
    """Return an automaton over all keywords, and for each of its results the rules that want it."""
    wanted_by: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        for keyword in rule.keywords:
            wanted_by.setdefault(keyword, []).append(number)
    if not wanted_by:
        return None, []
    options = re2.Options()
    options.literal = True
    automaton = re2.Set.SearchSet(options)
    for keyword in wanted_by:
        automaton.Add(keyword.encode())
    automaton.Compile()
    return automaton, list(wanted_by.values())


def _occurrences(rule: Rule, data: bytes) -> Iterator[tuple[Any, int, int]]:
    """Yield each match with the span of its secret.

    The search goes on behind the secret, not behind the match, whose tail may open the next one.
    """
    position = 0
    while position < len(data):
        match = rule.regex.search(data, position)
        if match is None:
            return
        start, end = _secret_span(rule, match)
        if end > start:
            yield match, start, end
        position = max(end, match.start() + 1, position + 1)


def _secret_span(rule: Rule, match: Any) -> tuple[int, int]:
    groups = [rule.group] if rule.group else range(1, rule.regex.groups + 1)
    spans = (match.span(group) for group in groups)
    return next(((start, end) for start, end in spans if end > start), (0, 0) if rule.group else match.span())


def _lines_around(data: bytes, start: int, end: int) -> bytes:
    last = data.find(b"\n", max(start, end - 1))
    return data[data.rfind(b"\n", 0, start) + 1 : last if last >= 0 else len(data)]


def _united(spans: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Merge overlapping spans; the rule that comes first in the files gives the name."""
    united: list[tuple[int, int, int]] = []
    for start, end, rule in sorted(spans):
        if united and start < united[-1][1]:
            first, last, other = united[-1]
            united[-1] = (first, max(last, end), min(other, rule))
        else:
            united.append((start, end, rule))
    return united


def _repeated(data: bytes, spans: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield further places of the secrets found: long ones with a digit, never plain words."""
    seen: set[bytes] = set()
    for start, end, rule in spans:
        secret = data[start:end]
        wordlike = secret.isalpha() or not any(48 <= byte <= 57 for byte in secret)
        if len(secret) < _MIN_REPEATED or wordlike or b"\n" in secret or secret in seen:
            continue
        seen.add(secret)
        if len(seen) > _MAX_REPEATED:
            return
        place = data.find(secret)
        while place >= 0:
            yield place, place + len(secret), rule
            place = data.find(secret, place + len(secret))
