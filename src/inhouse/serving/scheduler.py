"""Who is answered when: a few generations advance in turn, a token each; the others wait in order of arrival.

One thread advances them all. The arithmetic of one step uses every core already, so more threads would only
compete; and with turns of one token, a short answer never waits for a long one that began before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING

from inhouse.errors import InhouseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from inhouse.engines.base import GenerateRequest, Token

    Generate = Callable[[GenerateRequest, Callable[[], bool]], Iterator[Token]]
    Deliver = Callable[[Token | Exception | None], None]

__all__ = ["ACTIVE", "WAITING", "Generation", "QueueFull", "Scheduler", "Stopping"]

ACTIVE = 4
"""Generations that advance at the same time. Each holds its own attention cache."""

WAITING = 64
"""Generations that may wait for their turn."""


class QueueFull(InhouseError):
    """As many requests wait as may wait."""


class Stopping(InhouseError):
    """The server is on its way out: nothing is begun, and what runs is given up."""


class _Job:
    def __init__(self, generate: Generate, request: GenerateRequest, deliver: Deliver) -> None:
        self.deliver = deliver
        self.cancelled = threading.Event()
        self._begin: Callable[[], Iterator[Token]] = lambda: generate(request, self.cancelled.is_set)
        self._tokens: Iterator[Token] | None = None  # begun in the scheduler's thread

    def advance(self) -> bool:
        """Make one token and deliver it; return whether more can follow."""
        try:
            token = self._next()
        except Exception as error:
            self.deliver(error)
            return False
        self.deliver(token)
        return token is not None and not token.finish

    def close(self) -> None:
        """Free what the generation holds, now rather than when the collector comes by."""
        close = getattr(self._tokens, "close", None)
        if close is not None:
            with contextlib.suppress(Exception):  # its answer is over: there is nobody to tell
                close()

    def _next(self) -> Token | None:
        if self.cancelled.is_set():
            return None
        if self._tokens is None:
            self._tokens = self._begin()
        return next(self._tokens, None)


class Scheduler:
    """A bounded queue in front of an engine. All methods may be called from any thread."""

    def __init__(self, generate: Generate, *, active: int = ACTIVE, waiting: int = WAITING) -> None:
        self._generate = generate
        self._slots = active
        self._places = waiting
        self._waiting: deque[_Job] = deque()
        self._running: deque[_Job] = deque()
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="generation", daemon=True)
        self._thread.start()

    @property
    def load(self) -> tuple[int, int]:
        """How many generations advance, and how many wait."""
        with self._changed:
            return len(self._running), len(self._waiting)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def submit(self, request: GenerateRequest, deliver: Deliver) -> Callable[[], None]:
        """Queue a generation and return what cancels it.

        `deliver` is called in the scheduler's thread with each token; where no token has a reason to finish,
        it is called at last with the error, or with None after a cancellation. It must not block. Raises
        QueueFull and Stopping.
        """
        job = _Job(self._generate, request, deliver)
        with self._changed:
            if self._stopped:
                raise Stopping
            if len(self._running) + len(self._waiting) >= self._slots + self._places:
                raise QueueFull
            self._waiting.append(job)
            self._changed.notify()
        return lambda: self._cancel(job)

    def stop(self) -> None:
        """Give up everything, at the next token. What waits or runs ends with Stopping."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def join(self, seconds: float) -> bool:
        """After `stop`: wait for the thread; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _cancel(self, job: _Job) -> None:
        job.cancelled.set()
        with self._changed:
            if job in self._waiting:  # gives its place to others at once
                self._waiting.remove(job)
                job.deliver(None)

    def _run(self) -> None:
        while self._admit():
            job = self._running[0]
            more = job.advance()
            if not more:
                job.close()
            with self._changed:
                self._running.popleft()
                if more:
                    self._running.append(job)
        with self._changed:
            rest = (*self._running, *self._waiting)
            self._running.clear()
            self._waiting.clear()
        for job in rest:
            job.close()
            job.deliver(Stopping())

    def _admit(self) -> bool:
        """Wait for work and fill the free slots with those that wait longest; return False when stopped."""
        with self._changed:
            while not (self._waiting or self._running or self._stopped):
                self._changed.wait()
            while self._waiting and len(self._running) < self._slots:
                self._running.append(self._waiting.popleft())
            return not self._stopped


class Generation:
    """One generation as the event loop sees it. Made inside the loop that reads it."""

    def __init__(self, scheduler: Scheduler, request: GenerateRequest) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Token | Exception | None] = asyncio.Queue()
        self.cancel = scheduler.submit(request, self._deliver)

    async def tokens(self) -> AsyncIterator[Token]:
        """Yield tokens as they are made; ends early, without a reason to finish, after `cancel`."""
        while (event := await self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event
            if event.finish:
                return

    def _deliver(self, event: Token | Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits for it any more
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
