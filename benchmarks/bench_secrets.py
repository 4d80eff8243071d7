"""The secret scanner against its own rules, each run by itself over the same files.

python benchmarks/bench_secrets.py [FOLDER] [--megabytes N]      (default: the standard library, 2)

Peers: every rule's expression in Python's `re`, and in RE2, one pass of a file for each rule. They only look
for matches; the scanner also weighs entropy and allowlists, unites overlaps and looks for repetitions. The
third peer is `re` with what the scanner does first: a rule is tried where one of its keywords occurs.
"""

from __future__ import annotations

import argparse
import random
import re
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from timing import best_of

from inhouse.hygiene.rules import BUILTIN_RULES, Rule, read_rules
from inhouse.hygiene.secrets import SecretScanner

REPEATS = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--megabytes", type=float, default=2.0, help="at most so much text")
    given = parser.parse_args()
    texts = read(given.folder, given.megabytes)
    sources = [text.encode() for text in texts]
    size = sum(map(len, sources)) / 1e6
    rules = [rule for rule in read_rules(BUILTIN_RULES).rules if rule.regex is not None]
    python = {rule.id: compiled for rule in rules if (compiled := in_python(rule)) is not None}
    google = {rule.id: rule.regex for rule in rules}
    scanner = SecretScanner()
    works = {
        "Python's re, a pass for each rule": lambda: every_rule(sources, list(python.values())),
        "RE2, a pass for each rule": lambda: every_rule(sources, list(google.values())),
        "Python's re, rules whose keyword occurs": lambda: by_keyword(sources, rules, python),
        "inhouse": lambda: sum(len(scanner.scan(text)) for text in texts),
    }
    print(f"{given.folder.name}: {len(texts)} files, {size:.2f} MB; {len(rules)} rules, {len(python)} in re")
    print()
    print("| scanner | processor seconds | MB/s | matches | inhouse is faster by |")
    print("|---|---|---|---|---|")
    spent = dict(zip(works, best_of(REPEATS, *works.values()), strict=True))
    for name, work in works.items():
        ratio = f"{spent[name] / spent['inhouse']:.1f}"
        print(f"| {name} | {spent[name]:.2f} | {size / spent[name]:.2f} | {work()} | {ratio} |")


def in_python(rule: Rule) -> re.Pattern[bytes] | None:
    try:
        return re.compile(rule.regex.pattern)
    except re.error:
        return None


def every_rule(sources: Sequence[bytes], expressions: Sequence[Any]) -> int:
    return sum(1 for source in sources for each in expressions for _ in each.finditer(source))


def by_keyword(sources: Sequence[bytes], rules: Sequence[Rule], python: dict[str, Any]) -> int:
    found = 0
    for source in sources:
        lower = source.lower()
        wanted = [rule for rule in rules if any(word.encode() in lower for word in rule.keywords)]
        found += every_rule([source], [python[rule.id] for rule in wanted if rule.id in python])
    return found


def read(folder: Path, megabytes: float) -> list[str]:
    """Return the texts of source files, in random order, up to a size in all."""
    paths = sorted(
        path for path in folder.rglob("*.*") if path.is_file() and "site-packages" not in path.parts
    )
    random.Random(0).shuffle(paths)
    texts: list[str] = []
    for path in paths:
        source = path.read_bytes()
        if sum(map(len, texts)) < megabytes * 1e6 and b"\0" not in source and len(source) < 1e6:
            texts.append(source.decode("utf-8", "replace"))
    return texts


if __name__ == "__main__":
    main()
