"""Calls that are known to be insecure, by the name of what is called and by what is given to it.

Own rules over the calls that the grammars find, so that nothing is run and every machine finds the same. Each
has its number in the Common Weakness Enumeration (cwe.mitre.org), the reason, and what to do instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.languages import Call, Parsed

__all__ = ["RULES", "Rule", "insecure_calls"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A call to look for. `callee` matches the whole name; `given`, if any, must be found in the call."""

    name: str
    languages: tuple[str, ...]
    callee: str
    given: str
    weakness: str
    why: str
    instead: str


_C = ("c", "cpp")
_SCRIPT = ("javascript", "typescript")
_UNBOUNDED = "It writes as much as it is given and does not know the size of its target, so that long input"
_SHELL = "It hands a string to a shell, so that a part of it that comes from outside can run other commands."
_RACE = "Between the making of the name and that of the file somebody else may make it."
_OBJECTS = "It builds any object that the data names, and so runs code that whoever wrote the data chose."
_WEAK = "Collisions of this hash can be made at will, so it proves nothing about what it was made from."
_TRUST = "It accepts any certificate, so that anybody on the way can read and change what is sent."

RULES = (
    Rule(
        "unbounded copy",
        _C,
        r"(?:std::)?(?:strcpy|strcat|stpcpy|gets|vsprintf)",
        "",
        "CWE-120",
        f"{_UNBOUNDED} overwrites what lies behind it.",
        "Give the size of the target: snprintf, strlcpy, fgets.",
    ),
    Rule(
        "unbounded print",
        _C,
        r"(?:std::)?sprintf",
        r'"[^"]*%s',
        "CWE-120",
        f"{_UNBOUNDED} overwrites what lies behind it.",
        "Use snprintf with the size of the target, and look at what it returns.",
    ),
    Rule(
        "unbounded scan",
        _C,
        r"(?:std::)?[fs]?scanf",
        r'"[^"]*%(?:s|\[)',
        "CWE-120",
        "A word of any length is read into a target of a fixed size.",
        "Give the width of the field, one less than the size of the target.",
    ),
    Rule(
        "format from outside",
        _C,
        r"(?:std::)?v?printf|syslog",
        r"^\w+\(\s*(?:LOG_\w+\s*,\s*)?[a-z_]\w*\s*[,)]",
        "CWE-134",
        "The format is no literal: with %n or %s in it, whoever chose it reads and writes memory.",
        'Give a literal format, such as "%s", and the text as an argument.',
    ),
    Rule(
        "shell",
        _C,
        r"(?:std::)?(?:system|popen)",
        r"\(\s*[^\s\")]",
        "CWE-78",
        _SHELL,
        "Start the program itself with a list of arguments: posix_spawn, execve.",
    ),
    Rule("temporary name", _C, r"mktemp|tmpnam|tempnam", "", "CWE-377", _RACE, "Use mkstemp."),
    Rule(
        "evaluated text",
        ("python",),
        r"(?:builtins\.)?(?:eval|exec)",
        r"\(\s*[^\s\"')]",
        "CWE-95",
        "It runs text as code, so that whoever can change the text can run anything.",
        "Parse what is expected: ast.literal_eval, json.loads, or a table of functions.",
    ),
    Rule(
        "shell",
        ("python",),
        r"os\.(?:system|popen)|commands\.getoutput",
        "",
        "CWE-78",
        _SHELL,
        "Use subprocess.run with a list of arguments.",
    ),
    Rule(
        "shell",
        ("python",),
        r"(?:subprocess\.)?(?:run|call|check_call|check_output|Popen)",
        r"shell\s*=\s*True",
        "CWE-78",
        _SHELL,
        "Give a list of arguments and leave shell out.",
    ),
    Rule(
        "objects from data",
        ("python",),
        r"(?:c?[pP]ickle|dill|shelve|marshal)\.(?:loads?|Unpickler|open)",
        "",
        "CWE-502",
        _OBJECTS,
        "Use a format of plain values, such as JSON.",
    ),
    Rule(
        "objects from data",
        ("python",),
        r"yaml\.(?:load|unsafe_load|full_load)",
        r"^(?!.*(?:SafeLoader|CSafeLoader|BaseLoader)).*",
        "CWE-502",
        _OBJECTS,
        "Use yaml.safe_load.",
    ),
    Rule(
        "weak hash",
        ("python",),
        r"hashlib\.(?:md5|sha1)",
        r"^(?!.*usedforsecurity\s*=\s*False).*",
        "CWE-328",
        _WEAK,
        "Use sha256, or say usedforsecurity=False where nothing hangs on it.",
    ),
    Rule(
        "temporary name",
        ("python",),
        r"tempfile\.mktemp|os\.tempnam",
        "",
        "CWE-377",
        _RACE,
        "Use tempfile.mkstemp or NamedTemporaryFile.",
    ),
    Rule(
        "no certificate check",
        ("python",),
        r"[\w.]*(?:get|post|put|patch|delete|request|Session|Client)",
        r"verify\s*=\s*False",
        "CWE-295",
        _TRUST,
        "Leave verify as it is, or name the certificate authority.",
    ),
    Rule(
        "no certificate check",
        ("python",),
        r"ssl\._create_unverified_context",
        "",
        "CWE-295",
        _TRUST,
        "Use ssl.create_default_context.",
    ),
    Rule(
        "unpacked anywhere",
        ("python",),
        r"[\w.]*\.extractall",
        r"^(?!.*(?:filter|members)\s*=).*",
        "CWE-22",
        "Names in the archive may lead out of the folder, so that other files are overwritten.",
        'Give filter="data", or look at each name first.',
    ),
    Rule(
        "evaluated text",
        _SCRIPT,
        r"eval|Function|vm\.runIn\w+",
        r"\(\s*[^\s\"'`)]",
        "CWE-95",
        "It runs text as code, so that whoever can change the text can run anything.",
        "Parse what is expected, with JSON.parse or a table of functions.",
    ),
    Rule(
        "shell",
        _SCRIPT,
        r"(?:child_process|cp)\.exec(?:Sync)?|execSync",
        r"\(\s*(?:[^\s\"'`)]|`[^`]*\$\{)",
        "CWE-78",
        _SHELL,
        "Use execFile or spawn with a list of arguments.",
    ),
    Rule(
        "raw markup",
        _SCRIPT,
        r"document\.write(?:ln)?|[\w.]*\.insertAdjacentHTML",
        "",
        "CWE-79",
        "Text becomes markup, so that a part of it that comes from outside can bring a script.",
        "Set textContent, or clean the markup first.",
    ),
    Rule(
        "weak hash",
        _SCRIPT,
        r"(?:crypto\.)?createHash",
        r"\(\s*['\"](?:md5|sha1)['\"]",
        "CWE-328",
        _WEAK,
        "Use sha256.",
    ),
    Rule(
        "shell",
        ("go",),
        r"exec\.Command(?:Context)?",
        r"\(\s*(?:\w+,\s*)?\"(?:/bin/)?(?:ba)?sh\"\s*,\s*\"-c\"",
        "CWE-78",
        _SHELL,
        "Start the program itself with its arguments.",
    ),
    Rule("weak hash", ("go",), r"(?:md5|sha1)\.(?:New|Sum)", "", "CWE-328", _WEAK, "Use crypto/sha256."),
    Rule(
        "shell",
        ("java",),
        r"[\w.]*(?:getRuntime\(\))?\.?exec",
        r"\"(?:/bin/)?(?:ba)?sh\"|\+",
        "CWE-78",
        _SHELL,
        "Use ProcessBuilder with a list of arguments.",
    ),
    Rule(
        "objects from data",
        ("java",),
        r"[\w.]*\.?readObject",
        "",
        "CWE-502",
        _OBJECTS,
        "Use a format of plain values, or filter the classes.",
    ),
    Rule(
        "weak hash",
        ("java",),
        r"(?:[\w.]*MessageDigest\.)?getInstance",
        r"\(\s*\"(?:MD5|SHA-?1)\"",
        "CWE-328",
        _WEAK,
        "Use SHA-256.",
    ),
    Rule(
        "shell",
        ("rust",),
        r"(?:[\w:]*::)?Command::new",
        r"\"(?:/bin/)?(?:ba)?sh\"",
        "CWE-78",
        _SHELL,
        "Start the program itself with its arguments.",
    ),
)

_BY_LANGUAGE: dict[str, list[tuple[Rule, re.Pattern[str], re.Pattern[str]]]] = {}
for _rule in RULES:
    for _language in _rule.languages:
        _compiled = (_rule, re.compile(_rule.callee), re.compile(_rule.given, re.DOTALL))
        _BY_LANGUAGE.setdefault(_language, []).append(_compiled)


def insecure_calls(parsed: Parsed, text: str) -> Iterator[tuple[Call, Rule]]:
    """Yield the calls of a file that a rule is about, in source order, each with the first such rule."""
    rules = _BY_LANGUAGE.get(parsed.language, [])
    raw = text.encode() if rules else b""
    for call in parsed.calls if rules else ():
        for rule, callee, given in rules:
            if callee.fullmatch(call.name) and given.search(
                raw[call.start : call.end].decode("utf-8", "replace")
            ):
                yield call, rule
                break
