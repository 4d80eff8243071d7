"""What must be equal between two runs of the same thing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

__all__ = ["artefact_digests", "registry_digests"]


def artefact_digests(home: Path) -> dict[str, str]:
    """Return stage/fingerprint -> digest of every finished artefact, and whatever was left half done."""
    artefacts = home / ".inhouse" / "artefacts"
    found = {}
    for path in sorted(artefacts.glob("*/*")):
        manifest = path / "artefact.json"
        found[path.relative_to(artefacts).as_posix()] = (
            json.loads(manifest.read_text())["digest"] if manifest.exists() else "half done"
        )
    return found


def registry_digests(home: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in the registry, manifests included."""
    registry = home / ".inhouse" / "registry"
    return {
        path.relative_to(registry).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(registry.rglob("*"))
        if path.is_file()
    }
