from __future__ import annotations

import errno
from pathlib import Path

import pytest

from inhouse.errors import UserMistake
from inhouse.training.checkpoints import Checkpoints


def _newest(store: Checkpoints) -> int | None:
    return max(filter(store.is_whole, store.steps()), default=None)


def _write(store: Checkpoints, step: int) -> None:
    with store.writing(step) as folder:
        (folder / "weights.safetensors").write_bytes(bytes(1000))
        (folder / "course.json").write_text(f'{{"step": {step}}}')


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    made = Checkpoints(tmp_path / "checkpoints")
    for step in (3, 6):
        _write(made, step)
    return made


def test_the_newest_whole_checkpoint_counts(store: Checkpoints) -> None:
    assert _newest(store) == 6
    assert _newest(Checkpoints(store.folder.with_name("none"))) is None


@pytest.mark.parametrize("name", ["weights.safetensors", "course.json", "complete.json"])
@pytest.mark.parametrize("damage", ["cut short", "removed", "changed"])
def test_a_damaged_checkpoint_is_ignored_and_the_one_before_is_used(
    store: Checkpoints, name: str, damage: str
) -> None:
    path = store.path(6) / name
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut short" else b"?" + content[1:])
    assert _newest(store) == 3


def test_a_checkpoint_that_was_being_written_does_not_count(store: Checkpoints) -> None:
    (store.folder / "step-000009.partial").mkdir()
    (store.folder / "step-000009.partial" / "complete.json").write_text("{}")
    assert _newest(store) == 6
    assert store.steps() == [3, 6]
    _write(store, 9)
    assert _newest(store) == 9
    assert list(store.folder.glob("*.partial")) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_keeps_the_checkpoint_before_and_frees_what_was_written(
    store: Checkpoints, number: int
) -> None:
    with pytest.raises(UserMistake, match=r"free disk space for its checkpoints.*at step 9"):
        with store.writing(9) as folder:
            (folder / "weights.safetensors").write_bytes(bytes(100))
            raise OSError(number, "no room")
    assert _newest(store) == 6
    assert sorted(path.name for path in store.folder.iterdir()) == ["step-000003", "step-000006"]


def test_another_error_is_not_mistaken_for_a_full_disk(store: Checkpoints) -> None:
    with pytest.raises(ZeroDivisionError), store.writing(9):
        _ = 1 // 0
    assert _newest(store) == 6


def test_a_damaged_checkpoint_can_be_written_again(store: Checkpoints) -> None:
    (store.path(6) / "course.json").unlink()
    _write(store, 6)
    assert _newest(store) == 6


def test_only_wanted_checkpoints_stay(store: Checkpoints) -> None:
    for step in (9, 12):
        _write(store, step)
    store.keep({3, 12})
    assert store.steps() == [3, 12]
    store.remove_all()
    assert not store.folder.exists()
