from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from inhouse.engines.base import GenerateRequest, Token
from inhouse.serving.scheduler import QueueFull, Scheduler, Stopping

Event = Token | Exception | None


class Steps:
    """An engine of which every step waits for a permit, and writes down whose step it was."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.closed: list[int] = []
        self._permits = threading.Semaphore(0)

    def permit(self, steps: int) -> None:
        self._permits.release(steps)

    def generate(self, request: GenerateRequest, cancelled: Callable[[], bool]) -> Iterator[Token]:
        try:
            for number in range(request.max_new_tokens):
                self._permits.acquire()
                if cancelled():
                    return
                self.order.append(request.seed)
                last = number == request.max_new_tokens - 1
                yield Token(number, "x", 0.0, "length" if last else "")
        finally:
            self.closed.append(request.seed)


def _request(name: int, tokens: int) -> GenerateRequest:
    return GenerateRequest((), tokens, seed=name)


class Inbox:
    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue()
        self.deliver = self._events.put

    def get(self) -> Event:
        return self._events.get(timeout=10)

    def rest(self) -> list[Event]:
        """Return everything up to the end."""
        events = [self.get()]
        while isinstance(events[-1], Token) and not events[-1].finish:
            events.append(self.get())
        return events


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_active_generations_take_turns_and_the_others_enter_in_order_of_arrival() -> None:
    steps = Steps()
    scheduler = Scheduler(steps.generate, active=2, waiting=8)
    inboxes = [Inbox() for _ in range(4)]
    for name, (inbox, tokens) in enumerate(zip(inboxes, (6, 2, 2, 1), strict=True)):
        scheduler.submit(_request(name, tokens), inbox.deliver)
        _wait_until(lambda: scheduler.load[0] > 0)  # the first one has begun its first step
    steps.permit(11)
    assert [len(inbox.rest()) for inbox in inboxes] == [6, 2, 2, 1]
    assert steps.order == [0, *(0, 1, 0, 1), *(0, 2, 0, 2), *(0, 3)]
    scheduler.stop()
    assert scheduler.join(10)


def test_the_queue_is_bounded_and_a_cancelled_place_is_free_again() -> None:
    steps = Steps()
    scheduler = Scheduler(steps.generate, active=1, waiting=2)
    inboxes = [Inbox() for _ in range(4)]
    scheduler.submit(_request(0, 1), inboxes[0].deliver)
    _wait_until(lambda: scheduler.load == (1, 0))
    scheduler.submit(_request(1, 1), inboxes[1].deliver)
    cancel = scheduler.submit(_request(2, 1), inboxes[2].deliver)
    with pytest.raises(QueueFull):
        scheduler.submit(_request(3, 1), inboxes[3].deliver)
    cancel()
    assert inboxes[2].get() is None
    scheduler.submit(_request(3, 1), inboxes[3].deliver)
    steps.permit(3)
    assert [len(inboxes[name].rest()) for name in (0, 1, 3)] == [1, 1, 1]
    assert steps.order == [0, 1, 3]
    scheduler.stop()


def test_a_burst_does_not_overfill_the_queue_before_the_first_step() -> None:
    scheduler = Scheduler(Steps().generate, active=2, waiting=3)
    refused = 0
    for name in range(50):
        try:
            scheduler.submit(_request(name, 1), Inbox().deliver)
        except QueueFull:
            refused += 1
    assert refused == 45
    scheduler.stop()


def test_a_cancelled_generation_makes_no_further_token_and_is_closed() -> None:
    steps = Steps()
    scheduler = Scheduler(steps.generate, active=2)
    gone, other = Inbox(), Inbox()
    cancel = scheduler.submit(_request(0, 1000), gone.deliver)
    steps.permit(3)
    assert [isinstance(gone.get(), Token) for _ in range(3)] == [True] * 3
    cancel()
    scheduler.submit(_request(1, 2), other.deliver)
    steps.permit(3)  # one of them lets the cancelled step see that it is
    assert gone.get() is None
    assert len(other.rest()) == 2
    assert steps.order == [0, 0, 0, 1, 1]
    _wait_until(lambda: sorted(steps.closed) == [0, 1])
    cancel()  # again, after the end: nothing happens
    scheduler.stop()


def test_a_generation_that_fails_gives_its_error_and_harms_no_other() -> None:
    def generate(request: GenerateRequest, cancelled: Callable[[], bool]) -> Iterator[Token]:
        if request.seed == 0:
            raise ValueError("broken")
        yield Token(0, "x", 0.0, "stop")

    scheduler = Scheduler(generate)
    broken, whole = Inbox(), Inbox()
    scheduler.submit(_request(0, 1), broken.deliver)
    scheduler.submit(_request(1, 1), whole.deliver)
    assert isinstance(broken.get(), ValueError)
    assert whole.rest() == [Token(0, "x", 0.0, "stop")]
    scheduler.stop()


def test_stopping_ends_what_runs_and_what_waits_and_takes_nothing_new() -> None:
    steps = Steps()
    scheduler = Scheduler(steps.generate, active=1)
    inboxes = [Inbox(), Inbox()]
    for name, inbox in enumerate(inboxes):
        scheduler.submit(_request(name, 1000), inbox.deliver)
    steps.permit(1)
    assert isinstance(inboxes[0].get(), Token)
    scheduler.stop()
    steps.permit(1)  # the step that was under way
    assert scheduler.join(10)
    assert isinstance(inboxes[0].rest()[-1], Stopping)
    assert isinstance(inboxes[1].get(), Stopping)
    with pytest.raises(Stopping):
        scheduler.submit(_request(2, 1), inboxes[0].deliver)
    assert steps.closed == [0]
