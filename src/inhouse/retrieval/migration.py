"""Move an index between a file and a server without the repository: rows, words, vectors and kept values.

The copy is made beside its place, checked, and put there in one step. So a place holds a whole index or none,
whenever the copying was killed; the next try removes what was left and begins anew.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inhouse.digests import digest_rows
from inhouse.errors import CheckFailed, UserMistake
from inhouse.retrieval.places import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from inhouse.progress import Task
    from inhouse.retrieval.places import Address
    from inhouse.retrieval.store import FileFacts, Store

__all__ = ["Migration", "migrate"]

_BATCH_FILES = 64
_BATCH_CHARACTERS = 1_000_000
_OF_VECTORS = frozenset({"vectors", "vectors_state"})  # kept values that putting vectors in makes

_Contents = tuple["FileFacts", "dict[int, np.ndarray]"]


class Migration(NamedTuple):
    """What was copied."""

    counts: dict[str, int]
    digest: str


def migrate(source: Path | Address, target: Path | Address, task: Task | None = None) -> Migration:
    """Copy an index to a place where there is none; `task` is advanced by file.

    Raises UserMistake for a source without an index and a target with one, CheckFailed for a copy that is
    not what was to be copied.
    """
    if not source.exists():
        raise UserMistake("there is no index to migrate", str(source), "build it with `inhouse index`")
    if target.exists():
        given = f"{target} is there already"
        raise UserMistake("an index is migrated to a place of its own", given, "name another, or delete it")
    with open_store(source, read_only=True) as old, old.reading():
        if not old.counts()["files"]:
            raise UserMistake("an index without files is not migrated", str(source), "run `inhouse index`")
        with _beside(target) as partial:
            with open_store(partial) as new:
                _copy(old, new, task)
                copied = _checked(old, new, target)
            _rename(partial, target)
    return copied


def _copy(old: Store, new: Store, task: Task | None) -> None:
    model = (old.get("vectors") or {}).get("model", "")
    for batch in _batches(old.contents()):
        new.replace([facts for facts, _ in batch])
        _copy_vectors(new, model, batch)
        if task is not None:
            task.advance(len(batch))
    for name, value in old.kept().items():
        if name not in _OF_VECTORS:
            new.set(name, value)


def _copy_vectors(new: Store, model: str, batch: list[_Contents]) -> None:
    vectors: dict[int, np.ndarray] = {}
    for facts, by_place in batch:
        if by_place:
            numbers = sorted(new.chunks_of(facts.file.path))  # given in the order of the facts
            vectors |= {numbers[place]: vector for place, vector in by_place.items()}
    new.put_vectors(model, vectors)


def _batches(contents: Iterator[_Contents]) -> Iterator[list[_Contents]]:
    batch: list[_Contents] = []
    characters = 0
    for facts, vectors in contents:
        batch.append((facts, vectors))
        characters += sum(len(chunk.text) for chunk in facts.chunks)
        if len(batch) == _BATCH_FILES or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _checked(old: Store, new: Store, target: Path | Address) -> Migration:
    wanted = Migration(old.counts(), digest_rows(old.rows()))
    with new.reading():
        copied = Migration(new.counts(), digest_rows(new.rows()))
    if copied != wanted:
        raise CheckFailed(
            f"the copy is not what was copied, so {target} was not made: {copied}, not {wanted}."
        )
    return copied


# ------------------------------------------------------------------ places


@contextmanager
def _beside(target: Path | Address) -> Iterator[Path | Address]:
    """Give a place beside the target; nothing is left there when the block fails."""
    partial = _partial(target)
    _remove(partial)
    try:
        yield partial
    except BaseException:
        _remove(partial)
        raise


def _partial(target: Path | Address) -> Path | Address:
    if isinstance(target, Path):
        return target.with_name(target.name + ".partial")
    return replace(target, index=f"{target.index}$partial")  # a name that no user can give


def _remove(place: Path | Address) -> None:
    if isinstance(place, Path):
        for suffix in ("", "-wal", "-shm"):
            place.with_name(place.name + suffix).unlink(missing_ok=True)
        return
    from inhouse.retrieval.server import drop

    drop(place)


def _rename(partial: Path | Address, target: Path | Address) -> None:
    if isinstance(partial, Path) and isinstance(target, Path):
        partial.rename(target)
    elif not isinstance(partial, Path) and not isinstance(target, Path):
        from inhouse.retrieval.server import rename

        rename(partial, target)
