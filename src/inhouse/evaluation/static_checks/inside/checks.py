"""Runs inside the sandbox: starts each checker once for all the files, and keeps what it says.

Reads /work/inhouse-plan.json: {"python": [path], "types": {path: the path that it stands for}, "c": [path],
"includes": [folder], "interpreter": path, "tools": [name]}; writes /work/inhouse-said.json: {name: {"status",
"out", "err"}}, under "broken" the Python files that do not parse, and under "mypy" {path: the same}.
"""

import ast
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

_SECONDS = 300
_TYPE_SECONDS = 1_200  # of all files together
_ASSERT = "B101"  # an assertion is no weakness
_CACHE = "/tmp/mypy"  # noqa: S108 - the sandbox's own
_PYTHON = [sys.executable, "-I", "-m"]  # -I: a module of the repository never stands in for a checker
_MYPY = [
    "--no-error-summary",
    "--show-error-codes",
    "--no-pretty",
    "--no-color-output",
    "--hide-error-context",
]


def _run(command: list[str]) -> dict[str, object]:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"status": None, "out": "", "err": str(error)}
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return {"status": done.returncode, "out": out, "err": err}


def _parses(path: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_configured_for_mypy() -> bool:
    if any(Path(name).exists() for name in ("mypy.ini", ".mypy.ini")):
        return True
    texts = (Path(name) for name in ("pyproject.toml", "setup.cfg"))
    return any(
        "mypy" in path.read_text(encoding="utf-8", errors="replace") for path in texts if path.exists()
    )


def _ruff(files: list[str]) -> dict[str, object]:
    """Lint; where ruff refuses the repository's settings, with its own."""
    command = [*_PYTHON, "ruff", "check", "--output-format", "json", "--no-cache", "--exit-zero"]
    said = _run([*command, *files])
    if said["status"] == 0:
        return said
    return _run([*command, "--isolated", *files]) | {"refused": said["err"]}


def _mypy(files: dict[str, str], interpreter: str) -> dict[str, dict[str, object]]:
    """Check each file in the place of the one that it stands for: beside it, its classes would be others.

    One process with one cache: after the first, only what changed is read. It stops when its time is over.
    """
    from mypy import api

    more = [] if _is_configured_for_mypy() else ["--ignore-missing-imports"]
    python = ["--python-executable", interpreter] if interpreter else []
    options = [*_MYPY, *more, *python, "--cache-dir", _CACHE, "--follow-imports", "silent"]
    started = time.monotonic()
    said: dict[str, dict[str, object]] = {}
    for variant, place in sorted(files.items(), key=lambda pair: pair[::-1]):
        if time.monotonic() - started > _TYPE_SECONDS:
            break
        target = Path(place)
        before = target.read_bytes() if target.exists() else None
        target.write_bytes(Path(variant).read_bytes())
        out, err, status = api.run([*options, place])
        said[variant] = {"status": status, "out": out, "err": err}
        if before is not None:
            target.write_bytes(before)
        else:
            target.unlink()
    return said


def _gcc(files: list[str], includes: list[str]) -> dict[str, object]:
    # after the system's own folders: a header of the repository may be called errno.h
    folders = [word for folder in includes for word in ("-iquote", folder, "-idirafter", folder)]
    command = [
        "gcc",
        "-fsyntax-only",
        "-Wall",
        "-Wextra",
        "-D_GNU_SOURCE",
        "-fdiagnostics-format=json",
        *folders,
    ]
    said = [_run([*command, path]) for path in files]
    return {"status": 0, "out": "\n".join(str(one["err"]) for one in said), "err": ""}


def main() -> None:
    """Run what the plan asks for."""
    plan = json.loads(Path("inhouse-plan.json").read_text(encoding="utf-8"))
    tools, c = set(plan["tools"]), plan["c"]
    sound = [path for path in plan["python"] if _parses(path)]
    typed = {path: place for path, place in plan["types"].items() if path in set(sound)}
    said: dict[str, object] = {"broken": sorted(set(plan["python"]) - set(sound))}
    if plan["python"] and "ruff" in tools:
        said["ruff"] = _ruff(plan["python"])
        said["format"] = _run([*_PYTHON, "ruff", "format", "--diff", "--no-cache", *sound]) if sound else {}
    if sound and "bandit" in tools:
        said["bandit"] = _run(
            [*_PYTHON, "bandit", "-q", "-f", "json", "--exit-zero", "--skip", _ASSERT, *sound]
        )
    if c and "gcc" in tools:
        said["gcc"] = _gcc(c, plan["includes"])
    if c and "clang-format" in tools and Path(".clang-format").exists():
        said["clang-format"] = _run(["clang-format", "--dry-run", *c])
    if c and "cppcheck" in tools:
        form = "--template={file}:{line}:{severity}:{id}:{message}"
        said["cppcheck"] = _run(["cppcheck", "-q", "--enable=warning,portability", form, *c])
    _write(said)
    if typed and "mypy" in tools:  # last: plugins that the repository names run in this process
        _write(said | {"mypy": _mypy(typed, plan["interpreter"])})


def _write(said: dict[str, object]) -> None:
    Path("inhouse-said.json").write_text(json.dumps(said), encoding="utf-8")


main()
