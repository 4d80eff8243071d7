"""Converted models, each made once for all workspaces of a user.

$XDG_CACHE_HOME/inhouse/models/      ~/.cache/inhouse/models/ by default
  DIGEST-VERSION/                    of the source file and of the converter; renamed here when it is whole
    inhouse.json                     the manifest: name, licence, source, every file's digest and size
  DIGEST-VERSION.partial/            being made, by the one process that holds the lock
  DIGEST-VERSION.lock
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.digests import digest_file
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "VERSION",
    "Manifest",
    "cache_folder",
    "cached_models",
    "check_space",
    "convert_once",
    "converted",
    "read_manifest",
]

VERSION = 1
"""Rises when the converter writes something else for the same source."""

_MANIFEST = "inhouse.json"
_WEIGHTS = ".safetensors"  # what a model has, and a table of its embeddings has not


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a finished conversion says about itself."""

    name: str
    source: str  # digest of the source file
    licence: str
    files: dict[str, str]  # digest by name
    sizes: dict[str, int]  # bytes by name


def cache_folder() -> Path:
    """Return the folder of converted models, which may not exist yet."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    return root / "inhouse" / "models"


def cached_models() -> list[tuple[Path, Manifest]]:
    """Return the finished conversions of this version, sorted by folder."""
    found = ((path, read_manifest(path)) for path in sorted(cache_folder().glob(f"*-{VERSION}")))
    return [
        (path, manifest)
        for path, manifest in found
        if manifest is not None and any(name.endswith(_WEIGHTS) for name in manifest.files)
    ]


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a conversion, or None unless all its files are there in full."""
    try:
        manifest = Manifest(**json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
        whole = all((folder / name).stat().st_size == size for name, size in manifest.sizes.items())
    except (OSError, ValueError, TypeError):
        return None
    return manifest if whole else None


def converted(source: str) -> Path | None:
    """Return the finished conversion of the file with a digest, None where there is none."""
    folder = cache_folder() / f"{source}-{VERSION}"
    return folder if read_manifest(folder) is not None else None


def convert_once(source: str, name: str, convert: Callable[[Path], str]) -> tuple[Path, Manifest]:
    """Return the conversion of the file with digest `source`, making it if it is not there.

    `convert(folder)` fills an empty folder and returns the licence. Processes that ask for the same model
    wait for the first of them; one that is killed leaves nothing that counts.
    """
    final = cache_folder() / f"{source}-{VERSION}"
    manifest = read_manifest(final)
    if manifest is not None:
        return final, manifest
    with _writable(), _locked(final.with_name(final.name + ".lock")):
        manifest = read_manifest(final)  # another process may have made it meanwhile
        if manifest is None:
            manifest = _convert(final, source, name, convert)
    return final, manifest


def check_space(folder: Path, needed: int) -> None:
    """Raise UserMistake unless `needed` bytes are free where `folder` lies."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise _no_room(f"{free / 1e9:.1f} GB free of {needed / 1e9:.1f} GB needed")


def _convert(final: Path, source: str, name: str, convert: Callable[[Path], str]) -> Manifest:
    partial = final.with_name(final.name + ".partial")
    for leftover in (partial, final):
        if leftover.exists():
            shutil.rmtree(leftover)
    partial.mkdir()
    try:
        licence = convert(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    paths = sorted(path for path in partial.iterdir())
    manifest = Manifest(
        name,
        source,
        licence,
        {path.name: digest_file(path) for path in paths},
        {path.name: path.stat().st_size for path in paths},
    )
    text = json.dumps(asdict(manifest), indent=1, sort_keys=True)
    (partial / _MANIFEST).write_text(text, encoding="utf-8")
    for path in (*paths, partial / _MANIFEST, partial):
        _flush(path)
    partial.rename(final)
    return manifest


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for the lock. The kernel frees it when its holder dies, even by a kill."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        denied = isinstance(error, PermissionError | FileExistsError | NotADirectoryError)
        if not denied and error.errno not in (errno.EROFS, errno.ENOSPC):
            raise
        raise _no_room(error.strerror or type(error).__name__) from None


def _no_room(reason: str) -> UserMistake:
    return UserMistake(
        "converted base models need a writable cache folder",
        f"{cache_folder()} ({reason})",
        "set XDG_CACHE_HOME to another folder",
    )


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
