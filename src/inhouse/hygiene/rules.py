"""Secret rules, read from files in the gitleaks format (TOML, regular expressions in RE2 syntax).

    title = "..."
    [extend]            useDefault = true     the file's allowlists also cover the built-in rules
                        disabledRules = [..]  built-in rules that are switched off (with useDefault)
    [[allowlists]]      what no rule of the file may report; with targetRules, only those rules
    [[rules]]           id, description, regex, path, keywords, entropy, secretGroup, tags
      [[rules.allowlists]]  regexes, regexTarget (secret, match, line), paths, stopwords, condition (OR, AND)

`[allowlist]` and `[rules.allowlist]`, the older spelling, are read too. What cannot be honoured here
(commits, which a document does not have; files to extend; composite rules) is kept as a note and never hides
a finding.
The format: https://github.com/gitleaks/gitleaks#configuration
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import re2

from inhouse.errors import SettingsMistake, UserMistake

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BUILTIN_RULES", "Allowlist", "Rule", "RuleFile", "read_rules", "rule_bytes"]

BUILTIN_RULES = Path(__file__).with_name("rules.toml")

_TARGETS = ("secret", "match", "line")
_CONDITIONS = {"OR": False, "||": False, "AND": True, "&&": True}
_FILE_KEYS = {"title", "description", "minVersion", "extend", "allowlist", "allowlists", "rules"}
_RULE_KEYS = {"id", "description", "regex", "path", "keywords", "entropy", "secretGroup", "tags"}
_RULE_KEYS |= {"allowlist", "allowlists"}
_ALLOWLIST_KEYS = {"description", "condition", "commits", "paths", "regexTarget", "regexes", "stopwords"}
_ALLOWLIST_KEYS |= {"targetRules"}


@dataclass(frozen=True, slots=True)
class Allowlist:
    """What is not a secret after all."""

    regexes: tuple[Any, ...] = ()  # compiled, over UTF-8
    target: str = "secret"  # what `regexes` look at: the secret, the whole match, or its whole lines
    paths: tuple[Any, ...] = ()
    stopwords: tuple[bytes, ...] = ()  # in lower case
    commits: bool = False  # it names commits, which never match
    every: bool = False  # condition AND: all the criteria that it names must hold

    def allows(self, secret: bytes, match: bytes, line: bytes, paths: Sequence[str]) -> bool:
        """Tell whether this list excuses a finding in a document that stands at `paths`."""
        target = {"secret": secret, "match": match, "line": line}[self.target]
        checks = []
        if self.commits:
            checks.append(False)
        if self.paths:
            checks.append(self.allows_paths(paths))
        if self.regexes:
            checks.append(any(regex.search(target) for regex in self.regexes))
        if self.stopwords:
            lower = secret.lower()
            checks.append(any(word in lower for word in self.stopwords))
        return bool(checks) and (all(checks) if self.every else any(checks))

    def allows_paths(self, paths: Sequence[str]) -> bool:
        """Tell whether every one of `paths` is excused: one copy elsewhere is enough to look."""
        return bool(paths) and all(any(regex.search(path) for regex in self.paths) for path in paths)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret."""

    id: str
    description: str = ""
    regex: Any = None  # compiled, over UTF-8; None when the path alone tells
    path: Any = None  # compiled; None for any path
    keywords: tuple[str, ...] = ()  # in lower case: without one of them the rule is not tried
    entropy: float = 0.0  # bits per character that a secret must exceed; 0 for any
    group: int = 0  # of `regex`; 0 means the first group that is not empty, or the whole match
    tags: tuple[str, ...] = ()
    allowlists: tuple[Allowlist, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of rules. `allowlists` hold for all of them; `notes` say what the file asks for in vain."""

    rules: tuple[Rule, ...]
    allowlists: tuple[Allowlist, ...] = ()
    extends_builtin: bool = False
    disabled: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def read_rules(path: Path) -> RuleFile:
    """Read a rule file.

    Raises UserMistake when it cannot be read or is not TOML, SettingsMistake with all that is wrong in it.
    """
    try:
        content = tomllib.loads(rule_bytes(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserMistake("secret rules are TOML in the gitleaks format", f"{path} ({error})") from None
    reader = _Reader()
    rules = reader.file(content)
    if reader.problems:
        raise SettingsMistake(str(path), reader.problems)
    return rules


def rule_bytes(path: Path) -> bytes:
    """Return a rule file as it is. Raises UserMistake when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserMistake(
            "a file of secret rules must be readable", f"{path} ({error.strerror})", "see hygiene.rules"
        ) from None


@dataclass(slots=True)
class _Reader:
    """Turns parsed TOML into rules and collects every problem on the way."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def file(self, content: dict[str, Any]) -> RuleFile:
        self._unknown(content, _FILE_KEYS, "the file")
        extend = self._table(content, "extend", "the file")
        for key in sorted(set(extend) - {"useDefault", "disabledRules"}):
            self.notes.append(f"[extend] {key} is ignored: name further files in hygiene.rules")
        tables = self._tables(content, "rules", "the file")
        rules = [self.rule(table, number) for number, table in enumerate(tables, 1)]
        for name in sorted({rule.id for rule in rules if [other.id for other in rules].count(rule.id) > 1}):
            self.problems.append(f"rule {name!r} is there twice")
        shared, targeted = self._file_allowlists(content, {rule.id for rule in rules})
        return RuleFile(
            rules=tuple(_with_allowlists(rule, targeted.get(rule.id, ())) for rule in rules),
            allowlists=tuple(shared),
            extends_builtin=bool(extend.get("useDefault", False)),
            disabled=frozenset(self._strings(extend, "disabledRules", "[extend]")),
            notes=tuple(self.notes),
        )

    def rule(self, table: dict[str, Any], number: int) -> Rule:
        name = str(table.get("id", ""))
        where = f"rule {name!r}" if name else f"rule number {number}"
        if not name:
            self.problems.append(f"{where} has no id")
        if "regex" not in table and "path" not in table:
            self.problems.append(f"{where} has neither regex nor path")
        self._unknown(table, _RULE_KEYS, where)
        regex = self._regex(table, "regex", where)
        return Rule(
            id=name,
            description=str(table.get("description", "")),
            regex=regex,
            path=self._regex(table, "path", where),
            keywords=tuple(word.lower() for word in self._strings(table, "keywords", where)),
            entropy=float(self._number(table, "entropy", where)),
            group=self._group(table, regex, where),
            tags=tuple(self._strings(table, "tags", where)),
            allowlists=tuple(self.allowlist(each, where) for each in self._allowlists(table, where)),
        )

    def allowlist(self, table: dict[str, Any], where: str) -> Allowlist:
        where = f"an allowlist of {where}"
        self._unknown(table, _ALLOWLIST_KEYS, where)
        target = table.get("regexTarget") or "secret"
        if target not in _TARGETS:
            self.problems.append(f"{where}: regexTarget is one of {', '.join(_TARGETS)}, not {target!r}")
        condition = str(table.get("condition", "OR")).upper()
        if condition not in _CONDITIONS:
            self.problems.append(f"{where}: condition is OR or AND, not {condition!r}")
        commits = bool(self._strings(table, "commits", where))
        if commits:
            self.notes.append(f"{where} names commits, which are ignored: findings are per document")
        found = Allowlist(
            regexes=self._regexes(table, "regexes", where),
            target=target,
            paths=self._regexes(table, "paths", where),
            stopwords=tuple(word.lower().encode() for word in self._strings(table, "stopwords", where)),
            commits=commits,
            every=_CONDITIONS.get(condition, False),
        )
        if not (found.regexes or found.paths or found.stopwords or found.commits):
            self.problems.append(f"{where} names no regexes, paths, stopwords or commits")
        return found

    def _file_allowlists(
        self, content: dict[str, Any], known: set[str]
    ) -> tuple[list[Allowlist], dict[str, list[Allowlist]]]:
        shared: list[Allowlist] = []
        targeted: dict[str, list[Allowlist]] = {}
        for table in self._allowlists(content, "the file"):
            targets = self._strings(table, "targetRules", "the file")
            allowlist = self.allowlist(table, "the file")
            for name in targets:
                if name not in known:
                    self.problems.append(f"targetRules names {name!r}, which is no rule of the file")
                targeted.setdefault(name, []).append(allowlist)
            if not targets:
                shared.append(allowlist)
        return shared, targeted

    def _allowlists(self, table: dict[str, Any], where: str) -> list[dict[str, Any]]:
        older = self._table(table, "allowlist", where)
        return ([older] if older else []) + self._tables(table, "allowlists", where)

    def _group(self, table: dict[str, Any], regex: Any, where: str) -> int:
        group = int(self._number(table, "secretGroup", where))
        groups = regex.groups if regex is not None else 0
        if regex is not None and not 0 <= group <= groups:
            self.problems.append(f"{where}: secretGroup is {group}, but the regex has {groups} group(s)")
        return group

    def _regex(self, table: dict[str, Any], key: str, where: str) -> Any:
        if key not in table:
            return None
        return self._compile(table[key], f"{where}: {key}")

    def _regexes(self, table: dict[str, Any], key: str, where: str) -> tuple[Any, ...]:
        compiled = (self._compile(pattern, f"{where}: {key}") for pattern in self._strings(table, key, where))
        return tuple(regex for regex in compiled if regex is not None)

    def _compile(self, pattern: Any, where: str) -> Any:
        options = re2.Options()
        options.log_errors = False
        try:
            return re2.compile(str(pattern).encode(), options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
            self.problems.append(f"{where} is no RE2 expression ({reason})")
            return None

    def _number(self, table: dict[str, Any], key: str, where: str) -> float:
        value = table.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problems.append(f"{where}: {key} is a number, not {value!r}")
            return 0
        return value

    def _strings(self, table: dict[str, Any], key: str, where: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            self.problems.append(f"{where}: {key} is a list of strings")
            return []
        return value

    def _table(self, table: dict[str, Any], key: str, where: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.problems.append(f"{where}: {key} is a table")
            return {}
        return value

    def _tables(self, table: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            self.problems.append(f"{where}: {key} is a list of tables")
            return []
        return value

    def _unknown(self, table: dict[str, Any], known: set[str], where: str) -> None:
        self.notes += [f"{where}: {key} is not supported and ignored" for key in sorted(set(table) - known)]


def _with_allowlists(rule: Rule, more: Sequence[Allowlist]) -> Rule:
    return replace(rule, allowlists=rule.allowlists + tuple(more))
