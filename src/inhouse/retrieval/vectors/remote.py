"""Any server that answers `POST /v1/embeddings` as OpenAI's does.

The key comes from the environment and goes to the named server only: redirections are refused. A server that
is busy or out of order is asked again with growing pauses; then, and for all else, it is VectorsUnavailable.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from inhouse.errors import UserMistake
from inhouse.retrieval.vectors.source import VectorsUnavailable, checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["RemoteVectors", "is_url"]

_WEIGHT = 0.6  # beside words, as of other models that read sentences
_BATCH = 64  # texts in a request
_MAX_CHARACTERS = 8_000  # of a text: a chunk has a third of it; servers refuse what their model cannot read
_MAX_ANSWER = 1 << 28  # bytes
_TRIES = 4
_FIRST_PAUSE = 0.5  # seconds, doubled with each try
_LONGEST_PAUSE = 20.0
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


def is_url(source: str) -> bool:
    """Tell whether the settings name a server."""
    return "://" in source


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """A redirected request would carry texts and key to somebody who was not named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class RemoteVectors:
    """A model behind a URL such as http://127.0.0.1:8080/v1."""

    weight = _WEIGHT

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str = "",
        prompts: tuple[str, str] = ("", ""),
        timeout: float = 30.0,
    ) -> None:
        """Note where to ask; nothing is sent yet.

        key: the name of the environment variable that holds it; prompts: before questions, before documents;
        timeout: seconds without an answer. Raises UserMistake for a wrong address or a key that is not there.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
            given = f"{parts.scheme}://{parts.hostname}"  # what else stands there may be a password
            raise UserMistake(
                "vectors come from a URL like https://host/v1", given, "see `inhouse config --explain`"
            )
        if not model:
            raise UserMistake("a server of vectors is asked for a model", url, "set retrieval.vectors.model")
        self.name = f"remote:{model}:{parts.hostname}" + "".join(f":{prompt}" for prompt in prompts if prompt)
        self._url, self._model, self._timeout = url.rstrip("/") + "/embeddings", model, timeout
        self._query, self._document = prompts
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **_authorization(key),
        }
        self._opener = urllib.request.build_opener(_NoRedirection)
        self._dimension = 0

    @property
    def dimension(self) -> int:
        """Return the size of a vector; asks the server when it has not answered yet."""
        if not self._dimension:
            self.documents(["dimension"])
        return self._dimension

    def documents(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts."""
        return self._embedded([self._document + text for text in texts])

    def queries(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of questions."""
        return self._embedded([self._query + text for text in texts])

    def _embedded(self, texts: list[str]) -> np.ndarray:
        found = []
        for start in range(0, len(texts), _BATCH):
            some = [_sendable(text) for text in texts[start : start + _BATCH]]
            vectors = checked(self._url, self._asked(some), len(some), self._dimension)
            self._dimension = vectors.shape[1]
            found.append(vectors)
        return np.concatenate(found) if found else np.empty((0, self._dimension), np.float32)

    # ------------------------------------------------------------ asking

    def _asked(self, texts: list[str]) -> np.ndarray:
        body = json.dumps({"model": self._model, "input": texts, "encoding_format": "float"}).encode()
        for pause in _pauses():
            try:
                return self._read(self._sent(body), len(texts))
            except urllib.error.HTTPError as error:
                if error.code not in _TEMPORARY or pause is None:
                    raise self._unavailable(f"status {error.code} {_detail(error)}") from None
                time.sleep(_asked_pause(error, pause))
            except (OSError, http.client.HTTPException) as error:  # down, cut off, too slow
                if pause is None:
                    raise self._unavailable(str(getattr(error, "reason", error)) or "no answer") from None
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _sent(self, body: bytes) -> bytes:
        request = urllib.request.Request(self._url, body, self._headers)  # noqa: S310 - http or https, checked above
        with self._opener.open(request, timeout=self._timeout) as answer:
            content: bytes = answer.read(_MAX_ANSWER + 1)
        if len(content) > _MAX_ANSWER:
            raise self._unavailable(f"an answer of more than {_MAX_ANSWER >> 20} MB")
        return content

    def _read(self, content: bytes, count: int) -> np.ndarray:
        try:
            data = json.loads(content)["data"]
            by_index = {int(row["index"]): row["embedding"] for row in data}
            if len(data) != count or sorted(by_index) != list(range(count)):
                raise self._unavailable(f"{len(data)} vectors for {count} texts")
            return np.array([by_index[index] for index in range(count)], dtype=np.float64)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise self._unavailable("something else than vectors of one size") from None

    def _unavailable(self, given: str) -> VectorsUnavailable:
        return VectorsUnavailable(
            "a source of vectors must answer", f"{self._url}: {given}", "start it, or see retrieval.vectors"
        )


def _authorization(key: str) -> dict[str, str]:
    if not key:
        return {}
    value = os.environ.get(key, "").strip()
    if not value:
        raise UserMistake(
            "the key of the vectors' server is in an environment variable", key, f"export {key}=..."
        )
    return {"Authorization": f"Bearer {value}"}


def _sendable(text: str) -> str:
    """Return a text that every server can read: not empty, not endless, no lone surrogates."""
    return text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode() or " "


def _pauses() -> Iterator[float | None]:
    """Yield how long to wait after each try that fails, None after the last."""
    yield from (_FIRST_PAUSE * 2**number for number in range(_TRIES - 1))
    yield None


def _asked_pause(error: urllib.error.HTTPError, pause: float) -> float:
    """Return the seconds that the server asks to wait for, within reason."""
    asked = error.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_PAUSE) if asked.isdigit() else pause


def _detail(error: urllib.error.HTTPError) -> str:
    """Return the first words of a refusal, on one line."""
    return " ".join(error.read(2_000).decode("utf-8", "replace").split())[:200]
