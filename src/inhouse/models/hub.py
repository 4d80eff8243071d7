"""Models by hub id. Nothing else in inhouse opens the network."""

from __future__ import annotations

import re
from pathlib import Path

from inhouse.errors import UserMistake

__all__ = ["download", "is_hub_id"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_WANTED = ["*.safetensors", "*.json", "*.jinja", "README.md"]


def is_hub_id(reference: str) -> bool:
    """Tell whether a reference is spelled OWNER/NAME."""
    return _HUB_ID.fullmatch(reference) is not None


def download(reference: str) -> tuple[Path, str]:
    """Return the folder of a hub model and its commit: from the hub's local cache, else over the network.

    Raises UserMistake, which says what was tried, when neither has it.
    """
    from huggingface_hub import constants, snapshot_download

    try:
        folder = Path(snapshot_download(reference, allow_patterns=_WANTED, local_files_only=True))
    except (OSError, ValueError):
        try:
            folder = Path(snapshot_download(reference, allow_patterns=_WANTED))
        except (OSError, ValueError) as error:
            tried = (
                f"the hub cache {constants.HF_HUB_CACHE} does not have it, and {constants.ENDPOINT} failed"
            )
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise UserMistake(
                "a model by hub id must be in the hub's cache or within reach",
                f"{reference}: no such path here, {tried} ({reason})",
                "copy the model to this machine and give its folder or GGUF file",
            ) from None
    return folder, folder.name
