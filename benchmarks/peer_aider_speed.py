"""How long aider needs for the repository map of a folder that it has not seen, by aider's own code.

    python benchmarks/peer_aider_speed.py FOLDER ANSWER.json        (in the environment of peer_aider_map.py)

It parses every file for its tags and ranks them; the rendering of the map is left out. Aider keeps the tags
in a folder beside the files, which is removed before and after.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from aider.repomap import RepoMap


class Io:
    def read_text(self, name: str) -> str:
        return Path(name).read_text(encoding="utf-8", errors="replace")

    def tool_output(self, *_: object) -> None: ...

    tool_error = tool_warning = tool_output


def main() -> None:
    folder, answer = Path(sys.argv[1]), Path(sys.argv[2])
    forget(folder)
    files = [str(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    count = SimpleNamespace(token_count=lambda text: len(text) // 4)
    map_ = RepoMap(root=str(folder), main_model=count, io=Io())
    started = time.perf_counter()
    map_.get_ranked_tags(set(), files, set(), set())
    spent = time.perf_counter() - started
    lines = sum(Path(name).read_bytes().count(b"\n") for name in files)
    answer.write_text(json.dumps({"files": len(files), "lines": lines, "seconds": spent}))
    forget(folder)


def forget(folder: Path) -> None:
    for cache in folder.glob(".aider.tags.cache*"):
        shutil.rmtree(cache)


if __name__ == "__main__":
    main()
