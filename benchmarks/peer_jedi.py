"""Where the names of calls are defined, by jedi: run by bench_graph.py with a Python that has jedi.

Standard input: {"root": folder, "calls": [[path, line, column], ...]}; standard output: for each call a list
of [path, line] of functions and classes, [path, 0] for what is neither, ["", 0] for what lies outside.
"""

import json
import sys
from pathlib import Path

import jedi


def main() -> None:
    asked = json.load(sys.stdin)
    root = Path(asked["root"]).resolve()
    folders = [str(folder) for folder in (root, root / "src") if folder.is_dir()]
    project = jedi.Project(root, added_sys_path=folders, smart_sys_path=True)
    scripts = {}
    answers = []
    for path, line, column in asked["calls"]:
        if path not in scripts:
            scripts[path] = jedi.Script(path=root / path, project=project)
        answers.append(found(scripts[path], line, column, root))
    json.dump(answers, sys.stdout)


def found(script: jedi.Script, line: int, column: int, root: Path) -> list[list]:
    try:
        names = script.goto(line, column, follow_imports=True)
    except Exception:
        return []
    answer = []
    for name in names:
        inside = name.module_path is not None and name.module_path.resolve().is_relative_to(root)
        if not inside:
            answer.append(["", 0])
        else:
            place = name.line if name.type in ("function", "class") else 0
            answer.append([name.module_path.resolve().relative_to(root).as_posix(), place])
    return answer


if __name__ == "__main__":
    main()
