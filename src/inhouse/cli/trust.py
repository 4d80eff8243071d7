"""A settings file inside a cloned repository is a stranger's.

Until it is trusted, it may not open the network, and not name a program that would be run.
"""

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


def require_trust(file: Path, settings: Settings, *, own_model: bool = False) -> None:
    """Raise UserMistake when an untrusted settings file asks for what only the user may ask for.

    own_model: the model is the user's own word, not the file's.
    """
    wish = _wish(settings, own_model=own_model)
    if wish and digest_file(file) not in _trusted():
        rule, asks = wish
        raise UserMistake(
            f"a settings file must be trusted before it may {rule}",
            f"{file} asks for {asks}",
            f"read it, then run `inhouse config --trust --settings {file}`",
        )


def _wish(settings: Settings, *, own_model: bool) -> tuple[str, str] | None:
    """Return what the settings may not do unless trusted, and what they ask for."""
    from inhouse.models.hub import is_hub_id

    if not own_model and is_hub_id(settings.model) and not Path(settings.model).exists():
        return "open the network", f"the hub model {settings.model}"
    if settings.retrieval.store:
        return "open the network", "an index on a server (retrieval.store)"
    if "://" in settings.retrieval.vectors.source:
        return "open the network", f"vectors of {settings.retrieval.vectors.source}"
    execution = settings.execution
    named = " ".join(execution.test_command or ()) or execution.python
    return ("name a program that is run", f"`{named}`") if named else None


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
