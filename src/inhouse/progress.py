"""What the user sees while work goes on: always on stderr, always in the log, never on stdout.

On a terminal, bars of `rich` with a remaining time computed from the work already done; when piped, a plain
line every ten seconds. The log file holds every line with its time.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import RenderableType
    from rich.progress import Progress as RichProgress

__all__ = ["Progress", "Task"]

_PLAIN_SECONDS = 10.0
_MIN_SHARE_FOR_REMAINING = 0.02  # before this, an estimate would be a guess


class Task:
    """One long step. `total` is in `unit`s of work, chosen so that equal units take equal time."""

    def __init__(self, progress: Progress, title: str, total: float | None, unit: str) -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.done = 0.0
        self.note = ""
        self._started = time.monotonic()
        self._resumed_at = 0.0
        self._shown = self._started
        self._progress = progress
        self._bar = progress._add_bar(self)

    def advance(self, amount: float = 1.0, note: str | None = None) -> None:
        """Count `amount` more units as done; `note` (such as the current loss) is shown beside the bar."""
        self.done += amount
        self._refresh(note)

    def skip(self, amount: float) -> None:
        """Count units that an earlier run had done: they do not enter the estimate of the speed."""
        self._resumed_at += amount
        self.advance(amount)

    def remaining_seconds(self) -> float | None:
        """Return the estimated remaining time, or None while nothing honest can be said."""
        worked = self.done - self._resumed_at
        if not self.total or worked <= 0 or self.done < self.total * _MIN_SHARE_FOR_REMAINING:
            return None
        return (time.monotonic() - self._started) / worked * max(0.0, self.total - self.done)

    def line(self) -> str:
        """Return the state as one plain line."""
        share = f" {100 * self.done / self.total:.0f}%" if self.total else ""
        amount = f" {self.done:,.0f} {self.unit}" if self.unit else ""
        remaining = self.remaining_seconds()
        left = f", {_duration(remaining)} left" if remaining else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.title}:{share}{amount}{left}{note}"

    def _refresh(self, note: str | None) -> None:
        if note is not None:
            self.note = note
        self._progress._update_bar(self, self._bar)
        now = time.monotonic()
        if now - self._shown >= _PLAIN_SECONDS:
            self._shown = now
            self._progress._plain(self.line())


class Progress:
    """Where a run speaks. `quiet` drops everything but the log."""

    def __init__(self, log: Path | None = None, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._log = log.open("a", encoding="utf-8") if log is not None else None
        self._rich: RichProgress | None = None
        self._on_terminal = not quiet and self._stream.isatty()

    @classmethod
    def silent(cls) -> Progress:
        """Return a progress that says nothing anywhere."""
        return cls(quiet=True)

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def say(self, message: str) -> None:
        """Print one line."""
        self._write_log(message)
        if self._rich is not None:
            self._rich.console.print(message, markup=False, highlight=False)
        elif not self._quiet:
            print(message, file=self._stream, flush=True)

    def warn(self, message: str) -> None:
        """Print one line that the user should not miss."""
        self.say(f"note: {message}")

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Show a long step while the block runs, and one closing line with the time it took."""
        if self._on_terminal and self._rich is None:
            with self._bars():
                yield from self._run_task(title, total, unit)
        else:
            yield from self._run_task(title, total, unit)

    def _run_task(self, title: str, total: float | None, unit: str) -> Iterator[Task]:
        self._write_log(f"{title}: begins")
        task = Task(self, title, total, unit)
        yield task
        if self._rich is not None and task._bar is not None:
            self._rich.remove_task(task._bar)  # type: ignore[arg-type]
        amount = f" {task.done:,.0f} {unit}," if unit and task.done else ""
        note = f" ({task.note})" if task.note else ""
        self.say(f"{title}:{amount} {_duration(time.monotonic() - task._started)}{note}")

    @contextmanager
    def _bars(self) -> Iterator[None]:
        with _make_bars(self._stream) as self._rich:
            try:
                yield
            finally:
                self._rich = None

    def _add_bar(self, task: Task) -> int | None:
        if self._rich is None:
            return None
        return self._rich.add_task(task.title, total=task.total, left="", note="")

    def _update_bar(self, task: Task, bar: int | None) -> None:
        if self._rich is not None and bar is not None:
            remaining = task.remaining_seconds()
            left = f"{_duration(remaining)} left" if remaining else ""
            self._rich.update(bar, completed=task.done, left=left, note=task.note)  # type: ignore[arg-type]

    def _plain(self, line: str) -> None:
        self._write_log(line)
        if not self._quiet and not self._on_terminal:
            print(line, file=self._stream, flush=True)

    def _write_log(self, line: str) -> None:
        if self._log is not None:
            self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}\n")
            self._log.flush()


def _make_bars(stream: TextIO) -> RichProgress:
    """Return a bar for each task; what is noted of it stands below, where 80 columns have room for it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.text import Text

    class Bars(Progress):
        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                if task.fields["note"]:
                    yield Text(f"  {task.fields['note']}", no_wrap=True, overflow="ellipsis")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    return Bars(*columns, console=Console(file=stream), transient=True)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
