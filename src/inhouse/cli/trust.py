"""A settings file inside a cloned repository is a stranger's: it may not open the network until trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.digests import digest_file
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from inhouse.config import Settings

__all__ = ["require_trust", "trust"]


def require_trust(file: Path, settings: Settings) -> None:
    """Raise UserMistake when an untrusted settings file asks for a model from a hub."""
    from inhouse.models.hub import is_hub_id

    asks = is_hub_id(settings.model) and not Path(settings.model).exists()
    if asks and digest_file(file) not in _trusted():
        raise UserMistake(
            "a settings file must be trusted before it may open the network",
            f"{file} asks for the hub model {settings.model}",
            f"read it, then run `inhouse config --trust --settings {file}`",
        )


def trust(file: Path) -> None:
    """Remember the content of a settings file as the user's own."""
    store = _store()
    store.parent.mkdir(parents=True, exist_ok=True)
    store.write_text(json.dumps(sorted({*_trusted(), digest_file(file)}), indent=1), encoding="utf-8")


def _trusted() -> set[str]:
    store = _store()
    return set(json.loads(store.read_text(encoding="utf-8"))) if store.exists() else set()


def _store() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "inhouse" / "trusted.json"
