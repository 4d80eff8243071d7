"""A small repository with habits, a document, a third-party file and a secret, as the suites see it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from inhouse.config import Settings
from inhouse.progress import Progress
from inhouse.records import Split
from inhouse.sandbox import Sandbox
from inhouse.sources.git import Repository
from tests.datasets.project import Stream, make_settings, prepare

if TYPE_CHECKING:
    from pathlib import Path

KEY = "AKIA" + "Z7QK4WMXN2PLVR3T"
FOREIGN = "".join(f"def foreign_{n}(x):\n    return x * {n} + foreign_{n}(x - {n})\n\n\n" for n in range(12))
CART = "".join(
    f'def take_item_{n}(count: int) -> int:\n    """Return the number of items on shelf {n} of the shop."""\n'
    f'    return len("{n}") + count\n\n\n'
    for n in range(12)
)
GUIDE = "# Guide\n\n| Setting | Default |\n|---|---|\n| timeout | 30 |\n| retries | 3 |\n"


def plant_project(folder: Path) -> Any:
    """Return the project, its tree at the cut being all that there is."""
    stream = Stream()
    stream.commit(
        0,
        "Begin",
        shop__cart_dot_py=CART,
        shop__shelf_dot_py=CART.replace("item", "box").replace("shop", "store"),
        docs__guide_dot_md=GUIDE,
        third_party__foreign_dot_py=FOREIGN,
        settings_dot_py=f'NAME = "shop"\naws_access_key_id = "{KEY}"\n',
    )
    for day in range(1, 30):
        stream.commit(
            10 * day, "Note", notes_dot_txt=f"On day {day} nothing happened that is worth a line.\n" * 3
        )
    path = stream.write(folder / "repo")
    settings = make_settings()
    history, corpus = prepare(path, settings, folder)
    split = Split(**json.loads((history / "split.json").read_text(encoding="utf-8")))
    opened: list[Sandbox] = []

    def sandbox() -> Sandbox:
        if not opened:
            opened.append(Sandbox.open())
        return opened[0]

    return SimpleNamespace(
        name="shop",
        repository=Repository.open(path),
        split=split,
        corpus=corpus,
        history=history,
        dataset=folder / "dataset",
        mined=None,
        index=None,
        settings=Settings.model_validate({**settings.model_dump(), "workers": 1}),
        sandbox=sandbox,
        progress=Progress.silent(),
    )
