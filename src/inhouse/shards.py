"""Bulk data in Parquet shards, and work over shards that gives the same answer for any number of workers.

    folder/NAME-00000.parquet, NAME-00001.parquet, ...     rows in stable order, fixed boundaries

A shard that exists is done: `map_shards` skips it, so that a killed run repeats at most the shards that were
being written.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    import pyarrow as pa

    from inhouse.progress import Task

__all__ = [
    "Processes",
    "map_shards",
    "read_records",
    "read_rows",
    "record_schema",
    "replace_file",
    "write_json",
    "write_records",
    "write_rows",
]

Record = TypeVar("Record")
Work = TypeVar("Work")
Answer = TypeVar("Answer")

_MOST_HELD = 4
_READ_ROWS = 256  # in memory at once: one of a dataset may have thousands of tokens


def write_rows(path: Path, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> None:
    """Write rows as one Parquet file (zstd), atomically: the file is whole or absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(list(rows), schema=schema)
    temporary = path.with_name(path.name + ".tmp")
    pq.write_table(table, temporary, compression="zstd")
    replace_file(temporary, path)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of one Parquet file, in order, a batch in memory at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_READ_ROWS):
            yield from batch.to_pylist()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document with sorted keys, atomically; NaN and infinity raise `ValueError`."""
    temporary = path.with_name(path.name + ".tmp")
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    replace_file(temporary, path)


def write_records(path: Path, records: Iterable[Record], kind: type[Record]) -> None:
    """Write frozen records (dataclasses of `inhouse.records`) as one Parquet file, atomically."""
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    rows = ({name: _plain(getattr(record, name)) for name in names} for record in records)
    write_rows(path, rows, record_schema(kind))


def read_records(folder: Path, name: str, kind: type[Record]) -> Iterator[Record]:
    """Yield the records of `folder/name.parquet` or of all its shards `name-NNNNN.parquet`, in order."""
    whole = folder / f"{name}.parquet"
    paths = [whole] if whole.exists() else sorted(folder.glob(f"{name}-[0-9]*.parquet"))
    build = _builder(kind)
    for path in paths:
        for row in read_rows(path):
            yield build(row)


def map_shards(
    function: Callable[[Work, Path], None],
    shards: Sequence[Work],
    folder: Path,
    name: str,
    *,
    workers: int,
    sizes: Sequence[float] | None = None,
    task: Task | None = None,
) -> list[Path]:
    """Call ``function(shard, path)`` for every shard whose `folder/name-NNNNN.parquet` is not there yet.

    `function` must be importable, must write `path` atomically and must depend on nothing but its shard.
    `sizes` are the units that `task` advances by. Returns the paths in shard order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}-{number:05d}.parquet" for number in range(len(shards))]
    weights = list(sizes) if sizes is not None else [1.0] * len(shards)
    todo = [number for number, path in enumerate(paths) if not path.exists()]
    if task is not None and len(todo) < len(paths):
        task.skip(sum(weights) - sum(weights[number] for number in todo))
    if workers <= 1 or len(todo) <= 1:
        for number in todo:
            function(shards[number], paths[number])
            if task is not None:
                task.advance(weights[number])
        return paths
    # forkserver: a plain fork of a process with threads can deadlock
    with ProcessPoolExecutor(workers, get_context("forkserver"), initializer=_end_with_parent) as pool:
        try:
            with _interrupt_held():
                futures = {pool.submit(function, shards[number], paths[number]): number for number in todo}
            for future, number in futures.items():
                future.result()
                if task is not None:
                    task.advance(weights[number])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return paths


class Processes:
    """Worker processes that answer in the order in which they are asked, however many they are.

    `prepare(*arguments)` runs once in each, before its first work; what they do must be importable. Used as
    a context: at its end, and after a Ctrl-C, work that was not begun is dropped.
    """

    def __init__(self, workers: int, prepare: Callable[..., None] | None = None, *arguments: Any) -> None:
        # forkserver: a plain fork of a process with threads can deadlock
        context = get_context("forkserver")
        self._pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(prepare, arguments))
        self._ahead = 2 * workers
        with _interrupt_held():
            for _ in range(workers):
                self._pool.submit(_ready)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[Work], Answer], works: Iterable[Work]) -> Iterator[Answer]:
        """Yield the answer to each work, in order; a few more than are asked for are begun."""
        begun: deque[Future[Answer]] = deque()
        for work in works:
            begun.append(self._submit(function, work))
            if len(begun) > self._ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()

    def share(self, function: Callable[[Work], Answer], works: Iterable[Work]) -> Iterator[Answer]:
        """Yield the answer to each work, in order; this process does what the others are too busy for.

        So nothing waits while they start. At most `_MOST_HELD` times as many answers as there are processes
        wait for one that comes before them.
        """
        begun: deque[Future[Answer]] = deque()
        left = iter(works)

        def is_given_to(submit: Callable[..., Future[Answer]]) -> bool:
            for work in islice(left, 1):
                begun.append(submit(function, work))
                return True
            return False

        more = True
        while more or begun:
            while more and sum(not future.done() for future in begun) < self._ahead:
                more = is_given_to(self._submit)
            if begun and (begun[0].done() or not more or len(begun) >= _MOST_HELD * self._ahead):
                yield begun.popleft().result()
            elif more:
                more = is_given_to(_done)

    def _submit(self, function: Callable[[Work], Answer], work: Work) -> Future[Answer]:
        with _interrupt_held():
            return self._pool.submit(function, work)


def replace_file(temporary: Path, final: Path) -> None:
    """Flush a written file to the disk, then give it its name: the name never stands for half a file."""
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(final)


@contextmanager
def _interrupt_held() -> Iterator[None]:
    """Deliver a Ctrl-C of this block at its end, to this process and to none that the block starts.

    Half a pool that is torn down leaves workers that fail on what they do not find, in public; and a terminal
    sends Ctrl-C to the workers too, which have nothing to say about it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _frame: received.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # new processes inherit it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, previous)
    if received and callable(previous):
        previous(signal.SIGINT, None)


def _done(function: Callable[[Work], Answer], work: Work) -> Future[Answer]:
    answer: Future[Answer] = Future()
    answer.set_result(function(work))
    return answer


def _ready() -> None:
    """Do nothing: a process that is asked for it starts now and not when there is work."""


def _begin(prepare: Callable[..., None] | None, arguments: Sequence[Any]) -> None:
    _end_with_parent()
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent() -> None:
    """Leave when the parent is gone: workers of a killed parent would wait on their queue for ever."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def record_schema(kind: type[Any]) -> pa.Schema:
    """Return the columns of a kind of record."""
    import pyarrow as pa

    return pa.schema([(name, _arrow_type(annotation)) for name, annotation in _annotations(kind).items()])


def _annotations(kind: type[Any]) -> dict[str, Any]:
    from typing import get_type_hints

    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _arrow_type(annotation: Any) -> pa.DataType:
    from typing import get_args

    import pyarrow as pa

    simple = {str: pa.large_string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    if annotation in simple:
        return simple[annotation]
    if dataclasses.is_dataclass(annotation):
        return pa.struct([(name, _arrow_type(inner)) for name, inner in _annotations(annotation).items()])  # type: ignore[arg-type]
    return pa.list_(_arrow_type(get_args(annotation)[0]))  # tuple[X, ...]


def _builder(annotation: Any) -> Callable[[Any], Any]:
    """Return a function that makes a value of `annotation` from what Parquet gives back."""
    from typing import get_args, get_origin

    if dataclasses.is_dataclass(annotation):
        fields = [(name, _builder(inner)) for name, inner in _annotations(annotation).items()]  # type: ignore[arg-type]
        # what a file of an earlier version lacks has its default
        return lambda row: annotation(**{name: build(row[name]) for name, build in fields if name in row})  # type: ignore[operator]
    if get_origin(annotation) is tuple:
        inner = _builder(get_args(annotation)[0])
        return lambda values: tuple(inner(value) for value in values)
    return lambda value: value
