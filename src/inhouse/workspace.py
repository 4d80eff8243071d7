"""The state folder `.inhouse/`: artefacts that are present or absent, never half, and their ledger.

    .inhouse/
      .gitignore               "*": the folder ignores itself
      workspace.json           format version
      lock                     held while a command writes
      ledger.db                which artefact is current for each stage, and what it cost
      artefacts/STAGE/FINGERPRINT/            finished: renamed here in one step
      artefacts/STAGE/FINGERPRINT.partial/    being made; its finished shards survive a kill
      index/                   retrieval indexes, updated in place
      logs/

A stage is a function of its settings and its input artefacts. The fingerprint is the digest of both and of
the stage's version, so present means done: skipping, resuming after a kill and lineage all follow from that.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import apsw

from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.measure import Cost, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["FORMAT", "MEASURED", "Artefact", "Stage", "Workspace"]

FORMAT = 1
MEASURED = "measured.json"
"""A file of this name in an artefact holds timings: it is kept, and left out of the digest."""

_MANIFEST = "artefact.json"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS artefact (
    stage TEXT NOT NULL, fingerprint TEXT NOT NULL, digest TEXT NOT NULL, made REAL NOT NULL,
    seconds REAL NOT NULL, peak_memory_bytes INTEGER NOT NULL, PRIMARY KEY (stage, fingerprint));
CREATE TABLE IF NOT EXISTS current (stage TEXT PRIMARY KEY, fingerprint TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the pipeline. `version` rises whenever the code in `sources` may give another result."""

    name: str
    version: int
    sources: tuple[str, ...]  # modules and packages below inhouse whose code decides the result
    libraries: tuple[str, ...] = ()  # distributions whose version enters the fingerprint


@dataclass(frozen=True, slots=True)
class Artefact:
    """The finished output of a stage."""

    stage: str
    fingerprint: str
    digest: str
    path: Path
    cost: Cost = field(compare=False)
    reused: bool = field(default=False, compare=False)

    @property
    def manifest(self) -> dict[str, Any]:
        """From what it was made: settings, digests of its inputs, version; and the digest of each file."""
        return dict(self.read_json(_MANIFEST))

    def read_json(self, name: str) -> Any:
        """Return the parsed content of `name` inside the artefact."""
        return json.loads((self.path / name).read_text(encoding="utf-8"))


class Workspace:
    """A state folder that is open for work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ledger = apsw.Connection(str(folder / "ledger.db"))
        self._ledger.set_busy_timeout(10_000)
        self._ledger.execute("PRAGMA journal_mode=WAL")
        self._ledger.execute(_SCHEMA)

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """Open a state folder, making it when absent. Refuses one that a newer version wrote."""
        try:
            for part in ("artefacts", "index", "logs"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            _check_format(folder)
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise _not_writable(folder, error) from None
        except OSError as error:
            if error.errno == errno.EROFS:
                raise _not_writable(folder, error) from None
            raise
        return cls(folder)

    @classmethod
    def find(cls, folder: Path) -> Workspace:
        """Open a state folder that must exist already."""
        if not (folder / "workspace.json").exists():
            raise UserMistake("there is no workspace yet", str(folder), "make one with `inhouse run PATH`")
        return cls.open(folder)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the workspace for writing. The kernel frees the lock when the process dies, even by a kill."""
        with (self.folder / "lock").open("a+", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                holder = stream.read().strip() or "another process"
                raise UserMistake(
                    "only one command may write to a workspace at a time",
                    f"{self.folder} is in use by {holder}",
                    "wait for it, or use another folder with --workspace",
                ) from None
            stream.truncate(0)
            stream.write(f"process {os.getpid()}")
            stream.flush()
            yield

    def build(
        self,
        stage: Stage,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        work: Callable[[Path], None],
    ) -> Artefact:
        """Return the artefact of `stage` for these settings and input digests; make it if it is new.

        `work(folder)` fills the folder that it is given, which may hold what a killed run had finished; it
        must not leave anything there that depends on when or how often it ran, except in `measured.json`.
        """
        fingerprint = digest_json(
            {
                "stage": stage.name,
                "version": stage.version,
                "settings": settings,
                "inputs": dict(inputs),
                "libraries": {name: _library_version(name) for name in stage.libraries},
            }
        )
        found = self.find_artefact(stage.name, fingerprint)
        if found is None:
            found = self._make(stage, fingerprint, settings, inputs, work)
        self._ledger.execute("REPLACE INTO current VALUES (?, ?)", (stage.name, fingerprint))
        return found

    def current(self, stage: str) -> Artefact | None:
        """Return the artefact that the latest command used or made for a stage."""
        row = self._ledger.execute("SELECT fingerprint FROM current WHERE stage = ?", (stage,)).fetchone()
        return self.find_artefact(stage, row[0]) if row else None

    def need(self, stage: str, next_step: str) -> Artefact:
        """Return the current artefact of a stage, or say which command makes it."""
        artefact = self.current(stage)
        if artefact is None:
            raise UserMistake(f"this needs the {stage} stage, which has not run", str(self.folder), next_step)
        return artefact

    def find_artefact(self, stage: str, fingerprint: str) -> Artefact | None:
        """Return a finished artefact, or None."""
        path = self._path(stage, fingerprint)
        manifest = path / _MANIFEST
        if not manifest.exists():
            return None
        digest = json.loads(manifest.read_text(encoding="utf-8"))["digest"]
        query = "SELECT seconds, peak_memory_bytes FROM artefact WHERE stage = ? AND fingerprint = ?"
        row = self._ledger.execute(query, (stage, fingerprint)).fetchone()
        cost = (
            Cost(*row) if row else Cost()
        )  # killed between the rename and the ledger: the work is still good
        return Artefact(stage, fingerprint, digest, path, cost, reused=True)

    def finished(self, stage: str) -> list[Artefact]:
        """Return the finished artefacts of a stage, the one that was made last at the end."""
        query = "SELECT fingerprint, made FROM artefact WHERE stage = ?"
        made = {str(name): float(when) for name, when in self._ledger.execute(query, (stage,))}
        found = []
        for manifest in (self.folder / "artefacts" / stage).glob(f"*/{_MANIFEST}"):
            fingerprint = json.loads(manifest.read_text(encoding="utf-8"))["fingerprint"]
            artefact = self.find_artefact(stage, fingerprint)
            if artefact is not None and artefact.path == manifest.parent:
                found.append((made.get(fingerprint, manifest.stat().st_mtime), fingerprint, artefact))
        return [artefact for *_, artefact in sorted(found, key=lambda each: each[:2])]

    def _make(
        self,
        stage: Stage,
        fingerprint: str,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        work: Callable[[Path], None],
    ) -> Artefact:
        final = self._path(stage.name, fingerprint)
        partial = final.with_name(final.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        with measured() as cost:
            work(partial)
        files = _file_digests(partial)
        digest = digest_json(files)
        manifest = {
            "stage": stage.name,
            "version": stage.version,
            "fingerprint": fingerprint,
            "digest": digest,
            "settings": settings,
            "inputs": dict(inputs),
            "files": files,
        }
        (partial / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        _flush_tree(partial)
        partial.rename(final)
        _flush_folder(final.parent)
        self._ledger.execute(
            "REPLACE INTO artefact VALUES (?, ?, ?, ?, ?, ?)",
            (stage.name, fingerprint, digest, time.time(), cost.seconds, cost.peak_memory_bytes),
        )
        return Artefact(stage.name, fingerprint, digest, final, cost)

    def _path(self, stage: str, fingerprint: str) -> Path:
        return self.folder / "artefacts" / stage / fingerprint[:16]


def _check_format(folder: Path) -> None:
    path = folder / "workspace.json"
    if not path.exists():
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"format": FORMAT}), encoding="utf-8")
        temporary.replace(path)
        return
    written = json.loads(path.read_text(encoding="utf-8"))["format"]
    if written > FORMAT:
        raise UserMistake(
            f"this inhouse reads workspaces up to format {FORMAT}",
            f"{folder} has format {written}",
            "upgrade with `pip install -U inhouse`, or use another folder with --workspace",
        )


def _not_writable(folder: Path, error: OSError) -> UserMistake:
    reason = error.strerror or type(error).__name__
    return UserMistake(
        "the state folder must be writable", f"{folder} ({reason})", "choose another with --workspace DIR"
    )


def _library_version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _file_digests(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: digest_file(names[name])
        for name in sorted(names)
        if names[name].name not in (MEASURED, _MANIFEST)
    }


def _flush_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
