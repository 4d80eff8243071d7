"""The registry: one folder per adapter, named by the content of its weights, never changed afterwards.

registry/NAME/adapter_model.safetensors, adapter_config.json, manifest.json
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.shards import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Adapter", "Registry", "adapter_digest"]

_FILES = ("adapter_model.safetensors", "adapter_config.json")


@dataclass(frozen=True, slots=True)
class Adapter:
    """A registered adapter: its public name, its digest and where it lies."""

    name: str
    digest: str
    folder: Path
    manifest: Mapping[str, Any]


class Registry:
    """The adapters of a workspace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def register(self, weights: Path, repository: str, manifest: Mapping[str, Any]) -> Adapter:
        """Copy the weights in under a name of their own; the same weights always give the same name.

        The manifest of weights that are registered already is replaced: scores may be newer than weights.
        """
        digest = adapter_digest(weights)
        name = f"{_slug(repository)}-{digest[:8]}"
        final = self._folder / name
        if not final.exists():
            temporary = self._folder / f".{name}.{os.getpid()}.tmp"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for file in _FILES:
                shutil.copyfile(weights / file, temporary / file)
            temporary.rename(final)
        write_json(final / "manifest.json", {"name": name, "digest": digest, **manifest})
        return self.get(name)

    def list(self) -> list[Adapter]:
        """Return all registered adapters by name; folders without a manifest were never finished."""
        if not self._folder.exists():
            return []
        return [self._read(path.parent) for path in sorted(self._folder.glob("*/manifest.json"))]

    def get(self, name: str) -> Adapter:
        """Return one adapter. Raises UserMistake when there is none of that name."""
        folder = self._folder / name
        if not (folder / "manifest.json").exists():
            known = ", ".join(adapter.name for adapter in self.list()) or "none is registered"
            raise UserMistake(
                "no adapter has this name", f"{name} (known: {known})", "see `inhouse adapters`"
            )
        return self._read(folder)

    def verify(self, adapter: Adapter) -> None:
        """Raise UserMistake when the files are not those that were registered."""
        if adapter_digest(adapter.folder) != adapter.digest:
            raise UserMistake(
                "a registered adapter never changes", f"the files of {adapter.name} did", "train it again"
            )

    def _read(self, folder: Path) -> Adapter:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return Adapter(manifest["name"], manifest["digest"], folder, manifest)


def adapter_digest(folder: Path) -> str:
    """Return the digest of an adapter's weights and configuration, whatever else lies beside them."""
    return digest_json({file: digest_file(folder / file) for file in _FILES})


def _slug(repository: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", repository.lower()).strip("-.") or "adapter"
