"""Which units of a test suite execute which functions; run inside of the sandbox, beside the project.

    python inhouse_reach.py       with reach.json beside this file:
        {"language": "c", "build": SHELL, "units": {NAME: SHELL}, "gcov": "gcov"}
        {"language": "javascript", "build": "", "units": {NAME: SHELL}}

C is compiled with counters (`--coverage`) by compilers of the usual names that lie first on the path, and
read with gcov; V8 counts by itself where NODE_V8_COVERAGE names a folder. reach-found.json gets
{"units": {NAME: {PATH: [KEY, ...]}}}, where a KEY is the function's name in C, its end in JavaScript.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
_COMPILERS = ("cc", "gcc", "c99", "c89", "clang")
_AT_ONCE = 200  # files for one call of gcov

Executed = dict[str, set[str]]


def _main() -> None:
    given = json.loads((_HERE / "reach.json").read_text())
    of_language = _c if given["language"] == "c" else _javascript
    units = of_language(given)
    rows = {unit: {path: sorted(keys) for path, keys in found.items()} for unit, found in units.items()}
    (_HERE / "reach-found.json").write_text(json.dumps({"units": rows}))


def _shell(script: str, variables: dict[str, str]) -> None:
    subprocess.run(
        ["sh", "-c", script],
        cwd=_ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


# ------------------------------------------------------------ C


def _c(given: dict[str, Any]) -> dict[str, Executed]:
    variables = {"PATH": f"{_compilers()}:{os.environ['PATH']}"}
    _shell(given["build"], variables)
    _counted(given["gcov"])  # what the build itself has run
    found = {}
    for unit, script in given["units"].items():
        _shell(script, variables)
        found[unit] = _counted(given["gcov"])
    return found


def _compilers() -> Path:
    """Make a folder of compilers that count."""
    folder = _HERE / "compilers"
    folder.mkdir(exist_ok=True)
    for name in _COMPILERS:
        real = shutil.which(name)
        if real is not None:
            (folder / name).write_text(f'#!/bin/sh\nexec {real} "$@" --coverage -fprofile-update=atomic -w\n')
            (folder / name).chmod(0o755)
    return folder


def _counted(gcov: str) -> Executed:
    """Return what was executed since the last time, and forget it."""
    counts = list(_counts())
    found: Executed = {}
    by_folder: dict[Path, list[str]] = {}
    for path in counts:
        by_folder.setdefault(path.parent, []).append(path.name)
    for folder, names in by_folder.items():
        for start in range(0, len(names), _AT_ONCE):
            _read_gcov(gcov, folder, names[start : start + _AT_ONCE], found)
    for path in counts:
        path.unlink()
    return found


def _counts() -> Iterator[Path]:
    mounted = {line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    for folder, folders, names in os.walk(_ROOT):
        folders[:] = [name for name in folders if f"{folder}/{name}" not in mounted]
        yield from (Path(folder, name) for name in names if name.endswith(".gcda"))


def _read_gcov(gcov: str, folder: Path, names: list[str], found: Executed) -> None:
    done = subprocess.run(
        [gcov, "--json-format", "--stdout", *names],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
    )
    for line in done.stdout.splitlines():
        try:
            report = json.loads(line)
        except ValueError:
            continue
        for file in report.get("files", ()):
            path = _inside(Path(report["current_working_directory"]) / file["file"])
            for function in file["functions"] if path else ():
                if function["execution_count"] > 0:
                    found.setdefault(path, set()).add(function["name"].partition(".")[0])


def _inside(path: str | Path) -> str:
    """Return a path of the project, "" for another."""
    real = os.path.normpath(path)
    return os.path.relpath(real, _ROOT) if real.startswith(f"{_ROOT}{os.sep}") else ""


# ------------------------------------------------------------ JavaScript


def _javascript(given: dict[str, Any]) -> dict[str, Executed]:
    found = {}
    for unit, script in given["units"].items():
        folder = _HERE / "v8"
        _shell(script, {"NODE_V8_COVERAGE": str(folder)})
        found[unit] = _of_v8(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _of_v8(folder: Path) -> Executed:
    found: Executed = {}
    for path in folder.glob("coverage-*.json"):
        try:
            scripts = json.loads(path.read_text())["result"]
        except (ValueError, KeyError):  # it was killed while it wrote
            continue
        for script in scripts:
            place = _inside(script["url"].removeprefix("file://"))
            for function in script["functions"] if place and "node_modules" not in place else ():
                reach = function["ranges"][0]
                if reach["count"] > 0:
                    found.setdefault(place, set()).add(str(reach["endOffset"]))
    return found


if __name__ == "__main__":
    _main()
