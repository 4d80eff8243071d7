"""The texts of a corpus, each found at once wherever it lies.

The shards of a corpus are sorted by digest, so the files of one commit lie in all of them, and a dataset asks
for the files of hundreds of commits. The shards are read once, into a file of compressed texts next to each
other, which is gone when the process is, and of which only the places are in memory.
"""

from __future__ import annotations

import os
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from inhouse.hygiene.cleaning import DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["Texts"]

_CODEC = "lz4"
_ROWS = 64  # of a shard in memory at once


class Texts:
    """The clean texts of a finished corpus; the file lies in `folder`, or where temporary files do."""

    def __init__(self, corpus: Path, folder: Path | None = None) -> None:
        self._corpus = corpus
        self._folder = folder
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this
        self._places: dict[bytes, tuple[int, int, int]] = {}  # digest: offset, size, size of the text
        self._read = False

    def of(self, digests: Collection[str]) -> dict[str, str]:
        """Return the texts with these digests; what was removed entirely is left out."""
        if not self._read:
            self._read_all()
        places = {digest: self._places.get(_key(digest)) for digest in digests}
        return {digest: self._text(*place) for digest, place in places.items() if place is not None}

    def _text(self, offset: int, size: int, text_size: int) -> str:
        import pyarrow as pa

        packed = os.pread(self._file.fileno(), size, offset)
        text: bytes = pa.decompress(packed, text_size, _CODEC, asbytes=True)
        return text.decode("utf-8", "surrogatepass")

    def _read_all(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        offset = 0
        for path in sorted(self._corpus.glob(f"{DOCUMENTS}-[0-9]*.parquet")):
            with pq.ParquetFile(path) as shard:
                for batch in shard.iter_batches(_ROWS, columns=["digest", "text"]):
                    for digest, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        raw = text.encode("utf-8", "surrogatepass")
                        packed = pa.compress(raw, _CODEC, asbytes=True)
                        self._file.write(packed)
                        self._places[_key(digest)] = (offset, len(packed), len(raw))
                        offset += len(packed)
        self._file.flush()
        self._read = True


def _key(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return digest.encode()
