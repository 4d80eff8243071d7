"""Parsing files into definitions, imports and calls against bare tree-sitter on the same files.

python benchmarks/bench_languages.py [FOLDER] [--megabytes N]      (default: the standard library, 4)

The limit makes the tree and nothing else: no query, no names, no second try where a file does not parse.
"""

from __future__ import annotations

import argparse
import random
import sysconfig
from collections import defaultdict
from importlib import import_module
from pathlib import Path

from timing import best_of
from tree_sitter import Language, Parser

from inhouse.languages import CODE, detect, parse

REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--megabytes", type=float, default=4.0, help="at most so much code")
    given = parser.parse_args()
    files = read(given.folder, given.megabytes)
    print(f"{given.folder.name}: {sum(map(len, files.values()))} files")
    print()
    print("| language | files | MB | tree-sitter alone (limit), MB/s | inhouse, MB/s | of the limit |")
    print("|---|---|---|---|---|---|")
    for language, texts in sorted(files.items()):
        bare = Parser(grammar(language))
        encoded = [text.encode() for _, text in texts]
        limit, ours = best_of(
            REPEATS,
            lambda bare=bare, encoded=encoded: [bare.parse(source) for source in encoded],
            lambda language=language, texts=texts: [parse(path, text, language) for path, text in texts],
        )
        size = sum(map(len, encoded)) / 1e6
        speeds = f"{size / limit:.1f} | {size / ours:.1f} | {limit / ours:.2f}"
        print(f"| {language} | {len(texts)} | {size:.2f} | {speeds} |")


def read(folder: Path, megabytes: float) -> dict[str, list[tuple[str, str]]]:
    """Return (path, text) of files by language, in random order, up to a size in all."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and "site-packages" not in path.parts)
    random.Random(0).shuffle(paths)
    found, size = defaultdict(list), 0
    for path in paths:
        language = detect(path.name)
        if language in CODE and size < megabytes * 1e6 and not path.name.endswith("tsx"):
            text = path.read_text(encoding="utf-8", errors="replace")
            found[language].append((path.name, text))
            size += len(text)
    return found


def grammar(language: str) -> Language:
    module = import_module(f"tree_sitter_{language}")
    return Language(module.language_typescript() if language == "typescript" else module.language())


if __name__ == "__main__":
    main()
