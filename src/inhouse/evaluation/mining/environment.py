"""The Python that a project's tests run with: an interpreter of the machine, or one that the user named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.sandbox.whitelist import outermost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ANOTHER_PYTHON", "PythonEnvironment", "import_roots"]

ANOTHER_PYTHON = "name another environment with execution.python in inhouse.yaml: an interpreter or a venv"
"""What to do when tests do not run."""

_SECONDS = 30
_NEEDS = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.(?:cfg|py)|tox\.ini|pytest\.(?:ini|toml)|conftest\.py|[^/]*requirements?[^/]*\.(?:txt|in))$"
    r"|^requirements/"
)
_MEDDLING = {"xdist": "-n ", "xdist.looponfail": "-n ", "pytest-cov": "--cov", "pytest_cov": "--cov"}
_ROOTS = ("src", "lib", "python")
_PROBE = """
import importlib.metadata as metadata, json, os, sys
try:
    pytest = metadata.version("pytest")
except metadata.PackageNotFoundError:
    pytest = ""
plugins = sorted({(e.name, d.metadata["Name"]) for d in metadata.distributions() for e in d.entry_points
    if e.group == "pytest11"})
packages = sorted({f"{d.metadata['Name']} {d.version}" for d in metadata.distributions()})
print(json.dumps({"version": sys.version.split()[0], "prefix": sys.prefix, "base": sys.base_prefix,
    "path": [os.path.realpath(p) for p in sys.path if p and os.path.isdir(p)],
    "packages": packages, "pytest": pytest, "plugins": plugins}))
"""


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """An interpreter and what it brings."""

    executable: Path  # not resolved: the name is what makes it that of a virtual environment
    version: str
    pytest: str  # version, "" when it is not installed
    readable: tuple[Path, ...]  # what the sandbox has to show
    packages: tuple[str, ...]  # "name version", sorted
    plugins: tuple[tuple[str, str], ...]  # of pytest: (entry point, distribution)

    @classmethod
    def probe(cls, named: str | None, apart: Path) -> PythonEnvironment:
        """Ask an interpreter what it is; by default, the one that runs this.

        Nothing inside of `apart`, the repository, is made readable: its newer files are no dependencies.
        Raises UserMistake when there is none, or when it does not answer.
        """
        executable = _interpreter(named)
        answer = _ask(executable)
        named_places = {answer["prefix"], answer["base"], *answer["path"], str(executable.parent)}
        places = [Path(place) for place in named_places if not _is_in(place, apart)]
        return cls(
            executable=executable,
            version=answer["version"],
            pytest=answer["pytest"],
            readable=tuple(outermost(place for place in places if place.exists())),
            packages=tuple(answer["packages"]),
            plugins=tuple((name, distribution) for name, distribution in answer["plugins"]),
        )

    def plugins_named_in(self, files: Mapping[str, bytes]) -> list[str]:
        """Return the entry points of pytest's plugins that a project names where it says what it needs.

        Those that divide or measure the tests are left out unless the project's options call for them.
        """
        texts = [
            data.decode("utf-8", "replace").lower() for path, data in files.items() if _NEEDS.search(path)
        ]
        needs = "\n".join(texts).replace("_", "-")
        return [
            name
            for name, distribution in self.plugins
            if _is_named(distribution, needs) and (name not in _MEDDLING or _MEDDLING[name] in needs)
        ]


def import_roots(files: Iterable[str]) -> list[str]:
    """Return the folders from which a project's modules are imported: "src" and the like, "" for the root.

    >>> import_roots(["src/click/core.py", "tests/test_core.py"])
    ['src', '']
    """
    folders = {path.partition("/")[0] for path in files if path.endswith(".py") and "/" in path}
    return [root for root in _ROOTS if root in folders] + [""]


def _is_named(distribution: str, needs: str) -> bool:
    name = distribution.lower().replace("_", "-")
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", needs) is not None


def _interpreter(named: str | None) -> Path:
    if named is None:
        return Path(sys.executable)
    path = Path(named).expanduser().absolute()
    inside = path / "bin" / "python"
    if path.is_dir() and inside.exists():
        return inside
    if path.is_file():
        return path
    raise UserMistake(
        "execution.python is an interpreter or the folder of a virtual environment",
        named,
        "mend inhouse.yaml",
    )


def _ask(executable: Path) -> Mapping[str, Any]:
    try:
        done = subprocess.run(
            [str(executable), "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            cwd="/",
            check=True,
        )
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1:]
        raise UserMistake(
            "tests need a Python that answers", f"{executable} ({' '.join(reason)})", ANOTHER_PYTHON
        ) from None
    return answer


def _is_in(place: str, folder: Path) -> bool:
    """Tell whether a place lies in a folder; a virtual environment in a checkout does not count as that."""
    path = Path(place).resolve()
    own = path.is_relative_to(folder.resolve())
    return own and not any((parent / "pyvenv.cfg").exists() for parent in (path, *path.parents))
