"""Progress goes to the log and to standard error, never to standard output, and its estimates are honest."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from inhouse.progress import Progress, Task


def test_nothing_reaches_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(tmp_path / "log")
    with progress.task("count", 2, "files") as task:
        task.advance()
    progress.say("done")
    progress.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "done" in captured.err
    assert "count: begins" in (tmp_path / "log").read_text()


def test_quiet_still_writes_the_log(tmp_path: Path) -> None:
    stream = io.StringIO()
    progress = Progress(tmp_path / "log", quiet=True, stream=stream)
    progress.warn("careful")
    progress.close()
    assert stream.getvalue() == ""
    assert "note: careful" in (tmp_path / "log").read_text()


def test_the_estimate_counts_only_work_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, *[110.0] * 10])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    task = Task(Progress.silent(), "train", 100, "tokens")
    task.skip(50)  # an earlier run did half
    task.advance(10)  # this one did 10 in 10 s, so 40 remain
    assert task.remaining_seconds() == pytest.approx(40.0)


def test_no_estimate_before_anything_was_done() -> None:
    task = Task(Progress.silent(), "train", 100, "tokens")
    assert task.remaining_seconds() is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_eighty_columns_hold_the_bar_the_time_left_and_all_that_a_training_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    note = "loss 5.314, validation 5.361, general code -9.7%, 12,634 tokens/s, 10.7 GB"
    stream = Terminal()
    progress = Progress(stream=stream)
    with progress.task("train", 100, "tokens") as task:
        task.advance(50, note)
        assert progress._rich is not None
        progress._rich.refresh()
    drawn = [
        line
        for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()))
        if line
    ]
    (bar,) = {line.rstrip() for line in drawn if line.startswith("train ") and " 50% " in line}
    assert bar.endswith(" left")
    assert f"  {note}" in [line.rstrip() for line in drawn]
    assert all(len(line) <= 80 for line in drawn if not line.startswith("train:"))


def test_user_text_is_not_read_as_markup() -> None:
    stream = Terminal()
    progress = Progress(stream=stream)
    with progress.task("step"):
        progress.say("[bold]as it is[/bold]")
    assert "[bold]as it is[/bold]" in stream.getvalue()
