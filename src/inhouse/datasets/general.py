"""General code for replay: folders that the user names, or else the Python packages of this machine.

A package counts when every licence that it names is permissive and its files lie beside it as it was
installed. What belongs to the source repository is passed over, by name, by module and by address, and so is
the standard library: on it the check for forgetting is made. Nothing is run, and nothing is fetched. Secrets
are redacted as in the corpus: what others published by mistake is not learnt here either.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import distributions
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_file, digest_json, digest_text
from inhouse.errors import UserMistake
from inhouse.hygiene.generated import classify
from inhouse.hygiene.redaction import mostly_secret, redact
from inhouse.hygiene.secrets import SecretScanner, rules_digest
from inhouse.languages import detect, is_code, is_test

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from importlib.metadata import Distribution, PackageMetadata

    from inhouse.records import Example

__all__ = ["General", "GeneralFile", "licence_of", "own_names", "replay_account"]

_SPDX = frozenset(
    """
    0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 ISC MIT MIT-0 PSF-2.0 Python-2.0 Unlicense Zlib
    """.split()  # noqa: SIM905 - a list to read
)
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "zlib/libpng License": "Zlib",
}
_NAMES = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "bsd": "BSD",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
    "psf": "PSF-2.0",
} | {name.lower(): name for name in _SPDX}
_PHRASES = (
    ("Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    ("Redistribution and use in source and binary forms", "BSD"),
    ("Apache License Version 2.0", "Apache-2.0"),
    ("distribute this software for any purpose with or without fee is hereby granted", "ISC"),
    ("This is free and unencumbered software released into the public domain", "Unlicense"),
    ("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2", "PSF-2.0"),
)
_COPYLEFT = re.compile(
    r"GNU (?:(?:AFFERO|LESSER|LIBRARY) )?GENERAL PUBLIC LICENSE|Mozilla Public License", re.I
)
_LICENCE_FILE = re.compile(r"(?i)(?:un)?(?:licen[cs]e|copying)(?:[.-][\w.-]+)?")
_HEAD = 3_000  # characters of a licence file that name it
_NOT_GENERAL = {"test", "tests", "testing", "_vendor", "vendor", "vendored", "third_party", "node_modules"}
_MIN_BYTES, _MAX_BYTES = 500, 100_000  # of a file
_ROOTS = {"", "src", "lib", "python"}  # folders in which a repository's modules lie
_NO_MODULES = {"setup", "conftest", "noxfile", "tasks", "tests", "test", "docs", "examples", "benchmarks"}
_NEXT = "name other folders in dataset.replay_from, or set dataset.replay to 0"


@dataclass(frozen=True, slots=True)
class GeneralFile:
    """A file of general code."""

    package: str
    version: str
    licence: str
    path: str
    text: str

    @property
    def lineage(self) -> tuple[str, ...]:
        """Where it comes from: the package with its version, its licence, the path in it."""
        return (f"{self.package} {self.version}".rstrip(), self.licence, self.path)


@dataclass(frozen=True, slots=True)
class _Package:
    name: str
    version: str
    licence: str
    names: frozenset[str]  # of the package, its modules and its addresses: for telling whose it is
    files: tuple[tuple[str, Path, str], ...]  # path inside, where it lies, its digest


class General:
    """General code, in an order that a seed decides.

    `rules` are further secret rules. `passed_over` counts packages that are not used, `secrets` what was
    redacted in the files that were read.
    """

    def __init__(self, folders: Sequence[Path], seed: int, rules: Sequence[Path] = ()) -> None:
        self._folders = folders
        self._seed = seed
        self._rules = rules
        self.passed_over: Counter[str] = Counter()
        self.secrets: Counter[str] = Counter(
            {"files read": 0, "secrets redacted": 0, "files that are mostly secret, left out": 0}
        )

    @property
    def digest(self) -> str:
        """What may be read: changes when a package, a file or a secret rule does."""
        packages = [
            [
                package.name,
                package.version,
                package.licence,
                [[path, seal] for path, _, seal in package.files],
            ]
            for package in self._packages
        ]
        return digest_json([packages, rules_digest(self._rules)])

    def files(self, own: Collection[str]) -> Iterator[GeneralFile]:
        """Yield the files, one of each package in turn, without packages that bear one of the `own` names.

        Raises UserMistake when no package is left.
        """
        used = [package for package in self._packages if not package.names & set(own)]
        self.passed_over["of the source repository"] += len(self._packages) - len(used)
        if not used:
            given = ", ".join(map(str, self._folders)) or "no Python package here is known to be"
            raise UserMistake(
                "replay needs general code under a permissive licence that is not of the repository",
                given,
                _NEXT,
            )
        turns = ([(package, file) for file in self._ordered(package)] for package in self._by_digest(used))
        for turn in zip_longest(*turns):
            for package, (path, place, _) in filter(None, turn):
                text = self._without_secrets(path, _readable(path, place))
                if text:
                    yield GeneralFile(package.name, package.version, package.licence, path, text)

    def _without_secrets(self, path: str, text: str) -> str:
        """Return a text with its secrets redacted, "" for one that is mostly secret."""
        if not text:
            return ""
        found = self._scanner.scan(text, [path])
        self.secrets["files read"] += 1
        if mostly_secret(text, found):
            self.secrets["files that are mostly secret, left out"] += 1
            return ""
        self.secrets["secrets redacted"] += len(found)
        return redact(text, found)

    @cached_property
    def _scanner(self) -> SecretScanner:
        return SecretScanner(self._rules)

    @cached_property
    def _packages(self) -> list[_Package]:
        if self._folders:
            return [_folder(folder) for folder in self._folders]
        found: dict[str, _Package] = {}
        for distribution in distributions():
            name = _plain(_value(distribution.metadata, "Name"))
            if name and name not in found:
                package = _installed(distribution)
                if package.licence and package.files:
                    found[name] = package
                else:
                    reason = "no Python files" if package.licence else "no permissive licence"
                    self.passed_over[reason] += 1
        return [found[name] for name in sorted(found)]

    def _by_digest(self, packages: Iterable[_Package]) -> list[_Package]:
        return sorted(packages, key=lambda package: digest_text(f"{self._seed} {package.name}"))

    def _ordered(self, package: _Package) -> list[tuple[str, Path, str]]:
        return sorted(package.files, key=lambda file: digest_text(f"{self._seed} {package.name} {file[0]}"))


def replay_account(rows: Iterable[Example], general: General) -> dict[str, Any]:
    """Return the account of general code: by licence, by package, what was not used, what was redacted."""
    licences: dict[str, Counter[str]] = defaultdict(Counter)
    packages: Counter[str] = Counter()
    for row in rows:
        package, licence, _ = row.lineage
        licences[licence] += Counter(rows=1, tokens=len(row.input_ids))
        packages[package] += len(row.input_ids)
    return {
        "licences": {licence: dict(counts) for licence, counts in sorted(licences.items())},
        "packages": dict(sorted(packages.items())),
        "passed_over": dict(sorted((+general.passed_over).items())),
        "secrets": dict(general.secrets),
    }


def own_names(repository: str, paths: Iterable[str]) -> frozenset[str]:
    """Return the names by which a package may show to be of a repository: its own and its Python modules'."""
    files = [PurePosixPath(path) for path in paths if path.endswith(".py")]
    folders = {path.parent for path in files if path.name == "__init__.py"}
    found = {folder.name for folder in folders if folder.parent not in folders}
    found |= {path.stem for path in files if path.parent.as_posix().removeprefix(".") in _ROOTS}
    return frozenset(
        _plain(name) for name in (repository.rpartition("/")[2], *(found - _NO_MODULES - {"__init__"}))
    )


def licence_of(expression: str, classifiers: Iterable[str], text: str) -> str:
    """Return the licence of a package when all that it names are permissive, else "".

    The SPDX expression counts where there is one (an exception is not known, so not permissive), then the
    classifiers, then a short free text.
    """
    if expression:
        named = [word for word in re.split(r"[\s()]+", expression) if word not in ("", "AND", "OR")]
        return expression if named and set(named) <= _SPDX else ""
    kinds = [line.split(" :: ")[-1] for line in classifiers if line.startswith("License :: ")]
    kinds = [kind for kind in kinds if kind not in ("OSI Approved", "DFSG approved")]
    if kinds:
        known = [_CLASSIFIERS.get(kind, "") for kind in kinds]
        return " AND ".join(sorted(set(known))) if all(known) else ""
    return _NAMES.get(text.strip().lower(), "")


def _installed(distribution: Distribution) -> _Package:
    metadata = distribution.metadata
    name, version = _value(metadata, "Name"), _value(metadata, "Version")
    licence = licence_of(
        _value(metadata, "License-Expression"),
        metadata.get_all("Classifier") or [],
        _value(metadata, "License"),
    )
    paths = [path for path in distribution.files or [] if path.suffix == ".py" and ".." not in path.parts]
    modules = {_plain(path.parts[0].removesuffix(".py")) for path in paths}
    urls = [_value(metadata, "Home-page"), *(metadata.get_all("Project-URL") or [])]
    addressed = {_plain(part.removesuffix(".git")) for url in urls for part in url.split("/")[3:5] if part}
    files = [
        (path.as_posix(), Path(str(place)), path.hash.value if path.hash else digest_file(Path(str(place))))
        for path in paths
        if licence
        and _is_general(path)
        and (place := distribution.locate_file(path))
        and Path(str(place)).is_file()
    ]
    return _Package(
        name, version, licence, frozenset({_plain(name)} | modules | addressed), tuple(sorted(files))
    )


def _value(metadata: PackageMetadata, key: str) -> str:
    return next(iter(metadata.get_all(key) or []), "")


def _folder(folder: Path) -> _Package:
    """Return a folder as a package. Raises UserMistake unless its licence file is permissive."""
    rule = "general code for replay is read from folders with a permissive licence at their top"
    if not folder.is_dir():
        raise UserMistake(rule, f"{folder} is no folder", _NEXT)
    licence = next(filter(None, map(_licence_in, sorted(folder.iterdir()))), "")
    if not licence:
        raise UserMistake(rule, f"{folder} has none that is known", _NEXT)
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    inside = {path.relative_to(folder).as_posix(): path for path in paths}
    names = own_names(folder.resolve().name, inside)
    files = [
        (name, path, digest_file(path))
        for name, path in sorted(inside.items())
        if is_code(detect(name)) and _is_general(PurePosixPath(name)) and not _of_standard_library(path)
    ]
    return _Package(folder.resolve().name, "", licence, names, tuple(files))


def _licence_in(path: Path) -> str:
    if not _LICENCE_FILE.fullmatch(path.name) or not path.is_file():
        return ""
    head = " ".join(path.read_text(encoding="utf-8", errors="replace").split())
    if _COPYLEFT.search(head[:_HEAD]):
        return ""
    return next((name for phrase, name in _PHRASES if phrase.lower() in head.lower()), "")


def _is_general(path: PurePosixPath) -> bool:
    """Tell whether a file is code of the package itself: no test, and nothing that it carries of others."""
    parts = path.parts
    return not (_NOT_GENERAL & set(parts) or any(part.startswith(".") for part in parts)) and not is_test(
        path.as_posix(), detect(path.as_posix())
    )


def _of_standard_library(path: Path) -> bool:
    """Tell whether a file is a module of this Python: general code of the check for forgetting."""
    root = Path(sysconfig.get_path("stdlib")).resolve()
    place = path.resolve()
    if not place.is_relative_to(root):
        return False
    return place.relative_to(root).parts[0].removesuffix(".py") in sys.stdlib_module_names


def _readable(path: str, place: Path) -> str:
    """Return the text of a file, or "" for one that nobody wrote, that is too short, or too long."""
    if not _MIN_BYTES <= place.stat().st_size <= _MAX_BYTES:
        return ""
    try:
        text = place.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return ""
    return "" if classify(path, text) else text


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
