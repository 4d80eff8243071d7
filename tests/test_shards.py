"""Records survive Parquet exactly, and shards do not depend on who made them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.records import Change, Example, Hunk, Occurrence
from inhouse.shards import Processes, map_shards, read_records, write_records

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.lists(
        st.builds(
            Change,
            *[_TEXT] * 6,
            st.lists(st.builds(Hunk, *[st.integers(0, 2**40)] * 4), max_size=3).map(tuple),
        )
    )
)
def test_nested_records_come_back_equal(changes: list[Change]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_records(Path(folder) / "changes.parquet", changes, Change)
        assert list(read_records(Path(folder), "changes", Change)) == changes


def test_tuples_of_scalars_come_back_as_tuples(tmp_path: Path) -> None:
    example = Example("1", "change", "train", "é", (1, 2), (True, False), ("a",), 1.0)
    write_records(tmp_path / "examples.parquet", [example], Example)
    assert list(read_records(tmp_path, "examples", Example)) == [example]


@dataclass(frozen=True, slots=True)
class Before:
    name: str


@dataclass(frozen=True, slots=True)
class Since:
    name: str
    factor: int = 1


def test_a_field_that_came_later_has_its_default_in_older_files(tmp_path: Path) -> None:
    write_records(tmp_path / "rows.parquet", [Before("a")], Before)
    assert list(read_records(tmp_path, "rows", Since)) == [Since("a", 1)]


def test_an_empty_file_keeps_its_schema(tmp_path: Path) -> None:
    write_records(tmp_path / "occurrences.parquet", [], Occurrence)
    assert list(read_records(tmp_path, "occurrences", Occurrence)) == []


def square(number: int, path: Path) -> None:
    hunk = Hunk(number, number**2, 0, os.getpid() * 0)
    write_records(path, [hunk], Hunk)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_shards_are_the_same_for_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    paths = map_shards(square, list(range(5)), tmp_path, "squares", workers=workers)
    assert [path.name for path in paths] == [f"squares-{number:05d}.parquet" for number in range(5)]
    assert [hunk.old_count for hunk in read_records(tmp_path, "squares", Hunk)] == [0, 1, 4, 9, 16]
    reference = tmp_path / "reference"
    map_shards(square, list(range(5)), reference, "squares", workers=1)
    assert [path.read_bytes() for path in paths] == [(reference / path.name).read_bytes() for path in paths]


def test_a_finished_shard_is_not_made_again(tmp_path: Path) -> None:
    map_shards(square, [1], tmp_path, "squares", workers=1)
    before = (tmp_path / "squares-00000.parquet").stat().st_mtime_ns
    map_shards(square, [1, 2], tmp_path, "squares", workers=1)
    assert (tmp_path / "squares-00000.parquet").stat().st_mtime_ns == before
    assert (tmp_path / "squares-00001.parquet").exists()


def slow(seconds: float, path: Path) -> None:
    time.sleep(seconds)


def _interrupted(
    code: str, delay: float, *arguments: Path, to_all: bool = True
) -> tuple[str, str, int | None]:
    """Run code that says "ready" and goes to work; return what it said after a Ctrl-C, and its status."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).parent.parent,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return out, err, process.returncode


@pytest.mark.parametrize("to_all", [False, True], ids=["one process", "a terminal's whole group"])
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8])
def test_ctrl_c_ends_a_pool_that_is_starting_without_a_word(
    tmp_path: Path, delay: float, to_all: bool
) -> None:
    code = (
        "import sys; from pathlib import Path; from inhouse.shards import map_shards\n"
        "from tests.test_shards import slow\n"
        "def work():\n"
        "    print('ready', flush=True)\n"
        "    map_shards(slow, [0.2] * 50, Path(sys.argv[1]), 'slow', workers=2)\n"
        "try: work()\n"
        "except KeyboardInterrupt: print('stopped')"
    )
    assert _interrupted(code, delay, tmp_path, to_all=to_all) == ("stopped\n", "", 0)


def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from inhouse.shards import map_shards\n"
        "from tests.test_shards import slow\n"
        "map_shards(slow, [0.0, 600.0, 600.0], Path(sys.argv[1]), 'slow', workers=2)"
    )
    root = Path(__file__).parent.parent
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=root)
    marker = f"forkserver.*{parent.pid}"
    import psutil

    deadline = time.monotonic() + 30
    family: list[psutil.Process] = []
    while time.monotonic() < deadline and len(family) < 4:  # fork server, resource tracker, two workers
        family = psutil.Process(parent.pid).children(recursive=True)
        time.sleep(0.05)
    assert len(family) >= 3, marker
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []


# ------------------------------------------------------------------ answers in order

_factor: list[int] = []


def prepare(factor: int) -> None:
    _factor[:] = [factor]


def times(number: int) -> int:
    time.sleep(0.01 * (number % 3))
    return _factor[0] * number


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_answers_come_in_the_order_of_the_questions_and_few_are_asked_ahead() -> None:
    asked: list[int] = []

    def questions() -> Iterator[int]:
        for number in range(1_000):
            asked.append(number)
            yield number

    with Processes(2, prepare, 3) as processes:
        answers = processes.map(times, questions())
        assert [next(answers) for _ in range(20)] == [3 * number for number in range(20)]
        assert len(asked) <= 20 + 5
    assert len(asked) <= 20 + 5


def place_of(number: int) -> tuple[int, int]:
    time.sleep(0.01 * (number % 3))
    return number, os.getpid()


def refuse_seven(number: int) -> int:
    if number == 7:
        raise ValueError("seven")
    return number


def test_shared_work_is_answered_in_order_and_nobody_waits_for_processes_that_start() -> None:
    with Processes(1) as processes:
        answers = list(processes.share(place_of, range(100)))
    assert [number for number, _ in answers] == list(range(100))
    doers = {process for _, process in answers}
    assert os.getpid() in doers
    assert len(doers) == 2


def test_of_shared_work_only_so_much_waits_for_what_comes_before_it() -> None:
    asked: list[float] = []

    def naps() -> Iterator[float]:
        for number in range(200):
            asked.append(number)
            yield 0.5 if number == 0 else 0.0

    with Processes(1) as processes:
        answers = processes.share(nap, naps())
        assert next(answers) == 0.5
        assert len(asked) <= 10
        assert sum(1 for _ in answers) == 199


@pytest.mark.parametrize("seven", [7, 70])
def test_shared_work_that_fails_raises_here_whoever_did_it(seven: int) -> None:
    works = [*[0] * seven, 7, *[0] * 20]
    with Processes(1) as processes, pytest.raises(ValueError, match="seven"):
        list(processes.share(refuse_seven, works))


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.8])
def test_ctrl_c_ends_processes_that_answer_without_a_word(delay: float) -> None:
    code = (
        "from inhouse.shards import Processes\n"
        "from tests.test_shards import nap, prepare\n"
        "def work():\n"
        "    print('ready', flush=True)\n"
        "    with Processes(2, prepare, 1) as processes:\n"
        "        list(processes.map(nap, [0.1] * 100))\n"
        "try: work()\n"
        "except KeyboardInterrupt: print('stopped')"
    )
    assert _interrupted(code, delay) == ("stopped\n", "", 0)


def test_processes_that_answer_leave_when_their_parent_is_killed() -> None:
    import psutil

    code = (
        "from inhouse.shards import Processes\n"
        "from tests.test_shards import nap, prepare\n"
        "with Processes(2, prepare, 1) as processes: list(processes.map(nap, [600.0] * 4))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent.parent)
    deadline = time.monotonic() + 30
    family: list[psutil.Process] = []
    while time.monotonic() < deadline and len(family) < 4:
        family = psutil.Process(parent.pid).children(recursive=True)
        time.sleep(0.05)
    assert len(family) >= 3
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []
