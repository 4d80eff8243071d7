"""A plugin of pytest that writes which function calls which, inside of the folder that it runs in.

cd CHECKOUT && TRACED=calls.json PYTHONPATH=src:BENCHMARKS python -m pytest -p trace_calls tests

Written: a list of [path, line, path of what is called, its first line], for `bench_graph.py --traced`.
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path.cwd().resolve()
SEEN = set()
PLACES = {}


def place(name: str) -> str:
    """Return a path inside of the folder, "" for one outside."""
    if name not in PLACES:
        path = Path(name)
        inside = path.is_absolute() and path.is_relative_to(ROOT) and not name.startswith("<")
        PLACES[name] = path.relative_to(ROOT).as_posix() if inside else ""
    return PLACES[name]


def look(frame, event, _argument) -> None:
    back = frame.f_back
    if event != "call" or back is None:
        return
    code = frame.f_code
    callee, caller = place(code.co_filename), place(back.f_code.co_filename)
    if callee and caller:
        SEEN.add((caller, back.f_lineno, callee, code.co_firstlineno))


def pytest_sessionstart() -> None:
    sys.setprofile(look)


def pytest_sessionfinish() -> None:
    sys.setprofile(None)
    Path(os.environ["TRACED"]).write_text(json.dumps(sorted(SEEN)))
