"""Rows that wait on the disk: however many there are, only where they lie is in memory.

    | size of meta, tokens | meta, as JSON | ids, 4 bytes each | loss, 1 byte each |

The file has no name where the system knows such files, so it is gone when the process is, however it ended.
"""

from __future__ import annotations

import json
import os
import struct
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from inhouse.digests import digest_json
from inhouse.records import Example
from inhouse.shards import record_schema, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Place", "Rows", "Spill", "pack", "read_examples", "unpack", "write_examples"]

_META = ("id", "kind", "split", "text", "lineage", "weight")
_SIZES = struct.Struct("<II")
_BUFFER = 1 << 20  # bytes that are written at a time
_WRITTEN = 512  # rows of a group of a Parquet file


class Place(NamedTuple):
    """Where a row lies, and what is asked of it most."""

    id: str
    kind: str
    tokens: int
    trained: int  # of the tokens, those that carry loss
    offset: int
    size: int
    copy: int = 0  # of a row that is trained on more than once; 0 is the row itself

    def again(self, copy: int) -> Place:
        """Return a copy of the row, with an id of its own."""
        return self._replace(id=digest_json([self.id, "copy", copy]), copy=copy)


class Spill:
    """Rows in a file of a folder, added one by one and read in any order."""

    def __init__(self, folder: Path) -> None:
        self._file = _nameless(folder)
        self._end = 0
        self._written = 0

    def add(self, row: Example) -> Place:
        """Add a row; return where it lies."""
        return self.add_packed(row.id, row.kind, len(row.input_ids), sum(row.trained), pack(row))

    def add_packed(self, id_: str, kind: str, tokens: int, trained: int, packed: bytes) -> Place:
        """Add a row that is packed already."""
        self._file.write(packed)
        place = Place(id_, kind, tokens, trained, self._end, len(packed))
        self._end += len(packed)
        return place

    def read(self, place: Place) -> Example:
        """Return a row; a copy bears its own id."""
        row = unpack(self.read_packed(place.offset, place.size))
        return replace(row, id=place.id) if place.copy else row

    def read_packed(self, offset: int, size: int) -> bytes:
        """Return a packed row. Raises OSError where the file is shorter than it was written."""
        if offset + size > self._written:
            self._file.flush()
            self._written = self._end
        packed = os.pread(self._file.fileno(), size, offset)
        if len(packed) != size:
            raise OSError(f"{len(packed)} of {size} bytes of a row are left on the disk")
        return packed


class Rows(Sequence[Example]):
    """Rows in an order of their own, read from the disk as they are asked for."""

    def __init__(self, spill: Spill, places: Sequence[Place]) -> None:
        self.places = places
        self._spill = spill

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return sum(place.tokens for place in self.places)

    def packed(self) -> Iterator[bytes]:
        """Yield the rows as they lie on the disk, copies with their own ids."""
        for place in self.places:
            yield pack(self._spill.read(place)) if place.copy else self._spill.read_packed(*place[4:6])

    def of_kinds(self, wanted: Callable[[str], bool]) -> Rows:
        """Return the rows whose kind is wanted."""
        return Rows(self._spill, [place for place in self.places if wanted(place.kind)])

    def once(self) -> Rows:
        """Return each row once: no copies."""
        return Rows(self._spill, [place for place in self.places if not place.copy])

    def __add__(self, other: Rows) -> Rows:
        if other._spill is not self._spill:
            raise ValueError("rows of two files cannot be joined")
        return Rows(self._spill, [*self.places, *other.places])

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, number: int) -> Example: ...

    @overload
    def __getitem__(self, number: slice) -> Rows: ...

    def __getitem__(self, number: int | slice) -> Example | Rows:
        if isinstance(number, slice):
            return Rows(self._spill, self.places[number])
        return self._spill.read(self.places[number])

    def __iter__(self) -> Iterator[Example]:
        return map(self._spill.read, self.places)


def read_examples(dataset: Path) -> tuple[Rows, Rows]:
    """Return the training and the validation rows of a dataset; few of them are in memory at once.

    They are copied out of the Parquet files, where a single row cannot be reached.
    """
    spill = Spill(dataset)
    places: dict[str, list[Place]] = {"train": [], "validation": []}
    for path in sorted(dataset.glob("examples*.parquet")):
        for meta, ids, trained in _read(path):
            if meta[2] in places:
                packed = _packed(meta, ids, trained)
                count = int(np.frombuffer(trained, np.uint8).sum())
                places[meta[2]].append(spill.add_packed(meta[0], meta[1], len(ids), count, packed))
    return Rows(spill, places["train"]), Rows(spill, places["validation"])


def write_examples(path: Path, training: Rows, validation: Iterable[Example]) -> None:
    """Write rows as one Parquet file of `Example`s, atomically, a part of them in memory at a time."""
    import pyarrow.parquet as pq

    temporary = path.with_name(path.name + ".tmp")
    with pq.ParquetWriter(temporary, record_schema(Example), compression="zstd") as writer:
        rows = chain(training.packed(), map(pack, validation))
        while part := list(islice(rows, _WRITTEN)):
            writer.write_table(_table([_fields(one) for one in part]))
    replace_file(temporary, path)


def pack(row: Example) -> bytes:
    """Return a row as bytes."""
    meta = [row.id, row.kind, row.split, row.text, row.lineage, row.weight]
    return _packed(meta, array("i", row.input_ids), bytes(row.trained))


def unpack(packed: bytes) -> Example:
    """Return the row that `pack` was given."""
    (id_, kind, split, text, lineage, weight), ids, trained = _fields(packed)
    flags = tuple(map(bool, trained))
    return Example(id_, kind, split, text, tuple(ids.tolist()), flags, tuple(lineage), weight)


def _packed(meta: list[Any], ids: array[int] | NDArray[np.int32], trained: bytes) -> bytes:
    told = json.dumps(meta).encode()
    return b"".join((_SIZES.pack(len(told), len(ids)), told, ids.tobytes(), trained))


def _read(path: Path) -> Iterator[tuple[list[Any], NDArray[np.int32], bytes]]:
    """Yield meta data, tokens and loss of the rows of a Parquet file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_WRITTEN):
            metas = zip(*(batch.column(name).to_pylist() for name in _META), strict=True)
            ids = batch.column("input_ids")
            offsets = ids.offsets.to_numpy()
            tokens = ids.values.to_numpy().astype(np.int32)
            trained = batch.column("trained").values.to_numpy(zero_copy_only=False).astype(np.uint8)
            for meta, start, end in zip(metas, offsets, offsets[1:], strict=False):
                yield list(meta), tokens[start:end], trained[start:end].tobytes()


def _nameless(folder: Path) -> IO[bytes]:
    """Open a file in a folder, or where temporary files are where nothing can be written."""
    place = folder if os.access(folder, os.W_OK) else None
    return TemporaryFile(dir=place, buffering=_BUFFER)


def _fields(packed: bytes) -> tuple[list[Any], NDArray[np.int32], bytes]:
    """Return the meta data of a row, its tokens, and a byte for each that says whether it carries loss."""
    size, tokens = _SIZES.unpack_from(packed)
    start = _SIZES.size + size
    ids = np.frombuffer(packed, np.int32, tokens, start)
    return json.loads(packed[_SIZES.size : start]), ids, packed[start + 4 * tokens :]


def _table(rows: Sequence[tuple[list[Any], NDArray[np.int32], bytes]]) -> pa.Table:
    import pyarrow as pa

    schema = record_schema(Example)
    ends = np.cumsum([0, *(len(ids) for _, ids, _ in rows)], dtype=np.int32)
    flags = np.frombuffer(b"".join(trained for *_, trained in rows), np.bool_)
    ids = np.concatenate([ids for _, ids, _ in rows]).astype(np.int64)
    metas = zip(*(meta for meta, *_ in rows), strict=True)
    columns: dict[str, Any] = {
        name: pa.array(values, schema.field(name).type) for name, values in zip(_META, metas, strict=True)
    }
    columns["input_ids"] = pa.ListArray.from_arrays(ends, ids)
    columns["trained"] = pa.ListArray.from_arrays(ends, flags)
    return pa.table([columns[name] for name in schema.names], schema=schema)
