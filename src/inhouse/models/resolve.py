"""From what the user typed to a checked model folder on this machine.

    builtin:NAME      carried by a package, converted once into the user's cache
    a folder          config.json, safetensors, tokenizer.json
    a GGUF file       converted once into the user's cache
    OWNER/NAME        a hub id: the only form that may open the network

An existing path wins over a hub id of the same spelling.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.models.builtin import BUILTINS, Builtin, installed_file, source_file
from inhouse.models.cache import Manifest, cached_models, convert_once, converted
from inhouse.models.convert import convert_gguf, is_gguf, write_tokenizer
from inhouse.models.folder import check_folder, licence_of, weight_files, weights_digest
from inhouse.models.hub import download, is_hub_id
from inhouse.models.tokenizer import tokenizer_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from inhouse.progress import Progress

__all__ = ["BaseModel", "KnownModel", "list_models", "resolve", "resolve_tokenizer"]

_BUILTIN = "builtin:"


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model that is on this machine, whole and checked."""

    reference: str  # what the user typed
    name: str
    folder: Path  # config.json, safetensors, tokenizer.json
    digest: str  # of the weights
    revision: str  # digest of the source file, or commit on the hub; "" for a folder
    tokenizer_digest: str
    licence: str  # as the model declares it; "" when it does not


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A base model that can be named without the network."""

    reference: str
    name: str
    state: str  # "ready"; "installed": is converted at its first use; "absent"
    licence: str
    folder: Path | None  # of the conversion, when ready
    next_step: str  # the command that brings it here, when absent


def resolve(reference: str, progress: Progress | None = None) -> BaseModel:
    """Return the model that a reference stands for. Raises UserMistake with the next step."""
    source = _source(reference)
    if source is not None:
        return _converted(reference, *convert_once(source.digest, source.name, source.convert(progress)))
    path = Path(reference).expanduser()
    if path.is_dir():
        return _checked(reference, path.resolve().name, path.absolute(), revision="")
    if is_hub_id(reference):
        folder, commit = download(reference)
        return _checked(reference, reference.split("/")[1], folder, revision=commit)
    raise _unknown(reference)


def resolve_tokenizer(reference: str) -> tuple[str, Path]:
    """Return the name of the model that a reference stands for, and a folder with its tokenizer.

    What would have to be converted first is not: its tokenizer alone is. Raises UserMistake as `resolve`.
    """
    source = _source(reference)
    if source is None:
        model = resolve(reference)
        return model.name, model.folder
    folder = converted(source.digest)
    if folder is None:
        folder, _ = convert_once(f"{source.digest}-tokenizer", source.name, source.write_tokenizer)
    return source.name, folder


def list_models() -> list[KnownModel]:
    """Return the embedded models and the conversions of GGUF files, ready or not."""
    cached = {manifest.source: (folder, manifest) for folder, manifest in cached_models()}
    known = [_known_builtin(builtin, cached.pop(builtin.digest, (None,))[0]) for builtin in BUILTINS.values()]
    return known + [
        KnownModel(str(folder), manifest.name, "ready", manifest.licence, folder, "")
        for folder, manifest in cached.values()
    ]


class _Source(NamedTuple):
    """What is converted before its use: an embedded model or a GGUF file."""

    name: str
    digest: str
    licence: str  # "" for what the file says
    path: Callable[[], Path]  # raises UserMistake where the package is not installed

    def convert(self, progress: Progress | None) -> Callable[[Path], str]:
        def convert(folder: Path) -> str:
            declared = convert_gguf(self.path(), folder, progress)
            return self.licence or declared

        return convert

    def write_tokenizer(self, folder: Path) -> str:
        return write_tokenizer(self.path(), folder)


def _source(reference: str) -> _Source | None:
    if reference.startswith(_BUILTIN):
        builtin = BUILTINS.get(reference.removeprefix(_BUILTIN))
        if builtin is None:
            raise _unknown(reference)
        return _Source(builtin.name, builtin.digest, builtin.licence, partial(source_file, builtin))
    path = Path(reference).expanduser()
    if not path.is_file():
        return None
    if not is_gguf(path):
        rule = "a base model in one file is a GGUF file"
        raise UserMistake(rule, reference, "give the folder that the file lies in")
    return _Source(path.stem, digest_file(path), "", lambda: path)


def _converted(reference: str, folder: Path, manifest: Manifest) -> BaseModel:
    files = manifest.files
    return BaseModel(
        reference=reference,
        name=manifest.name,
        folder=folder,
        digest=digest_json({name: files[name] for name in files if name.endswith(".safetensors")}),
        revision=manifest.source,
        tokenizer_digest=tokenizer_digest(folder),
        licence=manifest.licence,
    )


def _checked(reference: str, name: str, folder: Path, revision: str) -> BaseModel:
    check_folder(folder)
    return BaseModel(
        reference=reference,
        name=name,
        folder=folder,
        digest=weights_digest(weight_files(folder)),
        revision=revision,
        tokenizer_digest=tokenizer_digest(folder),
        licence=licence_of(folder),
    )


def _known_builtin(builtin: Builtin, folder: Path | None) -> KnownModel:
    state = "ready" if folder else "installed" if installed_file(builtin) else "absent"
    next_step = builtin.install if state == "absent" else ""
    return KnownModel(_BUILTIN + builtin.name, builtin.name, state, builtin.licence, folder, next_step)


def _unknown(reference: str) -> UserMistake:
    name = reference.removeprefix(_BUILTIN)
    near = difflib.get_close_matches(name.lower(), BUILTINS, n=1, cutoff=0.4)
    hint = f"did you mean {_BUILTIN}{near[0]}" if near else "see `inhouse models`"
    return UserMistake(
        "a base model is builtin:NAME, a folder, a GGUF file or a hub id OWNER/NAME",
        f"{reference} is none that exists",
        hint,
    )
