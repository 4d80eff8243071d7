"""Train the tiny model again and again, killed each time at a chosen file operation, then once to the end.

usage: python -m tests.training.killed MODEL DATASET UNDISTURBED KILLED SEED [METHOD KILLS]

Prints one JSON object: what the undisturbed training touched, how each child ended, and every file seen in a
checkpoint folder. The libraries are imported once; every training is a fork of this process.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

KILLS = 10


def child(model: Path, dataset: Path, folder: Path, kill_at: int, only: str, report: int) -> None:
    """Train; die at the `kill_at`-th operation on a path below `folder` that contains `only`."""
    from inhouse.models.resolve import resolve
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.training.trainer import train
    from tests.training.material import method_recipe, recipe

    operations = connections = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal operations, connections
        if event in ("socket.connect", "socket.getaddrinfo"):
            connections += 1
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir") and arguments:
            path = str(arguments[0])
            if path.startswith(str(folder)) and only in path:
                operations += 1
                if operations == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

    folder.mkdir(exist_ok=True)
    base = resolve(str(model))
    sys.addaudithook(watch)
    wanted = method_recipe(sys.argv[6], base) if len(sys.argv) > 6 else recipe()
    train(base, Tokenizer.load(base.folder), dataset, wanted, folder, Progress.silent())
    os.write(report, json.dumps({"operations": operations, "connections": connections}).encode())


def run(model: Path, dataset: Path, folder: Path, kill_at: int, only: str = "") -> dict[str, Any]:
    """Run `child` in a fork and say how it ended."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            child(model, dataset, folder, kill_at, only, writing)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    _, status = os.waitpid(process, 0)
    said = os.read(reading, 1000)
    os.close(reading)
    files = sorted({path.name for path in folder.rglob("checkpoints/*/*")})
    unfinished = len(list(folder.rglob("checkpoints/*.partial")))
    ended = {"status": os.waitstatus_to_exitcode(status), "files": files, "unfinished": unfinished}
    return ended | json.loads(said or b"{}")


def main() -> None:
    """Run the undisturbed training, the killed ones, and the last."""
    model, dataset, undisturbed, killed = (Path(argument) for argument in sys.argv[1:5])
    dice = random.Random(int(sys.argv[5]))
    kills = int(sys.argv[7]) if len(sys.argv) > 7 else KILLS
    import torch

    import inhouse.training.sft  # noqa: F401 - once, for all forks

    torch.set_num_threads(1)
    whole = run(model, dataset, undisturbed, kill_at=0)
    ends: list[dict[str, Any]] = []
    while not ends or ends[-1]["status"] != 0:
        kill_at, only = 0, ""
        if len(ends) < kills:  # every second one hits a checkpoint that is being written
            only = ".partial" if len(ends) % 2 else ""
            kill_at = dice.randint(1, 12 if only else 90)
        ends.append(run(model, dataset, killed, kill_at, only))
    print(json.dumps({"whole": whole, "ends": ends}))


if __name__ == "__main__":
    main()
