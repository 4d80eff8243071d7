"""Vectors of chunks and queries: none, static ones, a folder's model, a server's.

none                      words only: the default
static, static:MODEL      means of a base model's input embeddings (`static`)
FOLDER                    sentence-transformers (`sentences`) or model2vec (`model2vec`)
http://HOST/v1            any OpenAI-compatible server (`remote`)
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake
from inhouse.retrieval.vectors.source import VectorSource, VectorsUnavailable, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.config import Vectors

__all__ = ["VectorSource", "VectorsUnavailable", "open_source", "text_of"]

_STATIC = "static"


def open_source(settings: Vectors) -> VectorSource | None:
    """Return the source that the settings name, None for none. Raises UserMistake."""
    from inhouse.retrieval.vectors.remote import RemoteVectors, is_url

    source = settings.source
    if source == "none":
        return None
    if source == _STATIC or source.startswith(f"{_STATIC}:"):
        return _static(source.removeprefix(_STATIC).removeprefix(":"))
    if is_url(source):
        prompts = (settings.query_prompt or "", settings.document_prompt or "")
        return RemoteVectors(
            source, settings.model, key=settings.key, prompts=prompts, timeout=settings.timeout_seconds
        )
    return _of_folder(Path(source).expanduser(), settings)


def _static(model: str) -> VectorSource:
    from inhouse.retrieval.vectors.static import DEFAULT_MODEL, StaticVectors

    with _libraries():
        return StaticVectors(model or DEFAULT_MODEL)


def _of_folder(folder: Path, settings: Vectors) -> VectorSource:
    from inhouse.retrieval.vectors.model2vec import Model2Vec, static_part
    from inhouse.retrieval.vectors.sentences import SentenceVectors

    if not folder.is_dir():
        raise UserMistake(
            "vectors come from none, static, a folder with a model or a URL",
            settings.source,
            "see `inhouse config --explain`",
        )
    with _libraries():
        if static_part(folder) is not None:
            return Model2Vec(folder)
        return SentenceVectors(folder, settings.query_prompt, settings.document_prompt)


@contextmanager
def _libraries() -> Iterator[None]:
    """Say which extra is lacking when a source needs a library that is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserMistake(
            "this source of vectors needs a library",
            f"{error.name} is not installed",
            "run `pip install 'inhouse[vectors]'`, or 'inhouse[train]' for sentence-transformers",
        ) from None
