"""The sandbox: one interface over the levels, the strongest one that this machine can prove."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake
from inhouse.sandbox.bubblewrap import Bubblewrap
from inhouse.sandbox.folder import job_folder, sweep
from inhouse.sandbox.landlock import Sandlock
from inhouse.sandbox.levels import Level, SetupFailed
from inhouse.sandbox.limits import Limits, Outcome
from inhouse.sandbox.local import UnsafeLocal
from inhouse.sandbox.probe import mend_for, prove
from inhouse.sandbox.signs import limits_hit
from inhouse.sandbox.whitelist import environment_with, find_inside, readable_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["LEVELS", "Examined", "Job", "Sandbox", "examine_levels"]

LEVELS: dict[str, Callable[[], Level]] = {"bubblewrap": Bubblewrap, "sandlock": Sandlock}
"""Strongest first."""

_MIB = 1 << 20
_AHEAD = 2  # jobs waiting for each worker: enough to keep it busy, few enough to stay lazy

_proved: dict[str, Level | SetupFailed] = {}
_proving = threading.Lock()


@dataclass(frozen=True, slots=True)
class Job:
    """One run of `Sandbox.run_many`; the fields are the arguments of `Sandbox.run`."""

    command: Sequence[str]
    files: Mapping[str, bytes] | Path | None = None
    readable: Sequence[Path] = ()
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] | None = None
    stdin: bytes = b""
    collect: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What `inhouse doctor` says about one level."""

    name: str
    complaint: str  # empty if it works
    mend: str  # the command that mends it, empty if it works


class Sandbox:
    """Runs untrusted commands. Safe to use from several threads at once."""

    def __init__(self, level: Level) -> None:
        self._level = level

    @classmethod
    def open(cls, unsafe_local: bool = False) -> Sandbox:
        """Return the strongest sandbox that this machine proves to have; the proof is made once per process.

        unsafe_local: run plainly instead, without isolation; every outcome then says so. Raises UserMistake
        with the command that mends it when there is no isolation to be had.
        """
        if unsafe_local:
            return cls(UnsafeLocal())
        refusals = []
        for name in LEVELS:
            level = _proven(name)
            if not isinstance(level, SetupFailed):
                return cls(level)
            refusals.append((name, str(level)))
        raise UserMistake(
            "running untrusted code needs isolation",
            " and ".join(f"{name} is not to be had ({complaint})" for name, complaint in refusals),
            f"run `{mend_for(*refusals[0])}`, or accept the risk with --unsafe-local",
        )

    @classmethod
    def at(cls, name: str) -> Sandbox:
        """Return the sandbox of one level, for tests and measurements. Raises UserMistake if it is not
        proved."""
        if name == UnsafeLocal.name:
            return cls(UnsafeLocal())
        level = _proven(name)
        if isinstance(level, SetupFailed):
            raise UserMistake(
                f"{name} must work here", str(level), f"mend it with `{mend_for(name, str(level))}`"
            )
        return cls(level)

    @property
    def isolation(self) -> str:
        """The level's name: bubblewrap, sandlock or unsafe-local."""
        return self._level.name

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | Path | None = None,
        readable: Sequence[Path] = (),
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        collect: Sequence[str] = (),
    ) -> Outcome:
        """Run a command in a folder of its own and return how it ended.

        files: a mapping from relative paths to contents, or a folder that is copied; they are `/work` inside,
        where the command starts and may write. readable: more files and folders to see, read-only, at the
        same paths. environment: variables on top of a small fixed set. stdin: its standard input. collect:
        files in `/work` to bring back, of at most `limits.file_mb` each; links are refused. Raises
        UserMistake for an empty command, one that does not exist inside, and missing files.
        """
        bounds = limits or Limits()
        if not command or "\0" in "".join(command):
            raise UserMistake("the sandbox needs a command", next_step="put it behind `--`")
        whitelist = readable_with(readable)
        variables = environment_with(environment or {})
        with job_folder(self._level.owner) as job:
            job.fill(files)
            if not find_inside(command[0], variables["PATH"], job.work, whitelist):
                raise UserMistake(
                    "the command must exist inside the sandbox, which has /usr, this Python and /work",
                    command[0],
                    "name one that does, or add its folder with --readable",
                )
            ended = self._level.run(job, command, whitelist, bounds, variables, stdin)
            found, refused = job.collect(collect, bounds.file_mb * _MIB)
        status = (
            None if ended.status is None else ended.status % 256 if ended.status >= 0 else 128 - ended.status
        )
        return Outcome(
            status=status,
            stdout=ended.stdout.decode("utf-8", "replace"),
            stderr=ended.stderr.decode("utf-8", "replace"),
            seconds=ended.seconds,
            cpu_seconds=ended.cpu_seconds,
            hit=limits_hit(ended, status),
            isolation=self.isolation,
            collected=found,
            not_collected=refused,
        )

    def run_job(self, job: Job) -> Outcome:
        """Run one job. Raises what `run` raises."""
        return self.run(
            job.command,
            files=job.files,
            readable=job.readable,
            limits=job.limits,
            environment=job.environment,
            stdin=job.stdin,
            collect=job.collect,
        )

    def run_many(self, jobs: Iterable[Job], workers: int = 2) -> Iterator[Outcome]:
        """Run jobs side by side on `workers` threads and yield their outcomes in the order of the jobs.

        `jobs` is read only a little ahead, so it may come from a model that is still generating. Raises what
        `run` raises, in its turn; jobs that have not started are then dropped.
        """
        if workers < 1:
            raise UserMistake("the sandbox needs at least one worker", str(workers))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        try:
            source = iter(jobs)
            waiting: deque[Future[Outcome]] = deque(
                pool.submit(self.run_job, job) for job in itertools.islice(source, _AHEAD * workers)
            )
            while waiting:
                outcome = waiting.popleft().result()
                waiting.extend(pool.submit(self.run_job, job) for job in itertools.islice(source, 1))
                yield outcome
        finally:
            pool.shutdown(cancel_futures=True)


def examine_levels() -> list[Examined]:
    """Return, for each level, whether this machine has it and the command that mends it if not."""
    examined = []
    for name in LEVELS:
        level = _proven(name)
        complaint = str(level) if isinstance(level, SetupFailed) else ""
        examined.append(Examined(name, complaint, mend_for(name, complaint) if complaint else ""))
    return examined


def _proven(name: str) -> Level | SetupFailed:
    with _proving:
        if name not in _proved:
            try:
                level = LEVELS[name]()
                sweep(level.owner)
                prove(Sandbox(level))
                _proved[name] = level
            except SetupFailed as failed:
                _proved[name] = failed
        return _proved[name]
